package failtext

import (
	"slices"
	"strings"
	"unicode"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// prose returns the text of a key, also if its end is cut off.
func prose(o *loosejson.Object, key string) string {
	if s, ok := o.Get(key).(loosejson.Partial); ok {
		return string(s)
	}
	return str(o, key)
}

// str returns the text of a key; "" if it holds none, or only a part of one.
func str(o *loosejson.Object, key string) string {
	s, _ := o.Get(key).(string)
	return s
}

// num returns the whole number of a key, also if it is written as text.
func num(o *loosejson.Object, key string) (int, bool) {
	switch v := o.Get(key).(type) {
	case loosejson.Number:
		return v.Int()
	case string:
		return loosejson.Number(v).Int()
	}
	return 0, false
}

// word returns the text of a string or number.
func word(v loosejson.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case loosejson.Number:
		return string(v)
	}
	return ""
}

// collapse replaces every run of white space by one space and trims the ends.
func collapse(s string) string { return strings.Join(strings.FieldsFunc(s, unicode.IsSpace), " ") }

// lowerASCII lowers A to Z; every byte keeps its position.
func lowerASCII(s string) string {
	lower := []byte(s)
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c + ('a' - 'A')
		}
	}
	return string(lower)
}

// hasAny reports whether a text in lower case has one of the words. Most texts have
// none, and this costs far less than a search for a pattern.
func hasAny(lower string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(lower, word) })
}

// straight replaces the typographic quotes that forums and mail programs insert.
func straight(s string) string { return quoteForms.Replace(s) }

var quoteForms = strings.NewReplacer("‘", "'", "’", "'", "“", `"`, "”", `"`)
