package soak_test

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/faultproxy"
	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/redisstore"
)

// A site is a database with two replicas. The connection for the second one's
// notifications goes through a proxy.
type site struct {
	a     backend.Backend
	b     *notifyBackend
	proxy *faultproxy.Proxy
	kill  func(t *testing.T) // closes that connection as an administrator does
}

// A notifyBackend is a backend whose Watch reports when it is ready, and when
// it has called changed.
type notifyBackend struct {
	watched
	ready chan struct{}
	heard chan struct{}
}

type watched interface {
	backend.Backend
	backend.Watcher
}

func (w *notifyBackend) Watch(ctx context.Context, ready func(), changed func(backend.ID)) error {
	return w.watched.Watch(ctx,
		func() { ready(); w.ready <- struct{}{} },
		func(id backend.ID) { changed(id); w.heard <- struct{}{} })
}

func newNotifyBackend(b watched) *notifyBackend {
	return &notifyBackend{b, make(chan struct{}, 1000), make(chan struct{}, 1000)}
}

// sites are the databases with notifications. Statements may go through a
// PgBouncer in transaction mode; notifications can't.
var sites = map[string]func(t *testing.T) *site{
	"PostgreSQL": func(t *testing.T) *site { t.Helper(); return newPostgresSite(t, servertest.Postgres(t)) },
	"PostgreSQL behind PgBouncer": func(t *testing.T) *site {
		t.Helper()
		return newPostgresSite(t, servertest.PgBouncer(t)+"&default_query_exec_mode=exec")
	},
	"Redis": newRedisSite,
}

func newPostgresSite(t *testing.T, statements string) *site {
	t.Helper()
	db := newPostgres(t, 2)
	u, err := url.Parse(servertest.Postgres(t))
	require.NoError(t, err)
	proxy := newProxy(t, u.Host)
	u.Host = proxy.Addr()
	listener := db.schema + "_listener"
	return &site{
		a:     db.open(t, newPool(t, statements, 2), servertest.Postgres(t)),
		b:     newNotifyBackend(db.open(t, newPool(t, statements, 2), u.String()+"&application_name="+listener)),
		proxy: proxy,
		kill: func(t *testing.T) {
			t.Helper()
			var n int
			require.NoError(t, db.pool.QueryRow(t.Context(), "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1", listener).Scan(&n))
			assert.Equal(t, 1, n)
		},
	}
}

func newRedisSite(t *testing.T) *site {
	t.Helper()
	db := newRedis(t)
	opts, err := redis.ParseURL(servertest.Redis(t))
	require.NoError(t, err)
	proxy := newProxy(t, opts.Addr)
	opts.Addr, opts.ClientName = proxy.Addr(), db.prefix
	listener := redis.NewClient(opts)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	b, err := redisstore.New(split{db.client, listener}, &redisstore.Options{Prefix: db.prefix})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return &site{
		a: db.open(t, newRedisClient(t, servertest.Redis(t))), b: newNotifyBackend(b), proxy: proxy,
		kill: func(t *testing.T) {
			t.Helper()
			all, err := db.client.ClientList(t.Context()).Result()
			require.NoError(t, err)
			killed := 0
			for line := range strings.Lines(all) { // id=7 addr=… name=…
				if strings.Contains(line, " name="+db.prefix+" ") {
					id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
					require.NoError(t, db.client.ClientKillByFilter(t.Context(), "ID", id).Err())
					killed++
				}
			}
			assert.Equal(t, 1, killed)
		},
	}
}

// split uses another client to subscribe than for everything else.
type split struct {
	*redis.Client
	listener *redis.Client
}

func (s split) Subscribe(ctx context.Context, channels ...string) *redis.PubSub {
	return s.listener.Subscribe(ctx, channels...)
}

func newProxy(t *testing.T, target string) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.Start(target)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// neverByItself is a cache age that no test reaches: cached tokens are dropped
// for other reasons, or not at all.
const neverByItself = time.Hour

// pairOfReplicas are stores on a site. Only the second one is checked, and has
// that cache age.
type pairOfReplicas struct {
	*site
	key    oauthstore.Key
	as     *tokenServer
	one    *oauthstore.Store
	other  *oauthstore.Store
	serial int
}

func newPair(t *testing.T, s *site, cacheAge time.Duration) *pairOfReplicas {
	t.Helper()
	keys, as := newKeyset(t), newTokenServer(t, 0)
	return &pairOfReplicas{
		site: s, as: as, key: oauthstore.Key{Owner: ada, Provider: "notes", Server: "https://mcp.example.com/mcp"},
		one:   newStore(t, s.a, keys, &oauthstore.Options{InsecureTransport: as.Client().Transport, InsecureAllowLoopback: true}),
		other: newStore(t, s.b, keys, &oauthstore.Options{InsecureTransport: as.Client().Transport, InsecureAllowLoopback: true, CacheAge: cacheAge}),
	}
}

// connect, disconnect and refresh use the first replica.
func (p *pairOfReplicas) connect(t *testing.T) {
	t.Helper()
	p.serial++
	_, err := p.one.Put(t.Context(), p.key, pair(strconv.Itoa(p.serial), time.Now().Add(24*time.Hour), p.as.URL))
	require.NoError(t, err)
}

func (p *pairOfReplicas) disconnect(t *testing.T) {
	t.Helper()
	_, err := p.one.Disconnect(t.Context(), p.key)
	require.NoError(t, err)
}

func (p *pairOfReplicas) refresh(t *testing.T) {
	t.Helper()
	st, err := p.one.Status(t.Context(), p.key)
	require.NoError(t, err)
	_, err = p.one.Refresh(t.Context(), p.key, st.Generation)
	require.NoError(t, err)
}

// isCurrent reports whether the other replica returns the current credential.
func (p *pairOfReplicas) isCurrent(t *testing.T) bool {
	t.Helper()
	st, err := p.one.Status(t.Context(), p.key)
	tok, otherErr := p.other.Token(t.Context(), p.key, oauthstore.Need{})
	if err != nil {
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		return errors.Is(otherErr, oauthstore.ErrNotFound)
	}
	return otherErr == nil && tok.Generation == st.Generation && tok.Grant == st.Grant
}

// waits until the other replica is current, and returns the delay.
func (p *pairOfReplicas) waits(t *testing.T) time.Duration {
	t.Helper()
	start := time.Now()
	require.Eventually(t, func() bool { return p.isCurrent(t) }, time.Minute, time.Millisecond)
	return time.Since(start)
}

// A disconnect, a reconnect and a refresh on one replica take effect on the
// other: immediately if it watches, after its cache age if it does not, and
// otherwise not.
func TestWritesOfOneReplicaTakeEffectOnTheOther(t *testing.T) {
	t.Parallel()
	for name, open := range sites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, tt := range []struct {
				name     string
				watch    bool
				cacheAge time.Duration
			}{
				{"with Watch", true, neverByItself},
				{"without Watch", false, 200 * time.Millisecond},
			} {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					rounds := 3
					if soaking() {
						rounds = 100
					}
					p := newPair(t, open(t), tt.cacheAge)
					if tt.watch {
						watching(t, p.other)
						<-p.b.ready
					}
					took := map[string][]time.Duration{}
					do := func(what string, f func(*testing.T)) {
						f(t)
						took[what] = append(took[what], p.waits(t))
					}
					p.connect(t)
					p.waits(t)
					for range rounds {
						do("a refresh", p.refresh)
						do("a disconnect", p.disconnect)
						do("a reconnect", p.connect)
					}
					for _, what := range slices.Sorted(maps.Keys(took)) {
						p50, longest := percentile(took[what], 50), percentile(took[what], 100)
						t.Logf("%s takes effect elsewhere after %.1f ms (p50), %.1f ms at most", what, ms(p50), ms(longest))
						if soaking() {
							assert.Less(t, longest, time.Second)
						}
					}
				})
			}
			t.Run("control: neither", func(t *testing.T) {
				t.Parallel()
				p := newPair(t, open(t), neverByItself)
				p.connect(t)
				p.waits(t)
				p.disconnect(t)
				assert.False(t, p.isCurrent(t), "the cached token is served without a notification")
			})
		})
	}
}

// The connection of a watch is lost. The other replica reads its cached
// credentials again, reconnects, reads those that it cached in the meantime
// again, and receives notifications from then on.
func TestLostWatchIsResumed(t *testing.T) {
	t.Parallel()
	for name, open := range sites {
		for _, tt := range []struct {
			name         string
			lose, regain func(t *testing.T, s *site)
		}{
			{"cut", func(_ *testing.T, s *site) { s.proxy.Down() }, func(_ *testing.T, s *site) { s.proxy.Up() }},
			{"silent", func(_ *testing.T, s *site) { s.proxy.Freeze() }, func(_ *testing.T, s *site) { s.proxy.Thaw() }},
			{"closed by an administrator", func(t *testing.T, s *site) { t.Helper(); s.kill(t); s.proxy.Down() }, func(_ *testing.T, s *site) { s.proxy.Up() }},
		} {
			t.Run(name+", "+tt.name, func(t *testing.T) {
				t.Parallel()
				if testing.Short() && tt.name == "silent" {
					t.Skip("detection takes fifteen seconds")
				}
				p := newPair(t, open(t), neverByItself)
				watching(t, p.other)
				<-p.b.ready
				p.connect(t)
				<-p.b.heard
				p.waits(t) // from now on it is cached, and no notification is pending

				tt.lose(t, p.site)
				p.disconnect(t)
				t.Logf("cached credentials are read again after %.1f ms", ms(p.waits(t)))
				p.connect(t)
				p.waits(t)
				p.refresh(t)

				tt.regain(t, p.site)
				start := time.Now()
				<-p.b.ready
				t.Logf("the watch is resumed after %.1f ms", ms(time.Since(start)))
				p.waits(t)
				for range 3 {
					p.disconnect(t)
					p.waits(t)
					p.connect(t)
					p.waits(t)
				}
			})
		}
	}
}
