package oauthstore

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"time"
)

// A codec writes the fields of a record, or reads them into the same places: one
// list of fields serves both, so that no field is written and not read. A field
// is a tag (its number, and whether it holds bytes), then either an integer or a
// length and bytes; all integers are uvarints. Numbers rise. A zero field is left
// out, and one that this release does not know is skipped.
//
// JSON is readable without this file, and decoding it cost more than twice as much
// as the rest of an uncached token.
type codec struct {
	out []byte // written so far

	reading bool
	in      string // not read yet
	tag     uint64 // of the next field; 0: not read yet
	last    uint64 // the greatest number so far

	err error // the first fault; what is read or written after it is undefined
}

var errMalformed = errors.New("malformed record")

const (
	kindInteger = 0
	kindBytes   = 1
)

func encodeFields(out []byte, fields func(*codec)) ([]byte, error) {
	c := codec{out: out}
	fields(&c)
	return c.out, c.err
}

// decodeFields reads fields whose texts share the memory of in.
func decodeFields(in string, fields func(*codec)) error {
	c := codec{in: in, reading: true}
	fields(&c)
	for c.err == nil && (c.tag != 0 || c.in != "") { // unknown fields after the last known one
		c.next(math.MaxUint64>>1, kindInteger)
	}
	return c.err
}

func (c *codec) fail() { c.in, c.tag, c.err = "", 0, errMalformed }

// begin writes the tag of a field.
func (c *codec) begin(number, kind uint64) {
	c.out = binary.AppendUvarint(c.out, number<<1|kind)
}

// next reports whether the next field has that number, after it has skipped
// unknown ones.
func (c *codec) next(number, kind uint64) bool {
	for c.err == nil {
		if c.tag == 0 {
			if c.in == "" {
				return false
			}
			c.tag = c.uvarint()
			if c.tag>>1 <= c.last {
				c.fail()
				return false
			}
			c.last = c.tag >> 1
		}
		switch found := c.tag >> 1; {
		case found > number:
			return false
		case found == number && c.tag&1 != kind:
			c.fail()
			return false
		case found == number:
			c.tag = 0
			return true
		case c.tag&1 == kindBytes:
			c.bytes()
		default:
			c.uvarint()
		}
		c.tag = 0
	}
	return false
}

func (c *codec) uvarint() uint64 {
	var v uint64
	for i := range min(len(c.in), binary.MaxVarintLen64) {
		b := c.in[i]
		if i == binary.MaxVarintLen64-1 && b > 1 {
			break // more than 64 bits
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			c.in = c.in[i+1:]
			return v
		}
	}
	c.fail()
	return 0
}

func (c *codec) bytes() string {
	n := c.uvarint()
	if n > uint64(len(c.in)) {
		c.fail()
		return ""
	}
	s := c.in[:n]
	c.in = c.in[n:]
	return s
}

func (c *codec) appendBytes(s string) {
	c.out = binary.AppendUvarint(c.out, uint64(len(s)))
	c.out = append(c.out, s...)
}

// textField handles a text.
func textField[S ~string](c *codec, number uint64, s *S) {
	switch {
	case c.reading && c.next(number, kindBytes):
		*s = S(c.bytes())
	case !c.reading && *s != "":
		c.begin(number, kindBytes)
		c.appendBytes(string(*s))
	}
}

// numberField handles an integer. A negative one takes ten bytes.
func numberField[N ~int | ~int64 | ~uint64](c *codec, number uint64, n *N) {
	switch {
	case c.reading && c.next(number, kindInteger):
		*n = N(c.uvarint())
	case !c.reading && *n != 0:
		c.begin(number, kindInteger)
		c.out = binary.AppendUvarint(c.out, uint64(*n))
	}
}

func (c *codec) flag(number uint64, b *bool) {
	var n uint64
	if *b {
		n = 1
	}
	numberField(c, number, &n)
	*b = n != 0
}

// Times are kept from the year 0 to the year 9999, as the backends keep them.
const (
	firstSecond = -62167219200
	lastSecond  = 253402300799
)

// time handles an instant, to the nanosecond. Its location is not kept.
func (c *codec) time(number uint64, t *time.Time) {
	switch {
	case c.reading && c.next(number, kindBytes):
		s := c.bytes()
		if len(s) != 12 {
			c.fail()
			return
		}
		seconds := int64(binary.BigEndian.Uint64([]byte(s[:8]))) //nolint:gosec // checked below
		nanos := binary.BigEndian.Uint32([]byte(s[8:]))
		if seconds < firstSecond || seconds > lastSecond || nanos >= 1e9 {
			c.fail()
			return
		}
		*t = time.Unix(seconds, int64(nanos)).UTC()
	case !c.reading && !t.IsZero():
		if s := t.Unix(); s < firstSecond || s > lastSecond {
			c.err = errors.New("a time is not between the years 0 and 9999")
			return
		}
		c.begin(number, kindBytes)
		c.out = append(c.out, 12)
		c.out = binary.BigEndian.AppendUint64(c.out, uint64(t.Unix()))       //nolint:gosec // all 64 bits are kept
		c.out = binary.BigEndian.AppendUint32(c.out, uint32(t.Nanosecond())) //nolint:gosec // below 1e9
	}
}

// texts handles a list. Nil and an empty one are different.
func (c *codec) texts(number uint64, list *[]string) {
	switch {
	case c.reading && c.next(number, kindBytes):
		part := codec{in: c.bytes(), reading: true}
		*list = []string{}
		for part.in != "" {
			*list = append(*list, part.bytes())
		}
		if part.err != nil {
			c.fail()
		}
	case !c.reading && *list != nil:
		var part codec
		for _, s := range *list {
			part.appendBytes(s)
		}
		c.begin(number, kindBytes)
		c.appendBytes(string(part.out))
	}
}

// textsByName handles a map, as a list of names and texts in turn.
func (c *codec) textsByName(number uint64, m *map[string]string) {
	var list []string
	if !c.reading {
		if *m == nil {
			return
		}
		list = make([]string, 0, 2*len(*m))
		for _, name := range slices.Sorted(maps.Keys(*m)) {
			list = append(list, name, (*m)[name])
		}
	}
	c.texts(number, &list)
	if !c.reading || list == nil {
		return
	}
	if len(list)%2 != 0 {
		c.fail()
		return
	}
	*m = make(map[string]string, len(list)/2)
	for i := 0; i < len(list); i += 2 {
		(*m)[list[i]] = list[i+1]
	}
}

// partField handles a part of its own, nil if there is none.
func partField[P any](c *codec, number uint64, p **P, fields func(*P, *codec)) {
	switch {
	case c.reading && c.next(number, kindBytes):
		*p = new(P)
		if decodeFields(c.bytes(), func(part *codec) { fields(*p, part) }) != nil {
			c.fail()
		}
	case !c.reading && *p != nil:
		part, err := encodeFields(nil, func(part *codec) { fields(*p, part) })
		if err != nil {
			c.err = err
		}
		c.begin(number, kindBytes)
		c.appendBytes(string(part))
	}
}
