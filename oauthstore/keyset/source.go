package keyset

import (
	"context"
	"errors"

	tinkkeyset "github.com/tink-crypto/tink-go/v2/keyset"
)

// ErrChanged reports that a [Source] holds another text than the caller expected.
var ErrChanged = errors.New("the keyset has changed")

// A Source is where the text of a keyset is kept, such as a [File] or a secret
// manager. Its methods are safe for concurrent use, and Swap also by several
// processes.
type Source interface {
	// Read returns the text, or an error that matches [fs.ErrNotExist].
	Read(ctx context.Context) ([]byte, error)
	// Swap writes text in place of old, nil where there is none yet, and lasts
	// when it returns. If the source holds anything else than old, it returns an
	// error that matches [ErrChanged].
	Swap(ctx context.Context, old, text []byte) error
}

// Create writes a keyset with one new key into a source that has none. Else it
// returns an error that matches [ErrChanged].
func Create(ctx context.Context, src Source, opts *Options) (*Set, error) {
	first, err := New()
	if err != nil {
		return nil, err
	}
	s, err := newSet(first.current.Load(), src.Read, opts)
	if err != nil {
		return nil, err
	}
	_, err = s.swap(ctx, src, nil)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Update applies change to the keyset of a source and writes it back. Where
// another process writes meanwhile, it begins again with the newer keyset, so
// that no change is lost: change may be called several times. An error of change is
// returned, and nothing is written.
func Update(ctx context.Context, src Source, opts *Options, change func(*Set) error) (*Set, error) {
	for {
		s, err := updateOnce(ctx, src, opts, change)
		if !errors.Is(err, ErrChanged) {
			return s, err
		}
	}
}

func updateOnce(ctx context.Context, src Source, opts *Options, change func(*Set) error) (*Set, error) {
	var old []byte
	s, err := Load(ctx, func(ctx context.Context) (text []byte, err error) {
		old, err = src.Read(ctx)
		return old, err
	}, opts)
	if err != nil {
		return nil, err
	}
	s.read = src.Read
	if s.current.Load().history == nil {
		// The times that Drop waits for are known from now on, even if change
		// fails.
		if err := s.change(func(*tinkkeyset.Manager, *state, history) error { return nil }); err != nil {
			return nil, err
		}
		if old, err = s.swap(ctx, src, old); err != nil {
			return nil, err
		}
	}
	if err := change(s); err != nil {
		return nil, err
	}
	if _, err := s.swap(ctx, src, old); err != nil {
		return nil, err
	}
	return s, nil
}

// swap writes the set in place of old and returns its text.
func (s *Set) swap(ctx context.Context, src Source, old []byte) ([]byte, error) {
	text, err := s.text(ctx, s.opts.KMS)
	if err != nil {
		return nil, err
	}
	return text, src.Swap(ctx, old, text)
}
