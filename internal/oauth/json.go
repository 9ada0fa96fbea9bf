package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	errNotObject = errors.New("the answer is no JSON object")
	errDuplicate = errors.New("the answer names a member twice")
	errTooMany   = errors.New("the answer's lists are too long")
)

const (
	maxText      = 64 << 10 // bytes of JSON of one text: a token, a URL
	maxURL       = 2048
	maxList      = 1000 // entries of one list
	maxListEntry = 2048
	maxLifetime  = 10 * 365 * 24 * time.Hour
)

// An object holds the wanted members of a JSON object, still encoded. What a
// stranger sends besides costs nothing: no tree is built of it.
type object map[string]json.RawMessage

// parseObject reads body, which must be one JSON object with nothing after it
// but white space; a byte order mark before it is passed over, as RFC 8259
// section 8.1 allows. A wanted member that comes twice with different values
// is an error, since readers differ in which one counts.
func parseObject(body []byte, wanted ...string) (object, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 || body[0] != '{' || !json.Valid(body) {
		return nil, errNotObject
	}
	o := make(object, len(wanted))
	for i := skipSpace(body, 1); body[i] != '}'; {
		end := skipString(body, i)
		name := memberName(body[i:end], wanted)
		i = skipSpace(body, end)      // at ':'
		start := skipSpace(body, i+1) // at the value
		i = skipValue(body, start)
		if name != "" {
			value := body[start:i]
			if old, ok := o[name]; ok && !bytes.Equal(old, value) {
				return nil, errDuplicate
			}
			o[name] = value
		}
		if i = skipSpace(body, i); body[i] == ',' {
			i = skipSpace(body, i+1)
		}
	}
	return o, nil
}

// memberName returns which of the wanted names quoted spells, or "".
func memberName(quoted []byte, wanted []string) string {
	for _, name := range wanted {
		if spells(quoted[1:len(quoted)-1], name) {
			return name
		}
	}
	return ""
}

// spells reports whether the inside of a JSON text is name, which is ASCII
// without quotes and slashes. It allocates nothing: a stranger may send a
// hundred thousand names.
func spells(inner []byte, name string) bool {
	for i := range len(name) {
		if len(inner) >= 6 && inner[0] == '\\' && inner[1] == 'u' {
			c, err := strconv.ParseUint(string(inner[2:6]), 16, 16)
			if err != nil || c != uint64(name[i]) {
				return false
			}
			inner = inner[6:]
			continue
		}
		if len(inner) == 0 || inner[0] != name[i] {
			return false
		}
		inner = inner[1:]
	}
	return len(inner) == 0
}

// The skip functions walk JSON that is known to be valid and return the index
// after what begins at i.

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func skipValue(b []byte, i int) int {
	depth := 0
	for {
		switch b[i] {
		case '"':
			i = skipString(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\t', '\n', '\r':
			i++ // only within a value that is open
		default: // a number or a word
			for i < len(b) && !bytes.ContainsRune([]byte(",]} \t\n\r"), rune(b[i])) {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
}

// missing reports whether the member is absent or null.
func (o object) missing(name string) bool {
	raw, ok := o[name]
	return !ok || string(raw) == "null"
}

// text returns a member that is a text of at most limit bytes, encoded. Null,
// another type and more bytes give "" and false.
func (o object) text(name string, limit int) (string, bool) {
	return textOf(o[name], limit)
}

func textOf(raw []byte, limit int) (string, bool) {
	if len(raw) < 2 || len(raw) > limit+2 || raw[0] != '"' {
		return "", false
	}
	var s string
	if json.Unmarshal(raw, &s) != nil || !utf8.ValidString(s) {
		return "", false
	}
	return s, true
}

// boolean returns a member that is true or false, or one of them as a text.
func (o object) boolean(name string) bool {
	raw := string(o[name])
	return raw == "true" || raw == `"true"`
}

// list returns a member that is a list of texts; others than texts in it are
// passed over. Nil and no error: absent, null or no list.
func (o object) list(name string) ([]string, error) {
	raw := o[name]
	if len(raw) == 0 || raw[0] != '[' {
		return nil, nil
	}
	list := []string{}
	for i := skipSpace(raw, 1); raw[i] != ']'; {
		end := skipValue(raw, i)
		if s, ok := textOf(raw[i:end], maxListEntry); ok {
			if len(list) == maxList {
				return nil, errTooMany
			}
			list = append(list, s)
		}
		if i = skipSpace(raw, end); raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
	}
	return list, nil
}

// number returns a member that is a number, as servers write it: with a
// fraction or an exponent, or as a text. False: absent, null or no number.
func (o object) number(name string) (float64, bool) {
	raw := string(o[name])
	if s, ok := o.text(name, 64); ok {
		raw = strings.TrimSpace(s)
	}
	if raw == "" || len(raw) > 64 || strings.Trim(raw, "+-0123456789.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(f) {
		return 0, false
	}
	return f, true
}

// seconds returns a member that counts seconds, clamped to 0 and ten years.
func (o object) seconds(name string) (time.Duration, bool) {
	f, ok := o.number(name)
	if !ok {
		return 0, false
	}
	return time.Duration(min(max(f, 0), maxLifetime.Seconds()) * float64(time.Second)), true
}
