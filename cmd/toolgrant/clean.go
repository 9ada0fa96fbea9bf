package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/toolgrant/toolgrant/internal/safetext"
)

// escapeHidden escapes terminal control characters and invisible characters in
// JSON, which does not change the value. Package json escapes only the lower
// control characters.
func escapeHidden(data []byte) []byte {
	if !bytes.ContainsFunc(data, isHidden) {
		return data
	}
	out := make([]byte, 0, len(data)+len(`\u0000`))
	for _, r := range string(data) { // package json writes valid UTF-8
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
// these only inside strings.
func isHidden(r rune) bool {
	return r >= 0x7f && r != utf8.RuneError && strings.ContainsRune(safetext.Line(string(r)), utf8.RuneError)
}

// cut shortens a line to a number of terminal cells.
func cut(s string, cells int) string { return ansi.Truncate(s, cells, "…") }
