package oauthstore_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/health"
)

// A unsteadyWatch has a Watch that fails until it is repaired.
type unsteadyWatch struct {
	*faultyBackend
	works atomic.Bool
	tries atomic.Int64
}

func (b *unsteadyWatch) Watch(ctx context.Context, ready func(), _ func(backend.ID)) error {
	b.tries.Add(1)
	if !b.works.Load() {
		return errDown
	}
	ready()
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			if !b.works.Load() {
				return errDown
			}
		}
	}
}

// A lines collects log lines. Safe for concurrent use.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestALostWatchIsReportedNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		b := &unsteadyWatch{faultyBackend: w.backend}
		var events [3]atomic.Int64
		log := &lines{}
		s, err := oauthstore.New(b, w.sealer, &oauthstore.Options{
			Logger: slog.New(slog.NewTextHandler(log, nil)),
			Observer: func(_ context.Context, e oauthstore.Event) {
				n := slices.Index([]oauthstore.EventType{oauthstore.EventWatchLost, oauthstore.EventWatchReady, e.Type}, e.Type)
				if n == 0 {
					assert.ErrorIs(t, e.Err, oauthstore.ErrUnavailable)
				}
				events[n].Add(1)
			},
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		assert.Equal(t, health.WatchOff, s.Health(t.Context()).Watch)
		go func() { ended <- s.Watch(ctx) }()
		wait(t, time.Hour)
		assert.Greater(t, b.tries.Load(), int64(300))
		assert.InDelta(t, 7, events[0].Load(), 1, "at once, and every ten minutes")
		assert.Contains(t, log.String(), "watch_lost")
		assert.Equal(t, health.WatchLost, s.Health(t.Context()).Watch)
		b.works.Store(true)
		wait(t, time.Minute)
		assert.EqualValues(t, 1, events[1].Load())
		assert.Equal(t, health.WatchReady, s.Health(t.Context()).Watch)
		before := events[0].Load()
		b.works.Store(false)
		wait(t, 2*time.Second)
		assert.Equal(t, before+1, events[0].Load(), "a loss is reported at once")
		assert.Zero(t, events[2].Load())
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		assert.Equal(t, health.WatchOff, s.Health(t.Context()).Watch)
		require.NoError(t, s.Close(t.Context()))
	})
}

func TestAFailingClientsIsAskedNowAndThenAndReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		var works atomic.Bool
		w := newWorld(t, func(o *oauthstore.Options) {
			o.Clients = func(context.Context, string, string) (oauthstore.Client, error) {
				asked.Add(1)
				if !works.Load() {
					return oauthstore.Client{}, errors.New("the vault is sealed")
				}
				return oauthstore.Client{Secret: oauthstore.NewSecret("synthetic"), AuthMethod: "client_secret_post"}, nil
			}
		})
		key := testKey("u")
		w.connect(t, key, func(c *oauthstore.Credential) { c.Provenance.Client = oauthstore.ClientApplication })
		wait(t, 45*time.Minute)
		for range 200 {
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err, "the stale token serves")
			wait(t, time.Second)
		}
		assert.LessOrEqual(t, asked.Load(), int64(10))
		assert.Equal(t, 1, w.seen(oauthstore.EventClientsFailed))
		h := w.store.Health(t.Context())
		require.Len(t, h.Issuers, 1)
		assert.Equal(t, testIssuer, h.Issuers[0].Name)
		wait(t, 15*time.Minute)
		before := asked.Load()
		for range 20 {
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		}
		assert.Equal(t, before+1, asked.Load(), "callers without a token do not ask each time either")
		assert.Equal(t, 2, w.seen(oauthstore.EventClientsFailed))
		works.Store(true)
		wait(t, time.Minute)
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Empty(t, w.store.Health(t.Context()).Issuers)
	})
}

func TestAFailedRevocationIsTriedAgainAndReported(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fails    int64
		answer   func() *http.Response
		requests int64
		reported int
	}{
		"an outage that passes":  {2, func() *http.Response { return oauthError(503, "server_error") }, 3, 0},
		"an outage that lasts":   {100, func() *http.Response { return oauthError(503, "server_error") }, 5, 1},
		"a client that is wrong": {100, func() *http.Response { return oauthError(401, "invalid_client") }, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var requests atomic.Int64
				w := newWorld(t, func(o *oauthstore.Options) {
					as := o.InsecureTransport
					o.InsecureTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
						if requests.Add(1) <= tc.fails {
							return tc.answer(), nil
						}
						return as.RoundTrip(r)
					})
				})
				key := testKey("u")
				w.connect(t, key, nil)
				d, err := w.store.Disconnect(t.Context(), key)
				require.NoError(t, err)
				require.NotNil(t, d.Revoked)
				assert.False(t, *d.Revoked)
				wait(t, 5*time.Minute)
				assert.Equal(t, tc.requests, requests.Load())
				assert.Equal(t, tc.reported, w.seen(oauthstore.EventRevokeFailed))
			})
		})
	}
}

func TestCloseEndsTheRetriesOfARevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) {
			o.InsecureTransport = roundTripper(func(*http.Request) (*http.Response, error) { return oauthError(503, "server_error"), nil })
		})
		key := testKey("u")
		w.connect(t, key, nil)
		_, err := w.store.Disconnect(t.Context(), key)
		require.NoError(t, err)
		start := time.Now()
		require.NoError(t, w.store.Close(t.Context()))
		assert.Zero(t, time.Since(start))
		assert.Equal(t, 1, w.seen(oauthstore.EventRevokeFailed), "it is not lost without a word")
	})
}

func TestAnIssuerThatFailsIsReportedOnceAndWhenItRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		keys := w.crowd(t, 20, nil)
		wait(t, 45*time.Minute)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return oauthError(503, "temporarily_unavailable"), nil
		}
		for range 10 {
			tokens(t.Context(), w.store, keys)
			wait(t, 10*time.Second)
		}
		assert.Equal(t, 1, w.seen(oauthstore.EventIssuerFailing))
		h := w.store.Health(t.Context())
		require.Len(t, h.Issuers, 1)
		assert.Equal(t, testIssuer, h.Issuers[0].Name)
		w.as.Answer = nil
		for range 3 {
			wait(t, time.Minute)
			tokens(t.Context(), w.store, keys)
		}
		assert.Equal(t, 1, w.seen(oauthstore.EventIssuerRecovered))
		assert.Empty(t, w.store.Health(t.Context()).Issuers)
	})
}

func TestAnOutageOfRefusalsIsReportedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		m := &mcpServer{takes: all}
		for n := range 20 {
			key := testKey(strconv.Itoa(n))
			w.connect(t, key, nil)
			_, err := w.store.Token(t.Context(), key, m.need())
			require.NoError(t, err)
			require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
		}
		m.takes = none
		for n := range 20 {
			_, err := w.store.Token(t.Context(), testKey(strconv.Itoa(n)), m.need())
			require.Error(t, err)
		}
		assert.Equal(t, 1, w.seen(oauthstore.EventIssuerFailing))
		require.Len(t, w.store.Health(t.Context()).Issuers, 1)
		m.takes = all
		wait(t, time.Minute)
		_, err := w.store.Token(t.Context(), testKey("19"), m.need())
		require.NoError(t, err)
		assert.Equal(t, 1, w.seen(oauthstore.EventIssuerRecovered))
		assert.Empty(t, w.store.Health(t.Context()).Issuers)
	})
}

func TestHealthSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		h := w.store.Health(t.Context())
		assert.Equal(t, health.Report{}, h)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Arrived = func(int) { w.backend.down.Store(true) }
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		h = w.store.Health(t.Context())
		require.ErrorIs(t, h.Backend, oauthstore.ErrUnavailable)
		assert.Equal(t, 1, h.UnsavedPairs)
		require.NoError(t, h.Keys)
		w.backend.down.Store(false)
		wait(t, time.Minute)
		assert.Equal(t, health.Report{}, w.store.Health(t.Context()))

		broken := &lostKeys{Sealer: w.sealer}
		broken.lost.Store(true)
		s, err := oauthstore.New(w.backend, broken, nil)
		require.NoError(t, err)
		require.ErrorIs(t, s.Health(t.Context()).Keys, backend.ErrKeyUnavailable)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A provider may end all grants of a client with one: the second try must not end
// the grant with which the user has connected again meanwhile.
func TestALateRevocationSparesTheNextGrantOfItsKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		w := newWorld(t, func(o *oauthstore.Options) {
			as := o.InsecureTransport
			o.InsecureTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
				if down.Load() {
					return oauthError(503, "server_error"), nil
				}
				return as.RoundTrip(r)
			})
		})
		key := testKey("u")
		w.connect(t, key, nil)
		d, err := w.store.Disconnect(t.Context(), key)
		require.NoError(t, err)
		require.NotNil(t, d.Revoked)
		require.False(t, *d.Revoked)
		w.connect(t, key, nil)
		down.Store(false)
		wait(t, 10*time.Minute)
		assert.Empty(t, w.as.Revoked())
	})
}
