package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// discardInput discards what was typed on a terminal and not read yet.
func discardInput(terminal *os.File) {
	_ = unix.IoctlSetInt(int(terminal.Fd()), unix.TCFLSH, unix.TCIFLUSH)
}
