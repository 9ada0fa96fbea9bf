package keyset

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A shelf is a Source in memory. Before each read it calls before, if not nil.
type shelf struct {
	text   atomic.Pointer[[]byte]
	before func(context.Context) error
	reads  atomic.Int64
}

func (s *shelf) Read(ctx context.Context) ([]byte, error) {
	s.reads.Add(1)
	if s.before != nil {
		if err := s.before(ctx); err != nil {
			return nil, err
		}
	}
	return *s.text.Load(), nil
}

func (s *shelf) Swap(_ context.Context, old, text []byte) error {
	have := s.text.Load()
	if have == nil && old == nil || have != nil && old != nil && string(*have) == string(old) {
		if s.text.CompareAndSwap(have, &text) {
			return nil
		}
	}
	return ErrChanged
}

// newShelf returns a source with a new keyset and a set that has loaded it.
func newShelf(t *testing.T, opts *Options) (*shelf, *Set) {
	t.Helper()
	s := &shelf{}
	_, err := Create(t.Context(), s, opts)
	require.NoError(t, err)
	keys, err := Load(t.Context(), s.Read, opts)
	require.NoError(t, err)
	s.reads.Store(0)
	return s, keys
}

// add adds a key to the source and returns its id.
func (s *shelf) add(t *testing.T) (id string) {
	t.Helper()
	s.update(t, func(keys *Set) (err error) { id, err = keys.Add(); return err })
	return id
}

func (s *shelf) promote(t *testing.T, id string) {
	t.Helper()
	s.update(t, func(keys *Set) error { return keys.Promote(id) })
}

func (s *shelf) update(t *testing.T, change func(*Set) error) {
	t.Helper()
	before := s.before
	s.before = nil
	_, err := Update(t.Context(), s, nil, change)
	require.NoError(t, err)
	s.before = before
	s.reads.Store(0)
}

// sealer returns the id of the key that keys seals with.
func sealer(t *testing.T, keys *Set) string {
	t.Helper()
	sealed, err := keys.Seal(t.Context(), []byte("text"), nil)
	require.NoError(t, err)
	return keys.KeyID(sealed)
}

func TestAPromotedKeySealsAfterTheReloadAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf, _ := newShelf(t, nil)
		next := shelf.add(t)
		// A process that starts between add and promote knows both keys.
		keys, err := Load(t.Context(), shelf.Read, nil)
		require.NoError(t, err)
		shelf.promote(t, next)
		<-time.After(time.Minute - 1)
		assert.NotEqual(t, next, sealer(t, keys))
		assert.Zero(t, shelf.reads.Load())
		<-time.After(1)
		assert.Equal(t, next, sealer(t, keys))
		assert.EqualValues(t, 1, shelf.reads.Load())
	})
}

func TestAKeysetThatCannotBeReadSealsUntilTheStaleLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf, keys := newShelf(t, nil)
		old := sealer(t, keys)
		sealed, err := keys.Seal(t.Context(), []byte("text"), nil)
		require.NoError(t, err)
		shelf.promote(t, shelf.add(t))
		shelf.before = func(context.Context) error { return errors.New("away") }

		<-time.After(time.Minute)
		for range 5 {
			assert.Equal(t, old, sealer(t, keys))
		}
		assert.EqualValues(t, 1, shelf.reads.Load(), "a failed read is not repeated for 10 s")
		<-time.After(time.Hour - time.Minute - 1)
		assert.Equal(t, old, sealer(t, keys))
		<-time.After(1)
		_, err = keys.Seal(t.Context(), []byte("text"), nil)
		require.ErrorIs(t, err, backend.ErrKeyUnavailable)
		_, err = keys.Open(t.Context(), sealed, nil)
		require.NoError(t, err, "opening needs no fresh keys")

		shelf.before = nil
		<-time.After(10 * time.Second)
		assert.NotEqual(t, old, sealer(t, keys))
	})
}

func TestASourceThatHangsDelaysOneCallerForFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf, keys := newShelf(t, nil)
		shelf.before = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		<-time.After(time.Minute)
		began := time.Now()
		slow := make(chan time.Duration)
		go func() {
			_, err := keys.Seal(t.Context(), nil, nil)
			assert.NoError(t, err)
			slow <- time.Since(began)
		}()
		synctest.Wait()
		sealer(t, keys)
		assert.Zero(t, time.Since(began), "the others go on with the keys at hand")
		assert.Equal(t, reloadTimeout, <-slow)
	})
}

func TestAMachineThatSleptReadsTheKeysetAgain(t *testing.T) {
	t.Parallel()
	shelf, keys := newShelf(t, nil)
	next := shelf.add(t)
	shelf.promote(t, next)
	st := *keys.current.Load()
	// The monotonic clock stood still while the wall clock went on.
	st.loaded = st.loaded.Round(0).Add(-2 * time.Minute)
	keys.current.Store(&st)
	assert.Equal(t, next, sealer(t, keys))
}

func TestAMissingKeyIsLookedForAtMostOnceInTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf, keys := newShelf(t, nil)
		foreign, err := New()
		require.NoError(t, err)
		lost, err := foreign.Seal(t.Context(), nil, nil)
		require.NoError(t, err)
		for range 3 {
			_, err = keys.Open(t.Context(), lost, nil)
			require.ErrorIs(t, err, backend.ErrKeyUnavailable)
		}
		assert.EqualValues(t, 1, shelf.reads.Load())
		<-time.After(reloadPause)
		_, err = keys.Open(t.Context(), lost, nil)
		require.ErrorIs(t, err, backend.ErrKeyUnavailable)
		assert.EqualValues(t, 2, shelf.reads.Load())
	})
}

// lost returns what a key that is in no keyset has sealed.
func lost(t *testing.T) []byte {
	t.Helper()
	foreign, err := New()
	require.NoError(t, err)
	sealed, err := foreign.Seal(t.Context(), nil, nil)
	require.NoError(t, err)
	return sealed
}

// temporary reports whether err says that its key may not be lost.
func temporary(err error) bool {
	e, ok := errors.AsType[unreadError](err)
	return ok && e.Temporary()
}

func TestANewKeyIsFoundSoonAfterAnotherWasMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf, keys := newShelf(t, nil)
		_, err := keys.Open(t.Context(), lost(t), nil)
		require.ErrorIs(t, err, backend.ErrKeyUnavailable)
		assert.False(t, temporary(err))
		shelf.promote(t, shelf.add(t))
		ahead, err := Load(t.Context(), shelf.Read, nil)
		require.NoError(t, err)
		sealed, err := ahead.Seal(t.Context(), nil, nil)
		require.NoError(t, err)
		_, err = keys.Open(t.Context(), sealed, nil)
		require.NoError(t, err)
	})
}

func TestAKeyIsLostOnlyIfTheKeysetWasReadSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf, keys := newShelf(t, nil)
		var sealed [2 * maxMisses][]byte
		for i := range sealed {
			sealed[i] = lost(t)
			_, err := keys.Open(t.Context(), sealed[i], nil)
			require.ErrorIs(t, err, backend.ErrKeyUnavailable)
			assert.Equal(t, i > maxMisses, temporary(err), "%d: %v", i, err)
		}
		assert.EqualValues(t, maxMisses+1, shelf.reads.Load())
		<-time.After(reloadPause)
		shelf.before = func(context.Context) error { return errors.New("away") }
		for i := range sealed {
			_, err := keys.Open(t.Context(), sealed[i], nil)
			require.ErrorIs(t, err, backend.ErrKeyUnavailable)
			assert.True(t, temporary(err), "%d: %v", i, err)
		}
		<-time.After(reloadPause)
		shelf.before = nil
		for i := range sealed {
			_, err := keys.Open(t.Context(), sealed[i], nil)
			require.ErrorIs(t, err, backend.ErrKeyUnavailable)
			assert.False(t, temporary(err), "%d: %v", i, err)
		}
		assert.EqualValues(t, maxMisses+3, shelf.reads.Load(), "one read finds out about all of them")
	})
}

func TestACallerThatGoesAwayDoesNotFailTheReloadOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf, keys := newShelf(t, nil)
		shelf.promote(t, shelf.add(t))
		ahead, err := Load(t.Context(), shelf.Read, nil)
		require.NoError(t, err)
		sealed, err := ahead.Seal(t.Context(), nil, nil)
		require.NoError(t, err)
		shelf.before = func(ctx context.Context) error {
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Second):
			}
			return ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		first, others := make(chan error, 1), make(chan error, 3)
		open := func(ctx context.Context, got chan error) {
			_, err := keys.Open(ctx, sealed, nil)
			got <- err
		}
		go open(ctx, first)
		synctest.Wait()
		shelf.reads.Store(0)
		for range 3 {
			go open(t.Context(), others)
		}
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-first, context.Canceled)
		for range 3 {
			require.NoError(t, <-others)
		}
		assert.EqualValues(t, 1, shelf.reads.Load(), "the others share one read")
	})
}

func TestAKeyIsDroppedOnlyWhenNoProcessCanSealWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys, err := New()
		require.NoError(t, err)
		old := keys.Keys()[0].ID
		<-time.After(100 * time.Hour)
		next, err := keys.Add()
		require.NoError(t, err)
		unused, err := keys.Add()
		require.NoError(t, err)
		require.Error(t, keys.Drop(old, time.Now()), "the primary")
		require.NoError(t, keys.Drop(unused, time.Now()), "it has never sealed")
		require.NoError(t, keys.Promote(next))

		<-time.After(25*time.Hour - time.Minute)
		counted := time.Now()
		var e *oauthstore.Error
		require.ErrorAs(t, keys.Drop(old, counted), &e)
		require.ErrorIs(t, e, oauthstore.ErrUnavailable)
		assert.Equal(t, time.Minute, e.RetryAfter)
		<-time.After(2 * time.Minute)
		require.ErrorIs(t, keys.Drop(old, counted), oauthstore.ErrUnavailable, "the count began too early")

		// Promoted again meanwhile, the wait begins anew.
		require.NoError(t, keys.Promote(old))
		require.NoError(t, keys.Promote(next))
		require.ErrorIs(t, keys.Drop(old, time.Now()), oauthstore.ErrUnavailable)
		<-time.After(25 * time.Hour)
		require.NoError(t, keys.Drop(old, time.Now()))
		require.ErrorIs(t, keys.Drop(old, time.Now()), oauthstore.ErrNotFound)
		assert.Len(t, keys.Keys(), 1)
	})
}

func TestAPromotionOnAMachineWithASlowClockCountsFromTheLatestKnownTime(t *testing.T) {
	t.Parallel()
	keys, err := New()
	require.NoError(t, err)
	st := keys.current.Load()
	ahead := now().Add(time.Hour)
	st.history[st.primary] = period{Promoted: ahead}
	next, err := keys.Add()
	require.NoError(t, err)
	require.NoError(t, keys.Promote(next))
	got := keys.Keys()
	assert.Equal(t, ahead.Add(defaultDropWait), got[0].DropAfter)
	assert.Equal(t, ahead, got[1].Promoted)
}

func TestOptionsMustFitTogether(t *testing.T) {
	t.Parallel()
	shelf, _ := newShelf(t, nil)
	for name, o := range map[string]Options{
		"stale before it is reloaded": {ReloadAge: time.Minute, StaleLimit: time.Second},
		"negative age":                {ReloadAge: -1},
	} {
		_, err := Load(t.Context(), shelf.Read, &o)
		require.Error(t, err, name)
	}
}
