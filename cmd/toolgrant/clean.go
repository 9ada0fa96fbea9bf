package main

import (
	"bytes"
	"fmt"
	"io"
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

// linef formats like [fmt.Sprintf], for a terminal: hidden characters are
// replaced, and the line breaks are those of the format. An argument may be the
// text of a server, and a line that it begins would look like the command's own.
func linef(format string, args ...any) string {
	if false {
		_ = fmt.Sprintf(format, args...) // lets go vet check the formats of all callers
	}
	lines := make([]any, len(args))
	for i, arg := range args {
		lines[i] = inline{arg}
	}
	return fmt.Sprintf(format, lines...)
}

// An inline is a value that is formatted without line breaks.
type inline struct{ value any }

// Format implements [fmt.Formatter].
func (l inline) Format(s fmt.State, verb rune) {
	_, _ = io.WriteString(s, safetext.Line(fmt.Sprintf(fmt.FormatString(s, verb), l.value)))
}

// indented returns a text of several lines for a terminal, such as a stack trace.
// All lines but the first are indented, so that none looks like the command's own.
func indented(text string) string {
	return strings.ReplaceAll(safetext.Text(strings.TrimRight(text, "\n")), "\n", "\n  ")
}

// cut shortens a line to a number of terminal cells.
func cut(s string, cells int) string { return ansi.Truncate(s, cells, "…") }
