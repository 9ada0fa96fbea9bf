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
	errNotObject = errors.New("the response is not a JSON object")
	errDuplicate = errors.New("the response has a duplicate member")
	errTooMany   = errors.New("a list in the response is too long")
)

const (
	maxText      = 64 << 10 // bytes of JSON of one string, such as a token
	maxURL       = 2048
	maxList      = 1000 // entries of one list
	maxListEntry = 2048
	maxLifetime  = 10 * 365 * 24 * time.Hour
)

// An object has the wanted members of a JSON object, still encoded. Other
// members cost nothing: no tree of untrusted JSON is built.
type object map[string]json.RawMessage

// parseObject parses body, which must be one JSON object followed only by white
// space; it skips a byte order mark, as RFC 8259 section 8.1 allows. A wanted
// member that is repeated with different values is an error, because parsers
// differ in which one they use.
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

// memberName returns the wanted name that quoted encodes, or "".
func memberName(quoted []byte, wanted []string) string {
	for _, name := range wanted {
		if spells(quoted[1:len(quoted)-1], name) {
			return name
		}
	}
	return ""
}

// spells reports whether the inside of a JSON string encodes name, which is
// ASCII without quotes and slashes. It allocates nothing, because a hostile
// body may have a hundred thousand names.
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

// The skip functions expect valid JSON and return the index after the value
// that begins at i.

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
			i++ // only inside an open list or object
		default: // a number or a literal
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

// text returns a member that is a string of at most limit bytes, encoded. It
// returns "" and false for null, for another type and for more bytes.
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

// boolean reports whether a member is true, or "true" as a string.
func (o object) boolean(name string) bool {
	raw := string(o[name])
	return raw == "true" || raw == `"true"`
}

// list returns a member that is a list of strings; other entries are skipped.
// It returns nil without an error if the member is absent, null or not a list.
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

// number returns a member that is a number: with a fraction or an exponent, or
// as a string, because servers differ. It reports false if the member is
// absent, null or not a number.
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

// seconds returns a member that is a number of seconds, clamped to between 0
// and ten years.
func (o object) seconds(name string) (time.Duration, bool) {
	f, ok := o.number(name)
	if !ok {
		return 0, false
	}
	return time.Duration(min(max(f, 0), maxLifetime.Seconds()) * float64(time.Second)), true
}
