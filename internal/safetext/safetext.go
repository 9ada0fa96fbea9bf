package safetext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Characters that are kept in some places only.
const (
	nonJoiner     = '\u200c'
	joiner        = '\u200d'
	textSelector  = '\ufe0e'
	emojiSelector = '\ufe0f'
)

// Line returns s on one line: line breaks and tabs become spaces.
func Line(s string) string { return clean(s, false) }

// Text returns s with its line breaks and tabs. CRLF becomes a line feed.
func Text(s string) string { return clean(s, true) }

// Capital returns s with its first letter in upper case. It does not clean s.
func Capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if first == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// Excerpt returns s on one line, with runs of spaces joined, in at most limit
// bytes. It ends in "…" where s was cut. The cost does not depend on the length
// of s.
func Excerpt(s string, limit int) string {
	cut := len(s) > 4*limit
	if cut {
		s = strings.TrimRightFunc(s[:4*limit], func(r rune) bool { return r == utf8.RuneError })
	}
	s = strings.Join(strings.Fields(Line(s)), " ")
	if len(s) <= limit && !cut {
		return s
	}
	const ellipsis = "…"
	if limit < len(ellipsis) {
		return ""
	}
	end := min(len(s), limit-len(ellipsis))
	for end > 0 && end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.TrimRight(s[:end], " "+string(joiner)+string(nonJoiner)) + ellipsis
}

func clean(s string, lines bool) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	last := rune(0) // written before
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		next, _ := utf8.DecodeRuneInString(s)
		switch {
		case r == '\r' && next == '\n':
			continue
		case r == '\n', r == '\t', unicode.In(r, unicode.Zl, unicode.Zp):
			r = space(r, lines)
		case unicode.Is(unicode.Zs, r):
			r = ' '
		case !visible(r) && !joins(last, r, next) && !selects(last, r):
			r = utf8.RuneError
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// isPlain reports whether s is printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func space(r rune, lines bool) rune {
	switch {
	case !lines:
		return ' '
	case r == '\t':
		return '\t'
	}
	return '\n'
}

// visible reports whether r has a glyph. The prepended marks of Arabic numbers
// are format characters with one.
func visible(r rune) bool {
	if unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
		return false
	}
	return unicode.IsPrint(r) || unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// joins reports whether r joins its neighbours, or keeps them apart, in a way
// that a reader sees.
func joins(last, r, next rune) bool {
	switch r {
	case joiner:
		return (isSymbol(last) || last == emojiSelector) && isSymbol(next) || joinsLetters(last, next)
	case nonJoiner:
		return joinsLetters(last, next)
	}
	return false
}

// joining are scripts in which letters change their form beside a joiner or
// non-joiner (Unicode Standard Annex 31, section 2.3).
var joining = []*unicode.RangeTable{
	unicode.Arabic, unicode.Bengali, unicode.Devanagari, unicode.Gujarati, unicode.Gurmukhi, unicode.Kannada, unicode.Khmer,
	unicode.Malayalam, unicode.Mongolian, unicode.Nko, unicode.Oriya, unicode.Sinhala, unicode.Syriac, unicode.Tamil, unicode.Telugu,
}

func joinsLetters(last, next rune) bool {
	return visible(last) && visible(next) && unicode.In(last, joining...) && unicode.In(next, joining...)
}

// selects reports whether r chooses between the two forms of the character
// before it. A second selector behind the same character hides data.
func selects(last, r rune) bool {
	return (r == textSelector || r == emojiSelector) &&
		(isSymbol(last) || '0' <= last && last <= '9' || strings.ContainsRune("#*‼⁉〰ℹ", last))
}

// isSymbol reports whether r may be an emoji or its skin tone.
func isSymbol(r rune) bool {
	return r != utf8.RuneError && r > unicode.MaxASCII && unicode.In(r, unicode.So, unicode.Sm, unicode.Sk)
}
