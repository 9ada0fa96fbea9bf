package redisstore_test

import (
	"context"
	"crypto/rand"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/faultproxy"
	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/redisstore"
	"github.com/toolgrant/toolgrant/oauthstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBackend(t *testing.T) {
	t.Parallel()
	for name, protocol := range map[string]int{"RESP2": 2, "RESP3": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := options(t)
			opts.Protocol = protocol
			storetest.Run(t, func(t *testing.T, database string) backend.Backend {
				t.Helper()
				return open(t, opts, database)
			}, &storetest.Options{Damage: func(t *testing.T, database string, id backend.ID) {
				t.Helper()
				client := redis.NewClient(opts)
				defer client.Close()
				require.NoError(t, client.HSet(t.Context(), redisstore.RecordKey(database, id), "due", "tomorrow").Err())
			}})
		})
	}
}

func options(t *testing.T) *redis.Options {
	t.Helper()
	opts, err := redis.ParseURL(servertest.Redis(t))
	require.NoError(t, err)
	opts.PoolSize = 4
	return opts
}

// open returns a backend with a client of its own, and removes what it wrote at
// the end.
func open(t *testing.T, opts *redis.Options, prefix string) *redisstore.Backend {
	t.Helper()
	client := redis.NewClient(opts)
	b, err := redisstore.New(client, &redisstore.Options{Prefix: prefix})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.Close())
		require.NoError(t, client.Close())
	})
	return b
}

func newPrefix() string { return "test_" + rand.Text() }

var someone = backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: "u_42", Provider: "asana"}

// proxied returns a proxy before the Redis server and the options of a client
// through it.
func proxied(t *testing.T) (*faultproxy.Proxy, *redis.Options) {
	t.Helper()
	opts := options(t)
	p, err := faultproxy.Start(opts.Addr)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	opts.Addr = p.Addr()
	return p, opts
}

func TestAWriteThatTheClientSendsAgainIsDoneOnce(t *testing.T) {
	t.Parallel()
	proxy, opts := proxied(t)
	b := open(t, opts, newPrefix())
	first := backend.Record{Version: 1, Data: []byte("first"), DueAt: time.Unix(1, 0)}
	require.NoError(t, b.Put(t.Context(), someone, first, 0), "loads the script")

	second := backend.Record{Version: 2, Data: []byte("the second"), DueAt: time.Unix(2, 0)}
	lost := proxy.Lose([]byte("the second"), 1)
	require.NoError(t, b.Put(t.Context(), someone, second, 1), "go-redis sends it again, which must not conflict with itself")
	<-lost
	got, err := b.Get(t.Context(), someone)
	require.NoError(t, err)
	assert.Equal(t, second.Version, got.Version)
	items, next, err := b.List(t.Context(), backend.Filter{DueBefore: time.Unix(9, 0)}, "", 9)
	require.NoError(t, err)
	assert.Len(t, items, 1)
	assert.Empty(t, next)
}

func TestAServerThatHangsDoesNotKeepCallers(t *testing.T) {
	t.Parallel()
	proxy, opts := proxied(t)
	b := open(t, opts, newPrefix())
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
	proxy.Freeze()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Put(ctx, someone, backend.Record{Version: 2}, 1) }()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	proxy.Thaw()
}

func TestAServerThatFailsIsUnavailable(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, opts *redis.Options, says string) {
		t.Helper()
		opts.MaxRetries = -1
		b := open(t, opts, newPrefix())
		_, getErr := b.Get(t.Context(), someone)
		_, _, listErr := b.List(t.Context(), backend.Filter{}, "", 1)
		for _, err := range []error{
			getErr, listErr,
			b.Put(t.Context(), someone, backend.Record{Version: 1}, 0),
			b.Delete(t.Context(), someone, 1),
			b.Watch(t.Context(), func() {}, func(backend.ID) {}),
		} {
			require.ErrorIs(t, err, backend.ErrUnavailable)
			assert.ErrorContains(t, err, says)
			assert.NotContains(t, err.Error(), "canary")
		}
	}
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		require.NoError(t, l.Close())
		check(t, &redis.Options{Addr: l.Addr().String(), Password: "canary", DialerRetries: 1}, "connection refused")
	})
	t.Run("no password", func(t *testing.T) {
		t.Parallel()
		opts := options(t)
		opts.Password = "canary"
		check(t, opts, "WRONGPASS")
	})
}

func FuzzReply(f *testing.F) {
	f.Add("1:k1:t1:s1:p1:a1:u", "18446744073709551615", "data", "001790000000000000", "", "1790000000", "12")
	f.Add("", "-1", "", "x", "99999999999999999999", "", "-")
	f.Fuzz(func(t *testing.T, id, version, data, due, expire, seconds, micros string) {
		it, ok, err := redisstore.ParseRecord([]any{id, version, data, due, expire})
		if err != nil {
			require.Zero(t, ok)
		} else {
			text, _ := it.ID.MarshalText()
			require.Equal(t, id, string(text))
			require.Equal(t, data, string(it.Data))
		}
		_, _ = redisstore.ParseNow([]any{seconds, micros})
	})
}

func TestRepliesOfAnotherShapeAreErrors(t *testing.T) {
	t.Parallel()
	for _, v := range []any{nil, "x", int64(1), []any{}, []any{"a", "b", "c", "d"}, []any{"a", int64(1), "c", "d", "e"}, []any{nil, "1", nil, nil, nil}} {
		_, ok, err := redisstore.ParseRecord(v)
		require.Error(t, err, "%v", v)
		assert.False(t, ok)
	}
	for _, v := range []any{nil, []any{"1"}, []any{"1", int64(2)}, []any{"1", "x"}} {
		_, err := redisstore.ParseNow(v)
		require.Error(t, err, "%v", v)
	}
}

func TestTheCallersClientStaysOpen(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(options(t))
	defer client.Close()
	b, err := redisstore.New(client, nil)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.NoError(t, client.Ping(t.Context()).Err())
}

func TestAClientThatItsOwnerHasClosedIsClosed(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(options(t))
	b, err := redisstore.New(client, nil)
	require.NoError(t, err)
	require.NoError(t, client.Close())
	_, err = b.Get(t.Context(), someone)
	require.ErrorIs(t, err, backend.ErrClosed)
}

func TestAPrefixWithABraceIsRefused(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	_, err := redisstore.New(client, &redisstore.Options{Prefix: "a{b}"})
	require.Error(t, err)
	_, err = redisstore.New(nil, nil)
	require.Error(t, err)
}

// All keys of a script have to lie on one node of a cluster.
func TestAllKeysHaveOneHashTag(t *testing.T) {
	t.Parallel()
	opts, prefix := options(t), newPrefix()
	b := open(t, opts, prefix)
	rec := backend.Record{Version: 1, DueAt: time.Unix(1, 0), ExpireAt: time.Unix(2, 0)}
	require.NoError(t, b.Put(t.Context(), someone, rec, 0))
	client := redis.NewClient(opts)
	defer client.Close()
	keys, err := client.Keys(t.Context(), "*"+prefix+"*").Result()
	require.NoError(t, err)
	assert.Len(t, keys, 5, "the record and four indexes")
	for _, key := range keys {
		assert.True(t, strings.HasPrefix(key, "{"+prefix+"}:"), key)
		assert.NotContains(t, key, "acme")
	}
	require.NoError(t, b.Delete(t.Context(), someone, 1))
	keys, err = client.Keys(t.Context(), "*"+prefix+"*").Result()
	require.NoError(t, err)
	assert.Empty(t, keys, "nothing is left")
}

func watch(t *testing.T, opts *redis.Options, every, patience time.Duration, changed func(backend.ID)) (b *redisstore.Backend, ready <-chan struct{}, ended <-chan error) {
	t.Helper()
	b = open(t, opts, newPrefix())
	b.Beat(every, patience)
	is, end := make(chan struct{}, 100), make(chan error, 1)
	go func() { end <- b.Watch(context.WithoutCancel(t.Context()), func() { is <- struct{}{} }, changed) }()
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b, is, end
}

func nobody(backend.ID) {}

func TestAConnectionThatStopsToDeliverIsFoundOut(t *testing.T) {
	t.Parallel()
	proxy, opts := proxied(t)
	opts.ReadTimeout = 100 * time.Millisecond
	opts.MaxRetries = -1
	_, ready, ended := watch(t, opts, 10*time.Millisecond, 2*time.Second, nobody)
	<-ready
	proxy.Freeze()
	require.ErrorIs(t, <-ended, backend.ErrUnavailable)
}

func TestAConnectionThatIsCutEndsTheWatch(t *testing.T) {
	t.Parallel()
	proxy, opts := proxied(t)
	_, ready, ended := watch(t, opts, time.Minute, time.Minute, nobody)
	<-ready
	proxy.CutAll()
	require.ErrorIs(t, <-ended, backend.ErrUnavailable)
}

func TestNothingIsMissedDuringAProof(t *testing.T) {
	t.Parallel()
	heard := make(chan backend.ID, 1000)
	b, ready, ended := watch(t, options(t), time.Millisecond, time.Minute, func(id backend.ID) { heard <- id })
	<-ready
	for v := range uint64(100) {
		require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: v + 1}, v))
		select {
		case id := <-heard:
			require.Equal(t, someone, id)
		case err := <-ended:
			require.NoError(t, err)
		}
	}
}

func TestAChannelThatOthersUseIsRefused(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(options(t))
	defer client.Close()
	b, ready, ended := watch(t, options(t), time.Minute, time.Minute, nobody)
	<-ready
	require.NoError(t, client.Publish(t.Context(), b.Channel(), "hello").Err())
	require.ErrorIs(t, <-ended, backend.ErrUnavailable)
}

// Messages arrive on a connection of their own. A watch passes them on while the
// pool has no connection left, and does not wait for one for ever.
func TestAnExhaustedPoolDoesNotStopAWatch(t *testing.T) {
	t.Parallel()
	opts := options(t)
	opts.PoolSize, opts.PoolTimeout = 1, time.Hour
	client := redis.NewClient(opts)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	prefix := newPrefix()
	other := open(t, options(t), prefix)
	b, err := redisstore.New(client, &redisstore.Options{Prefix: prefix})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	b.Beat(time.Millisecond, 500*time.Millisecond)

	ready, heard, ended := make(chan struct{}, 2), make(chan backend.ID, 1), make(chan error, 1)
	go func() {
		ended <- b.Watch(context.WithoutCancel(t.Context()), func() { ready <- struct{}{} }, func(id backend.ID) { heard <- id })
	}()
	<-ready
	conn := client.Conn()
	require.NoError(t, conn.Ping(t.Context()).Err())
	defer conn.Close()
	require.NoError(t, other.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case id := <-heard:
		assert.Equal(t, someone, id)
	case <-ctx.Done():
		assert.Fail(t, "the write was not heard")
	}
	select {
	case err := <-ended:
		require.ErrorIs(t, err, backend.ErrUnavailable)
	case <-ctx.Done():
		assert.Fail(t, "the watch waits for the pool without limit")
	}
	require.NoError(t, other.Delete(t.Context(), someone, 1))
}
