package keyset

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

const (
	// reloadPause is the least time between two reads after one that failed or
	// did not bring the key. Other keys are looked for in maxMisses further reads.
	reloadPause   = 10 * time.Second
	maxMisses     = 8
	reloadTimeout = 5 * time.Second
	maxSought     = 1000 // keys
)

// An unreadError reports that the keyset was not read when it had to be: a key
// that is missing may be in it.
type unreadError string

func (e unreadError) Error() string { return backend.ErrKeyUnavailable.Error() + ": " + string(e) }

// Unwrap returns [backend.ErrKeyUnavailable].
func (unreadError) Unwrap() error { return backend.ErrKeyUnavailable }

// Temporary tells the error from that of a lost key: see [backend.Sealer].
func (unreadError) Temporary() bool { return true }

// age is the time since the keys were read, by the monotonic or the wall clock,
// whichever says more: the first stops while the machine sleeps, and the second
// can be set back.
func (st *state) age() time.Duration { return elapsed(st.loaded) }

func elapsed(since time.Time) time.Duration {
	t := time.Now()
	return max(t.Sub(since), t.Round(0).Sub(since.Round(0)))
}

// fresh returns the keys to seal with. One caller reads the keyset again when
// they are old; meanwhile others use them, unless they are past the limit.
func (s *Set) fresh(ctx context.Context) (*state, error) {
	st := s.current.Load()
	if s.read == nil || st.age() < s.opts.ReloadAge {
		return st, nil
	}
	if st.age() < s.opts.StaleLimit {
		select {
		case s.turn <- struct{}{}:
		default:
			return st, nil
		}
	} else if err := s.wait(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.turn }()
	if s.current.Load().age() >= s.opts.ReloadAge && !recent(s.failed, s.opts.ReloadAge) {
		_ = s.reload(ctx) // logged
	}
	st = s.current.Load()
	if age := st.age(); age >= s.opts.StaleLimit {
		return nil, unreadError(fmt.Sprintf("the keyset could not be read for %v", age.Round(time.Second)))
	}
	return st, ctx.Err()
}

// find reads the keyset again to find key id.
func (s *Set) find(ctx context.Context, id uint32) (*state, error) {
	missing := fmt.Errorf("%w: key %s", backend.ErrKeyUnavailable, formatID(id))
	if s.read == nil {
		return nil, missing
	}
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.turn }()
	// Another caller may have read it since.
	if st := s.current.Load(); st.enabled[id] {
		return st, nil
	}
	if s.seek(id) {
		switch err := s.reload(ctx); {
		case err != nil && ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil && !s.current.Load().enabled[id]:
			s.missed = time.Now()
			s.misses++
		}
	}
	switch st := s.current.Load(); {
	case st.enabled[id]:
		return st, nil
	case recent(s.failed, s.opts.ReloadAge):
		return nil, unreadError("key " + formatID(id) + ", and the keyset could not be read again")
	case !s.sought[id]: // it may have been added since the last read
		return nil, unreadError("key " + formatID(id) + ", and the keyset was read a moment ago")
	}
	return nil, missing
}

// seek notes that key id is missing, and reports whether to read the keyset again
// now.
func (s *Set) seek(id uint32) bool {
	lost, known := s.sought[id]
	if !known {
		if len(s.sought) >= maxSought {
			clear(s.sought)
		}
		s.sought[id] = false
	}
	if !recent(s.missed, s.opts.ReloadAge) {
		s.misses = 0
		lost = false // as far as is known now
	}
	return !lost && s.misses <= maxMisses && !recent(s.failed, s.opts.ReloadAge)
}

func (s *Set) wait(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recent reports whether an attempt that brought nothing is too recent for
// another.
func recent(attempt time.Time, reloadAge time.Duration) bool {
	return !attempt.IsZero() && elapsed(attempt) < min(reloadPause, reloadAge)
}

// reload reads the keyset. The caller holds the turn.
func (s *Set) reload(ctx context.Context) error {
	began := time.Now()
	st, err := s.readOnce(ctx)
	if err != nil && ctx.Err() != nil {
		return err // the caller has gone: not an attempt
	}
	before := s.current.Load()
	switch {
	case err != nil:
		s.failed = time.Now()
		if before != nil {
			s.opts.Logger.WarnContext(ctx, "keyset: keys cannot be read again", "error", err, "age", before.age().Round(time.Second))
		}
		return err
	case before != nil && before.primary != st.primary:
		s.opts.Logger.InfoContext(ctx, "keyset: another key seals", "key", formatID(st.primary))
	}
	st.loaded = began
	s.current.Store(st)
	for id := range s.sought {
		s.sought[id] = true
		if st.enabled[id] {
			delete(s.sought, id)
		}
	}
	return nil
}

func (s *Set) readOnce(ctx context.Context) (*state, error) {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	text, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if len(text) == 0 {
		return nil, errtext.New("keyset: empty")
	}
	digest := sha256.Sum256(text)
	if before := s.current.Load(); before != nil && before.digest == digest {
		same := *before
		return &same, nil
	}
	st, err := parse(ctx, text, s.opts.KMS)
	if err != nil {
		return nil, err
	}
	st.digest = digest
	return st, nil
}
