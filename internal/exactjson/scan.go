package exactjson

import (
	"bytes"
	"encoding/json"
	"slices"
)

// A scanner walks over valid JSON.
type scanner struct {
	data []byte
	pos  int
}

// next skips white space and returns the next byte.
func (s *scanner) next() byte {
	for {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return c
		}
	}
}

// more skips a comma; it is false at the closing bracket, which it skips too.
func (s *scanner) more(closing byte) bool {
	switch s.next() {
	case closing:
		s.pos++
		return false
	case ',':
		s.pos++
		s.next()
	}
	return true
}

// value skips a value and returns it.
func (s *scanner) value() json.RawMessage {
	s.next()
	start := s.pos
	for depth := 0; ; {
		switch s.data[s.pos] {
		case '"':
			s.text()
		case '{', '[':
			depth++
			s.pos++
		case '}', ']':
			depth--
			s.pos++
		default:
			s.pos++
			for depth == 0 && s.pos < len(s.data) && bytes.IndexByte([]byte(" \t\r\n,:]}"), s.data[s.pos]) < 0 {
				s.pos++
			}
		}
		if depth == 0 {
			return s.data[start:s.pos:s.pos]
		}
	}
}

// text skips a string.
func (s *scanner) text() {
	for s.pos++; s.data[s.pos] != '"'; s.pos++ {
		if s.data[s.pos] == '\\' {
			s.pos++
		}
	}
	s.pos++
}

// names is a set of names of one object.
type names map[string]struct{}

// add reports whether the name is new.
func (n names) add(name string) bool {
	before := len(n)
	n[name] = struct{}{}
	return len(n) > before
}

// A checker looks for duplicate names.
type checker struct {
	data []byte
	few  []string // names of the objects that are open, while they have few
}

// few is how many names of an object are compared one by one.
const few = 12

func (c *checker) value() error {
	s := scanner{data: c.data}
	return c.check(&s)
}

// check skips a value and returns [ErrDuplicate] if an object in it has a name
// twice. encoding/json bounds the depth of valid JSON.
func (c *checker) check(s *scanner) error {
	switch s.next() {
	case '{':
		s.pos++
		return c.object(s)
	case '[':
		s.pos++
		for s.more(']') {
			if err := c.check(s); err != nil {
				return err
			}
		}
	default:
		s.value()
	}
	return nil
}

func (c *checker) object(s *scanner) error {
	start := len(c.few)
	var many names
	for s.more('}') {
		name := unquote(s.value())
		switch {
		case many != nil:
			if !many.add(name) {
				return ErrDuplicate
			}
		case len(c.few)-start < few:
			if slices.Contains(c.few[start:], name) {
				return ErrDuplicate
			}
			c.few = append(c.few, name)
		default:
			many = make(names, 2*few)
			for _, other := range c.few[start:] {
				many.add(other)
			}
			if !many.add(name) {
				return ErrDuplicate
			}
		}
		s.next() // the colon
		s.pos++
		if err := c.check(s); err != nil {
			return err
		}
	}
	c.few = c.few[:start]
	return nil
}
