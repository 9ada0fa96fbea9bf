package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// discardInput discards what was typed on a terminal and not read yet.
func discardInput(terminal *os.File) {
	const read = 1 // FREAD in sys/fcntl.h: the input queue
	_ = unix.IoctlSetPointerInt(int(terminal.Fd()), unix.TIOCFLUSH, read)
}
