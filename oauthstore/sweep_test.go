package oauthstore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/toolgrant/toolgrant/oauthstore"
)

func TestASweepRefreshesWhatIsDueAndNoMoreAtOnceThanAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.SweepPerIssuer = 7 })
		w.as.Latency = time.Second
		var flying, most atomic.Int64
		w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
			flying.Add(-1)
			return consume(), nil
		}
		w.as.Arrived = func(int) { most.Store(max(most.Load(), flying.Add(1))) }
		for i := range 250 {
			w.connect(t, testKey(fmt.Sprint("u", i)), nil)
		}
		w.connect(t, testKey("dies"), func(c *oauthstore.Credential) { c.Profile.OldAccessDies = true })
		w.connect(t, testKey("external"), func(c *oauthstore.Credential) { c.RefreshedElsewhere = true })
		n, err := w.store.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, oauthstore.Swept{}, n)

		wait(t, 50*time.Minute)
		n, err = w.store.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, oauthstore.Swept{Due: 250, Refreshed: 250}, n)
		assert.EqualValues(t, 7, most.Load())
		n, err = w.store.Sweep(t.Context())
		require.NoError(t, err)
		assert.Zero(t, n.Due)
		assert.Equal(t, 250, w.as.Posts())
		assert.Zero(t, w.as.Reuses())
	})
}

func TestASweepLeavesAFailingServerAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.SweepPerIssuer = 1 })
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return oauthError(503, "temporarily_unavailable"), nil
		}
		for i := range 100 {
			w.connect(t, testKey(fmt.Sprint("u", i)), nil)
		}
		wait(t, 50*time.Minute)
		n, err := w.store.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 100, n.Due)
		assert.Equal(t, 100, n.Failed+n.Skipped)
		assert.LessOrEqual(t, w.as.Posts(), 4)
		assert.Positive(t, n.Failed)
	})
}

func TestASweepReportsAnExpiringCredentialOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, func(c *oauthstore.Credential) {
			c.RefreshToken = oauthstore.Secret{}
			c.Expiry = time.Now().Add(30 * time.Hour)
		})
		for range 48 {
			_, err := w.store.Sweep(t.Context())
			require.NoError(t, err)
			wait(t, time.Hour)
		}
		assert.Equal(t, 1, w.seen(oauthstore.EventExpiring))
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrReauthorize)
		assert.Equal(t, oauthstore.ReasonNoRefreshToken, typed(t, err).Reason)
	})
}

func TestTwoSweepersRefreshEachCredentialOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Latency = 150 * time.Millisecond
		for i := range 60 {
			w.connect(t, testKey(fmt.Sprint("u", i)), nil)
		}
		wait(t, 50*time.Minute)
		done := make(chan error, 3)
		for range cap(done) {
			s := w.replica(t, nil)
			go func() { _, err := s.Sweep(t.Context()); done <- err }()
		}
		for range cap(done) {
			require.NoError(t, <-done)
		}
		assert.Equal(t, 60, w.as.Posts())
		assert.Zero(t, w.as.Reuses())
	})
}

func TestADisconnectElsewhereTakesEffect(t *testing.T) {
	t.Parallel()
	for _, watch := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			// Watching needs the backend itself; the other case, one that can't.
			s, err := oauthstore.New(w.backend.Backend, w.sealer, &oauthstore.Options{InsecureTransport: w.as})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			if watch {
				go func() { ended <- s.Watch(ctx) }()
				synctest.Wait()
			}
			key := testKey("u")
			w.connect(t, key, nil)
			for range 2 {
				_, err = s.Token(ctx, key, oauthstore.Need{})
				require.NoError(t, err)
			}
			if watch { // with a watch, what is cached is served for longer than the cache's age
				wait(t, 10*time.Minute)
				_, err = s.Token(ctx, key, oauthstore.Need{})
				require.NoError(t, err)
			}
			_, err = w.store.Disconnect(ctx, key)
			require.NoError(t, err)
			synctest.Wait()
			_, err = s.Token(ctx, key, oauthstore.Need{})
			if watch {
				require.ErrorIs(t, err, oauthstore.ErrNotFound, "at once")
			} else {
				require.NoError(t, err, "cached")
				wait(t, 31*time.Second)
				_, err = s.Token(ctx, key, oauthstore.Need{})
				require.ErrorIs(t, err, oauthstore.ErrNotFound, "within the cache's age")
			}
			cancel()
			if watch {
				require.ErrorIs(t, <-ended, context.Canceled)
			}
			require.NoError(t, s.Close(t.Context()))
		})
	}
}

// An owner with a part that was forgotten must not stand for all users.
func TestAnOwnerWithoutItsPartsIsInvalid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.connect(t, testKey("u"), nil)
	for _, owner := range []oauthstore.Owner{{}, {Subject: "u"}, {Tenant: "acme"}} {
		list, err := w.store.List(t.Context(), owner)
		require.ErrorIs(t, err, oauthstore.ErrMisconfigured, "%+v", owner)
		assert.Empty(t, list)
		_, err = w.store.SweepOwner(t.Context(), owner)
		require.ErrorIs(t, err, oauthstore.ErrMisconfigured, "%+v", owner)
	}
	_, err := w.store.ListTenant(t.Context(), "")
	require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
}
