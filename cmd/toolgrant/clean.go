package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/charmbracelet/lipgloss"

	"github.com/toolgrant/toolgrant/internal/safetext"
)

// escapeHidden escapes the characters that JSON allows in a string and that a
// terminal obeys or doesn't show, and leaves the value what it is: package json
// escapes the lower control characters only.
func escapeHidden(data []byte) []byte {
	if !bytes.ContainsFunc(data, isHidden) {
		return data
	}
	out := make([]byte, 0, len(data)+len(`\u0000`))
	for _, r := range string(data) { // package json has seen to it that it is UTF-8
		if !isHidden(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}

// isHidden reports whether r is a character that safetext replaces. JSON has
// none of them outside of its strings.
func isHidden(r rune) bool {
	return r >= 0x7f && r != utf8.RuneError && strings.ContainsRune(safetext.Line(string(r)), utf8.RuneError)
}

// cut shortens a line to so many cells of a terminal.
func cut(s string, cells int) string {
	if lipgloss.Width(s) <= cells {
		return s
	}
	width := 0
	for i, r := range s {
		if width += lipgloss.Width(string(r)); width >= cells {
			return s[:i] + "…"
		}
	}
	return s
}
