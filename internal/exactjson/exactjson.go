package exactjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Errors of this package.
var (
	ErrSyntax    = errors.New("not JSON in UTF-8")
	ErrTrailing  = errors.New("data after the JSON value")
	ErrDuplicate = errors.New("duplicate name in an object")
	ErrKind      = errors.New("not an object or array")
)

// Check returns an error unless data is exactly one JSON value in UTF-8 whose
// objects, at all depths, have no duplicate names.
func Check(data []byte) error {
	if err := valid(data); err != nil {
		return err
	}
	c := checker{data: data}
	return c.value()
}

func valid(data []byte) error {
	switch {
	case !utf8.Valid(data):
		return ErrSyntax
	case json.Valid(data):
		return nil
	}
	var first json.RawMessage
	if json.NewDecoder(bytes.NewReader(data)).Decode(&first) == nil {
		return ErrTrailing
	}
	return ErrSyntax
}

// A Member is a name and a value of an object.
type Member struct {
	Name  string
	Value json.RawMessage // not to be changed
}

// An Object is a JSON object whose members keep their order and their values.
type Object []Member

// Read reads an object. Only its own names must be unique: see [Check].
func Read(data []byte) (Object, error) {
	if err := valid(data); err != nil {
		return nil, err
	}
	return read(data)
}

// read is [Read] of valid JSON.
func read(data []byte) (Object, error) {
	s := scanner{data: data}
	if s.next() != '{' {
		return nil, ErrKind
	}
	var o Object
	s.pos++
	for s.more('}') {
		name := unquote(s.value())
		s.next() // the colon
		s.pos++
		o = append(o, Member{name, s.value()})
	}
	seen := make(names, len(o))
	for _, m := range o {
		if !seen.add(m.Name) {
			return nil, ErrDuplicate
		}
	}
	return o, nil
}

// Elements returns the elements of an array.
func Elements(data []byte) ([]json.RawMessage, error) {
	if err := valid(data); err != nil {
		return nil, err
	}
	return elements(data)
}

// elements is [Elements] of valid JSON.
func elements(data []byte) ([]json.RawMessage, error) {
	s := scanner{data: data}
	if s.next() != '[' {
		return nil, ErrKind
	}
	var all []json.RawMessage
	s.pos++
	for s.more(']') {
		all = append(all, s.value())
	}
	return all, nil
}

// Get returns the value of a member, or nil.
func (o Object) Get(name string) json.RawMessage {
	for _, m := range o {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// Has reports whether o has a member of that name, which may be null.
func (o Object) Has(name string) bool { return o.Get(name) != nil }

// String returns the text of a member. It is false for one that is missing, is
// not a string, or has a text that parsers read differently: half of a surrogate
// pair, which becomes U+FFFD in some.
func (o Object) String(name string) (string, bool) { return String(o.Get(name)) }

// String returns the text of a JSON string, see [Object.String].
func String(value json.RawMessage) (string, bool) {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || value[0] != '"' || !json.Valid(value) {
		return "", false
	}
	s := unquote(value)
	return s, !strings.ContainsRune(s, utf8.RuneError)
}

// Set replaces the value of a member, or appends the member.
func (o *Object) Set(name string, value json.RawMessage) {
	for i := range *o {
		if (*o)[i].Name == name {
			(*o)[i].Value = value
			return
		}
	}
	*o = append(*o, Member{name, value})
}

// Delete removes a member, if it is there.
func (o *Object) Delete(name string) {
	*o = slices.DeleteFunc(*o, func(m Member) bool { return m.Name == name })
}

// Encode returns the object without white space. Texts and numbers inside values
// keep their notation.
func (o Object) Encode() json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(Quote(m.Name))
		b.WriteByte(':')
		_ = json.Compact(&b, m.Value) // it was valid when it was read
	}
	b.WriteByte('}')
	return b.Bytes()
}

// EncodeArray returns an array of the values without white space.
func EncodeArray(values []json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		_ = json.Compact(&b, v)
	}
	b.WriteByte(']')
	return b.Bytes()
}

// Canonical returns the value with sorted names, plain texts and no white space.
// Numbers keep their notation, so that none loses digits.
func Canonical(data []byte) (json.RawMessage, error) {
	if err := valid(data); err != nil {
		return nil, err
	}
	return canonical(data)
}

func canonical(data []byte) (json.RawMessage, error) {
	data = bytes.TrimSpace(data)
	var err error
	switch data[0] {
	case '"':
		return Quote(unquote(data)), nil
	case '[':
		all, _ := elements(data)
		for i := range all {
			if all[i], err = canonical(all[i]); err != nil {
				return nil, err
			}
		}
		return EncodeArray(all), nil
	case '{':
		o, err := read(data)
		if err != nil {
			return nil, err
		}
		for i := range o {
			if o[i].Value, err = canonical(o[i].Value); err != nil {
				return nil, err
			}
		}
		slices.SortFunc(o, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
		return o.Encode(), nil
	}
	return data, nil
}

// Quote returns s as a JSON string.
func Quote(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimSpace(b.Bytes())
}

// Ambiguous reports whether a parser that ignores case could read another
// member: two names differ in case only, or one differs so from a known name.
func (o Object) Ambiguous(known ...string) bool {
	seen := make(map[string]string, len(o)+len(known))
	for _, name := range known {
		seen[fold(name)] = name
	}
	for _, m := range o {
		f := fold(m.Name)
		if name, ok := seen[f]; ok && name != m.Name {
			return true
		}
		seen[f] = m.Name
	}
	return false
}

// fold returns the same text for all texts that [strings.EqualFold] calls equal.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && r != 'k' && r != 'K' && r != 's' && r != 'S' { // these two have forms outside ASCII
			return unicode.ToUpper(r)
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// unquote returns the text of a valid JSON string.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // valid
	return s
}
