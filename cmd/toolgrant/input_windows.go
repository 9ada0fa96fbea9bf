package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// discardInput discards what was typed on a terminal and not read yet.
func discardInput(terminal *os.File) {
	_ = windows.FlushConsoleInputBuffer(windows.Handle(terminal.Fd()))
}
