package safetext_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/safetext"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCapitalKeepsLettersWhole(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"": "", "a": "A", "key": "Key", "Key": "Key", "élan": "Élan", "ключ": "Ключ", "鍵": "鍵", "1 key": "1 key", "\xe9lan": "\xe9lan",
	} {
		assert.Equal(t, want, safetext.Capital(s))
	}
}

func TestHiddenCharactersBecomeMarks(t *testing.T) {
	t.Parallel()
	for name, hidden := range map[string]string{
		"escape": "\x1b", "bell": "\a", "delete": "\x7f", "null": "\x00", "backspace": "\b", "lone carriage return": "\r",
		"C1 sequence": "\u009b", "next line": "\u0085",
		"left-to-right embedding": "\u202a", "right-to-left embedding": "\u202b", "pop": "\u202c", "left-to-right override": "\u202d",
		"right-to-left override": "\u202e", "left-to-right isolate": "\u2066", "right-to-left isolate": "\u2067",
		"first strong isolate": "\u2068", "pop isolate": "\u2069", "left-to-right mark": "\u200e", "right-to-left mark": "\u200f",
		"Arabic letter mark": "\u061c",
		"zero-width space":   "\u200b", "non-joiner": "\u200c", "joiner": "\u200d", "word joiner": "\u2060", "invisible times": "\u2062",
		"byte order mark": "\ufeff", "soft hyphen": "\u00ad", "Mongolian vowel separator": "\u180e",
		"tag": "\U000E0041", "cancel tag": "\U000E007F", "variation selector": "\ufe00", "emoji selector behind a letter": "\ufe0f",
		"ideographic variation selector": "\U000E0100", "combining grapheme joiner": "\u034f", "Hangul filler": "\u3164",
		"half-width filler": "\uffa0", "reserved ignorable": "\U000E0800", "private use": "\ue000", "noncharacter": "\ufffe",
		"interlinear annotation": "\ufff9", "invalid byte": "\xff", "surrogate": "\xed\xa0\x80"[:1],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, clean := range []func(string) string{safetext.Line, safetext.Text, func(s string) string { return safetext.Excerpt(s, 100) }} {
				assert.Equal(t, "a�b", clean("a"+hidden+"b"))
				assert.Equal(t, "��", clean(hidden+hidden), "nothing follows from a row of them")
			}
		})
	}
}

func TestReadableTextStays(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"plain", "Grüße", "العربية ٣", "שלום, עולם!", "می\u200cخواهم", "क्\u200dष", "日本語", "한국어", "Việt Nam", "e\u0301",
		"👩‍💻 👨‍👩‍👧‍👦 ❤️ ❤️‍🔥 🏳️‍🌈 🤷🏽‍♀️ 1️⃣ ©️ ⚠︎ 🇩🇪", "\u0600١٢",
	} {
		assert.Equal(t, text, safetext.Line(text))
		assert.Equal(t, text, safetext.Text(text))
		assert.Equal(t, text, safetext.Excerpt(text, 1000))
	}
}

func TestJoinersAndSelectorsStayOnlyWhereTheyShow(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"👩\u200d\u200d💻":        "👩��💻",
		"❤\ufe0f\ufe0e":         "❤\ufe0f�",
		"👩\u200da":              "👩�a",
		"a\u200cb":              "a�b",
		"\x1b\ufe0f":            "��",
		"ש\u200dש":              "ש�ש", // no script of joiners
		"🏴\U000E0067\U000E007F": "🏴��",
	} {
		assert.Equal(t, want, safetext.Line(in))
	}
}

func TestLineBreaksAreKeptInTextOnly(t *testing.T) {
	t.Parallel()
	const in = "one\r\ntwo\tthree\u2028four\u2029five\u00a0six\u3000seven"
	assert.Equal(t, "one\ntwo\tthree\nfour\nfive six seven", safetext.Text(in))
	assert.Equal(t, "one two three four five six seven", safetext.Line(in))
}

func TestAnExcerptIsBounded(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a b", safetext.Excerpt("  a \n\t b ", 10))
	assert.Equal(t, "abcdefg…", safetext.Excerpt("abcdefghijklmn", 10))
	assert.Equal(t, "ü…", safetext.Excerpt("üüüüü", 6))
	assert.Equal(t, "👩…", safetext.Excerpt("👩\u200d💻👩\u200d💻", 12), "no joiner is left over")
	assert.Empty(t, safetext.Excerpt("abc", 2))
	assert.Equal(t, "abc", safetext.Excerpt("abc", 3))
	assert.LessOrEqual(t, len(safetext.Excerpt(strings.Repeat("x ", 1<<20), 300)), 300)
	assert.Equal(t, "…", safetext.Excerpt(strings.Repeat(" ", 100)+"x", 10))
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"plain", "a\u200db", "👩\u200d💻", "❤\ufe0f\ufe0f", "\x1b[31m", "\u202eabc", "a\xff\xfeb", "می\u200cخواهم", "\r\n\r", "#\ufe0f\u20e3"} {
		f.Add(seed, 20)
	}
	f.Fuzz(func(t *testing.T, in string, limit int) {
		limit = min(max(limit, 0), 1000)
		for name, clean := range map[string]func(string) string{
			"line": safetext.Line, "text": safetext.Text,
			"excerpt": func(s string) string { return safetext.Excerpt(s, limit) },
		} {
			out := clean(in)
			if !utf8.ValidString(out) {
				t.Fatalf("%s: %q is not UTF-8", name, out)
			}
			if again := clean(out); again != out {
				t.Fatalf("%s: %q becomes %q", name, out, again)
			}
			before := rune(0)
			for _, r := range out {
				switch {
				case name == "text" && (r == '\n' || r == '\t'):
				case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029', 0xE0000 <= r && r <= 0xE0FFF:
					t.Fatalf("%s: %q holds %q", name, out, r)
				case !unicode.IsPrint(r) && !unicode.IsPrint(before) && before != '\n' && before != '\t' && before != '\ufe0f' &&
					!unicode.Is(unicode.Prepended_Concatenation_Mark, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, before):
					t.Fatalf("%s: %q has invisible characters in a row", name, out)
				}
				before = r
			}
		}
		if out := safetext.Excerpt(in, limit); len(out) > limit {
			t.Fatalf("%q is longer than %d bytes", out, limit)
		}
	})
}
