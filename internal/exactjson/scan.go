package exactjson

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
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

// leaves skips a value and calls visit as [Leaves] does.
func (s *scanner) leaves(visit func(json.RawMessage)) {
	switch s.next() {
	case '[':
		s.value()
	case '{':
		s.pos++
		for s.more('}') {
			s.value() // the name
			s.next()  // the colon
			s.pos++
			s.leaves(visit)
		}
	default:
		visit(s.value())
	}
}

// A checker looks for duplicate names. If the text is nothing but names, it uses
// three times its length.
type checker struct {
	data []byte
	few  []string // the first names of each object that is open
	many []uint64 // hashes of the other ones
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
	start, hashes := len(c.few), len(c.many)
	for s.more('}') {
		raw := s.value()
		if len(c.few)-start < few {
			name := Unquote(raw)
			if slices.Contains(c.few[start:], name) {
				return ErrDuplicate
			}
			c.few = append(c.few, name)
		} else {
			c.add(hashOf(raw))
		}
		s.next() // the colon
		s.pos++
		if err := c.check(s); err != nil {
			return err
		}
	}
	if len(c.many) > hashes {
		for _, name := range c.few[start:] {
			c.add(maphash.String(seed, name))
		}
		if repeats(c.many[hashes:]) {
			return ErrDuplicate
		}
	}
	c.few, c.many = c.few[:start], c.many[:hashes]
	return nil
}

// add keeps a hash. It doubles the room, which leaves less garbage than append.
func (c *checker) add(hash uint64) {
	if len(c.many) == cap(c.many) {
		c.many = append(make([]uint64, 0, 2*max(few, len(c.many))), c.many...)
	}
	c.many = append(c.many, hash)
}

// seed is random, so nobody can choose names with the same hash. By chance two of a
// million different names have the same with a probability of 1 in 37 million.
var seed = maphash.MakeSeed()

// hashOf returns the hash of the text of a name.
func hashOf(name json.RawMessage) uint64 {
	if bytes.IndexByte(name, '\\') < 0 {
		return maphash.Bytes(seed, name[1:len(name)-1])
	}
	return maphash.String(seed, Unquote(name))
}

// repeats sorts the hashes and reports whether one is there twice.
func repeats(hashes []uint64) bool {
	slices.Sort(hashes)
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			return true
		}
	}
	return false
}
