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
	ErrDepth     = errors.New("too many levels")
	ErrMany      = errors.New("too many members or elements")
)

// Objects and arrays that are read cost many times the length of their text. So
// their members are limited, as those of a text that is only checked are not.
const (
	maxMembers = 1000   // of an object of a protocol
	maxOpen    = 10_000 // of an object in [Canonical] and of those around it
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

// Parse reads an object that [Check] accepts, as [Read] does.
func Parse(data []byte) (Object, error) {
	if err := Check(data); err != nil {
		return nil, err
	}
	return read(data, maxMembers)
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
type Object []Member //nolint:recvcheck // Set and Delete change its length

// Read reads an object of at most 1000 members; one of more is [ErrMany]. Only its
// own names must be unique: see [Check].
func Read(data []byte) (Object, error) {
	if err := valid(data); err != nil {
		return nil, err
	}
	return read(data, maxMembers)
}

// read is [Read] of valid JSON, with another limit.
func read(data []byte, limit int) (Object, error) {
	s := scanner{data: data}
	if s.next() != '{' {
		return nil, ErrKind
	}
	o := make(Object, 0, few)
	s.pos++
	for s.more('}') {
		if len(o) == limit {
			return nil, ErrMany
		}
		name := Unquote(s.value())
		s.next() // the colon
		s.pos++
		o = append(o, Member{name, s.value()})
	}
	if len(o) <= few {
		for i := range o {
			for j := range i {
				if o[i].Name == o[j].Name {
					return nil, ErrDuplicate
				}
			}
		}
		return o, nil
	}
	seen := make(names, len(o))
	for _, m := range o {
		if !seen.add(m.Name) {
			return nil, ErrDuplicate
		}
	}
	return o, nil
}

// Elements returns the elements of an array in valid JSON, such as the value of a
// [Member]. If there are more than limit, it returns the first ones and [ErrMany].
func Elements(array json.RawMessage, limit int) ([]json.RawMessage, error) {
	s := scanner{data: array}
	if len(array) == 0 || s.next() != '[' {
		return nil, ErrKind
	}
	var all []json.RawMessage
	s.pos++
	for s.more(']') {
		if len(all) == limit {
			return all, ErrMany
		}
		all = append(all, s.value())
	}
	return all, nil
}

// Leaves calls visit for each text, number and literal of a value in valid JSON,
// except those in arrays.
func Leaves(value json.RawMessage, visit func(json.RawMessage)) {
	if len(value) > 0 {
		s := scanner{data: value}
		s.leaves(visit)
	}
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

// Object reads a member that is an object, as [Read] does.
func (o Object) Object(name string) (Object, error) {
	if value := o.Get(name); value != nil {
		return read(value, maxMembers) // valid, as a part of o
	}
	return nil, ErrKind
}

// Has reports whether o has a member of that name, which may be null.
func (o Object) Has(name string) bool { return o.Get(name) != nil }

// String returns the text of a member. It is false for one that is missing, is
// not a string, or has a text that parsers read differently: half of a surrogate
// pair, which becomes U+FFFD in some.
func (o Object) String(name string) (string, bool) {
	value := o.Get(name)
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	s := Unquote(value)
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
	size := 2
	for _, m := range o {
		size += len(m.Name) + len(m.Value) + 4
	}
	var b bytes.Buffer
	b.Grow(size)
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
	size := 2
	for _, v := range values {
		size += len(v) + 1
	}
	var b bytes.Buffer
	b.Grow(size)
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

// maxDepth is the depth to which [Canonical] reads: each level costs a walk over all
// that is in it.
const maxDepth = 64

// Canonical returns the value with sorted names, plain texts and no white space.
// Numbers keep their notation, so that none loses digits. A value that is deeper than
// 64 levels is [ErrDepth]; one with an object of more than 10,000 members, including
// those of the objects around it, is [ErrMany].
func Canonical(data []byte) (json.RawMessage, error) {
	if err := valid(data); err != nil {
		return nil, err
	}
	return canonical(data, maxDepth, maxOpen)
}

// canonical is [Canonical] of valid JSON, with other limits.
func canonical(data []byte, depth, members int) (json.RawMessage, error) {
	data = bytes.TrimSpace(data)
	if depth == 0 && (data[0] == '[' || data[0] == '{') {
		return nil, ErrDepth
	}
	switch data[0] {
	case '"':
		return Quote(Unquote(data)), nil
	case '[':
		return canonicalArray(data, depth, members)
	case '{':
		o, err := read(data, members)
		if err != nil {
			return nil, err
		}
		for i := range o {
			if o[i].Value, err = canonical(o[i].Value, depth-1, members-len(o)); err != nil {
				return nil, err
			}
		}
		slices.SortFunc(o, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
		return o.Encode(), nil
	}
	return data, nil
}

// canonicalArray writes the elements as it reads them: an array may have any number.
func canonicalArray(data []byte, depth, members int) (json.RawMessage, error) {
	var b bytes.Buffer
	b.Grow(len(data))
	b.WriteByte('[')
	s := scanner{data: data, pos: 1}
	for s.more(']') {
		element, err := canonical(s.value(), depth-1, members)
		if err != nil {
			return nil, err
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(element)
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}

// Quote returns s as a JSON string.
func Quote(s string) json.RawMessage {
	if isPlain(s) {
		return json.RawMessage(`"` + s + `"`)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) //nolint:errchkjson // a string always encodes
	return bytes.TrimSpace(b.Bytes())
}

// isPlain reports whether s needs no escape in a JSON string.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Ambiguous reports whether a parser that ignores case could read another
// member: two names differ in case only, or one differs so from a known name.
func (o Object) Ambiguous(known ...string) bool {
	for _, m := range o {
		for _, name := range known {
			if m.Name != name && strings.EqualFold(m.Name, name) {
				return true
			}
		}
	}
	if len(o) > few {
		seen := make(names, len(o))
		return slices.ContainsFunc(o, func(m Member) bool { return !seen.add(fold(m.Name)) })
	}
	for i := range o {
		for j := range i {
			if strings.EqualFold(o[i].Name, o[j].Name) {
				return true
			}
		}
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

// Unquote returns the text of a valid JSON string. Half of a surrogate pair becomes
// U+FFFD: see [Object.String].
func Unquote(raw json.RawMessage) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // valid
	return s
}
