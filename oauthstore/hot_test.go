package oauthstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// The cached path is what every request of a backend takes.
func TestACachedTokenCostsNoAllocationAndNoIO(t *testing.T) { //nolint:paralleltest // counts allocations
	w := newWorld(t, nil)
	key := testKey("u")
	w.connect(t, key, nil)
	m := &mcpServer{takes: all}
	need := m.need()
	_, err := w.store.Token(t.Context(), key, need)
	require.NoError(t, err)
	gets, ctx := w.backend.gets.Load(), t.Context()
	allocs := testing.AllocsPerRun(1000, func() {
		if _, err := w.store.Token(ctx, key, need); err != nil {
			t.Error(err)
		}
	})
	assert.Zero(t, allocs)
	assert.Equal(t, gets, w.backend.gets.Load())
}

func BenchmarkCachedToken(b *testing.B) {
	keys, err := keyset.New()
	require.NoError(b, err)
	s, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{CacheAge: time.Hour})
	require.NoError(b, err)
	key := testKey("u")
	_, err = s.Put(b.Context(), key, newAuthServer().credential("u"))
	require.NoError(b, err)
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Token(ctx, key, oauthstore.Need{}); err != nil {
				b.Error(err)
			}
		}
	})
}
