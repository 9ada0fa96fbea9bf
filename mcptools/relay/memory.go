package relay

import (
	"errors"
	"io"
	"sync/atomic"
)

var (
	// errTooLarge reports that a body or an event is longer than its limit.
	errTooLarge = errors.New("too large")
	// errMemory reports that the bodies that are in memory leave no room for one more.
	errMemory = errors.New("too many large bodies at once")
)

// A memory limits the bodies that a relay holds at once, or those of one owner. Safe
// for concurrent use.
type memory struct {
	left atomic.Int64
	all  *memory // of which this is a share; nil: none
}

func newMemory(size int64) *memory {
	m := &memory{}
	m.left.Store(size)
	return m
}

// share returns a memory for one owner, who can't use up m alone.
func (m *memory) share(size int64) *memory {
	s := newMemory(size)
	s.all = m
	return s
}

// take reports whether there is room for n bytes, and takes it.
func (m *memory) take(n int64) bool {
	if m.left.Add(-n) < 0 || m.all != nil && !m.all.take(n) {
		m.left.Add(n)
		return false
	}
	return true
}

func (m *memory) give(n int64) {
	m.left.Add(n)
	if m.all != nil {
		m.all.give(n)
	}
}

// A buffer holds one body, of at most max bytes. Its owner calls free. Not safe for
// concurrent use.
type buffer struct {
	mem  *memory
	max  int64
	data []byte
	held int64
}

func (m *memory) buffer(limit int64) *buffer { return &buffer{mem: m, max: limit} }

const minBuffer = 4 << 10

// grow makes room for n more bytes.
func (b *buffer) grow(n int) error {
	size := len(b.data) + n
	if int64(size) > b.max {
		return errTooLarge
	}
	if size <= cap(b.data) {
		return nil
	}
	want := int(min(max(minBuffer, int64(size), 2*int64(cap(b.data))), b.max))
	if !b.mem.take(int64(want)) {
		return errMemory
	}
	b.data = append(make([]byte, 0, want), b.data...)
	b.mem.give(b.held)
	b.held = int64(want)
	return nil
}

func (b *buffer) append(p []byte) error {
	if err := b.grow(len(p)); err != nil {
		return err
	}
	b.data = append(b.data, p...)
	return nil
}

// readAll reads r to its end. size is the expected length; -1 if unknown.
func (b *buffer) readAll(r io.Reader, size int64) error {
	if size > b.max {
		return errTooLarge
	}
	if size > 0 {
		if err := b.grow(int(size)); err != nil {
			return err
		}
	}
	for {
		if len(b.data) == cap(b.data) {
			var one [1]byte // the end of a body needs no more room
			if _, err := io.ReadFull(r, one[:]); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if err := b.append(one[:]); err != nil {
				return err
			}
			continue
		}
		n, err := r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// replace makes data the body, which counts in place of the last one.
func (b *buffer) replace(data []byte) error {
	if err := b.charge(cap(data)); err != nil {
		return err
	}
	b.data = data
	return nil
}

// charge makes n the number of bytes that count.
func (b *buffer) charge(n int) error {
	switch more := int64(n) - b.held; {
	case more < 0:
		b.mem.give(-more)
	case !b.mem.take(more):
		return errMemory
	}
	b.held = int64(n)
	return nil
}

// free releases the body. It may be called again.
func (b *buffer) free() {
	b.mem.give(b.held)
	b.held, b.data = 0, nil
}
