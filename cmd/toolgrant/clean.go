package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/lipgloss"
)

// Texts of models and servers may hold what a terminal obeys: sequences that
// move the cursor, rename the window or write into the clipboard, and marks
// that turn the order of what is read. The functions here leave nothing of
// that. They put a mark in its place, so that what somebody approves is not
// shorter than what will be sent.

// plainText makes a text of several lines harmless.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\t':
			return r
		case '\r':
			return -1
		}
		return harmless(r)
	}, s)
}

// plainLine makes a text harmless and puts it into one line.
func plainLine(s string) string {
	var before rune
	return strings.Map(func(r rune) rune {
		last := before
		before = r
		switch {
		case r == '\n', r == '\t', r == '\r', unicode.In(r, unicode.Zl, unicode.Zp):
			return ' '
		case r == emojiLook && !invisible(last):
			return r
		case invisible(r): // what can't be seen hides as well
			return utf8.RuneError
		}
		return harmless(r)
	}, s)
}

// emojiLook asks for the coloured form of the character before it: much that
// is typed as an emoji has one, and one says nothing by itself.
const emojiLook = '\ufe0f'

// invisible reports whether a character shows nothing, so that a text could be
// hidden in a row of them.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// harmless puts a mark in the place of what a terminal would obey: control
// characters, among them those of the upper range that some terminals take
// for the beginning of a sequence, and bidirectional overrides.
func harmless(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) && unicode.Is(unicode.Cf, r) {
		return utf8.RuneError
	}
	return r
}

// escapeControls escapes what JSON allows in a string and a terminal obeys:
// package json does so with the lower control characters only.
func escapeControls(data []byte) []byte {
	if !bytes.ContainsFunc(data, isUpperControl) {
		return data
	}
	out := make([]byte, 0, len(data)+len(`\u0000`))
	for _, r := range string(data) { // package json has seen to it that it is UTF-8
		if isUpperControl(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// isUpperControl: DEL, and what some terminals take for the beginning of a
// sequence. JSON has none of them outside of its strings.
func isUpperControl(r rune) bool { return r >= 0x7f && r <= 0x9f }

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
