package keyset

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	tinkkeyset "github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A Key describes one key of a [Set].
type Key struct {
	ID       string    // decimal, as in every ciphertext
	Primary  bool      // it seals
	Promoted time.Time // when it last became the primary; zero if it never did, or if that is not known
	// DropAfter is the earliest start of a count of records with which
	// [Set.Drop] accepts the key. Zero for the primary, and for a key that never
	// sealed.
	DropAfter time.Time
}

// now is the time that a history records.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// recorded returns the history. For a text of Tink, which has none, all that is
// known is that the keys are what they are now.
func (st *state) recorded() history {
	if st.history != nil {
		return st.history
	}
	h, t := history{}, now()
	for id := range st.enabled {
		if id == st.primary {
			h[id] = period{Promoted: t}
		} else {
			h[id] = period{Replaced: t}
		}
	}
	return h
}

// Keys lists the enabled keys, the oldest first.
func (s *Set) Keys() []Key {
	st := s.current.Load()
	hist := st.recorded()
	var out []Key
	for i := range st.handle.Len() {
		e, err := st.handle.Entry(i)
		if err != nil || !st.enabled[e.KeyID()] {
			continue
		}
		p := hist[e.KeyID()]
		k := Key{ID: formatID(e.KeyID()), Primary: e.IsPrimary(), Promoted: p.Promoted}
		if !p.Replaced.IsZero() {
			k.DropAfter = p.Replaced.Add(s.opts.DropWait)
		}
		out = append(out, k)
	}
	return out
}

// Add adds a key that opens and does not seal yet, and returns its id. It fails only
// if Tink can't make a key.
func (s *Set) Add() (string, error) {
	var id uint32
	err := s.change(func(m *tinkkeyset.Manager, _ *state, _ history) (err error) {
		id, err = m.Add(aead.XAES256GCM192BitNonceKeyTemplate())
		return err
	})
	return formatID(id), err
}

// Promote makes key id the one that seals, and records the time. Promoting the
// primary changes nothing; an id that the set does not have is an error.
func (s *Set) Promote(id string) error {
	return s.change(func(m *tinkkeyset.Manager, st *state, hist history) error {
		n, err := st.parseID(id)
		if err != nil || n == st.primary {
			return err
		}
		t := now()
		for _, p := range hist { // where another machine's clock is ahead
			t = latest(t, p.Promoted, p.Replaced)
		}
		before := hist[st.primary]
		before.Replaced = t
		hist[st.primary], hist[n] = before, period{Promoted: t}
		return m.SetPrimary(n)
	})
}

func latest(times ...time.Time) time.Time {
	out := times[0]
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out
}

// Drop removes key id for good. No record that it sealed can be opened any
// more, so counted is when a count of records began that found none
// ([oauthstore.Store.KeyUse]).
//
// The primary cannot be dropped. Until Options.DropWait after another key was
// promoted in its place, a process that has not read the keyset since may still
// seal with the key. A count that began before that does not suffice: then the
// error is an [oauthstore.Error] that matches [oauthstore.ErrUnavailable] and
// says in RetryAfter how long to wait.
func (s *Set) Drop(id string, counted time.Time) error {
	return s.change(func(m *tinkkeyset.Manager, st *state, hist history) error {
		n, err := st.parseID(id)
		if err != nil {
			return err
		}
		if n == st.primary {
			return fmt.Errorf("key %s is the primary: promote another first", id)
		}
		if after := hist[n].Replaced; !after.IsZero() {
			after = after.Add(s.opts.DropWait)
			if wait := after.Sub(counted); wait > 0 {
				return &oauthstore.Error{
					Op: "drop key", Err: oauthstore.ErrUnavailable, RetryAfter: wait,
					Detail: fmt.Sprintf("until %s a process may still seal with key %s", after.UTC().Format(time.RFC3339), id),
				}
			}
		}
		delete(hist, n)
		return m.Delete(n)
	})
}

func (st *state) parseID(id string) (uint32, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil || !st.enabled[uint32(n)] {
		return 0, fmt.Errorf("key %q: %w", id, oauthstore.ErrNotFound)
	}
	return uint32(n), nil
}

func (s *Set) change(f func(*tinkkeyset.Manager, *state, history) error) error {
	s.changes.Lock()
	defer s.changes.Unlock()
	before := s.current.Load()
	m, hist := tinkkeyset.NewManagerFromHandle(before.handle), maps.Clone(before.recorded())
	if err := f(m, before, hist); err != nil {
		return errtext.Errorf("keyset: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return errtext.Errorf("keyset: %w", err)
	}
	st, err := newState(h, hist)
	if err != nil {
		return err
	}
	st.loaded = before.loaded
	s.current.Store(st)
	return nil
}
