package mcptools_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// plain returns a builder for a server of its own, without a probe.
func plain(t *testing.T, id string, creds oauthstore.Credentials) *mcptools.Builder {
	t.Helper()
	p := providers.Custom(id, "https://"+id+".example/mcp", nil)
	b, err := mcptools.NewBuilder(p, creds, unprobed(mcptools.Options{}))
	require.NoError(t, err)
	return b
}

func TestSetKeepsItsOrder(t *testing.T) {
	t.Parallel()
	// The earlier ones wait for the later ones, so that they end in the wrong order.
	var done [3]chan struct{}
	for i := range done {
		done[i] = make(chan struct{})
	}
	after := func(i int) oauthstore.SourceFunc {
		return func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
			if i+1 < len(done) {
				<-done[i+1]
			}
			close(done[i])
			return notesToken(), nil
		}
	}
	set, err := mcptools.NewSet(plain(t, "c", after(0)), plain(t, "a", after(1)), plain(t, "b", after(2)))
	require.NoError(t, err)
	assert.Equal(t, []string{"c", "a", "b"}, set.Labels())
	r, err := set.Build(t.Context(), ada, nil)
	require.NoError(t, err)
	require.Len(t, r.Tools(), 3)
	for i, label := range set.Labels() {
		assert.Equal(t, label, r.Tools()[i].OfMcp.ServerLabel)
		assert.Equal(t, label, r.Entries[i].Label)
		requireValid(t, r.Tools()[i])
	}
}

func TestFiveProvidersTakeAsLongAsTheSlowest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
			<-time.After(200 * time.Millisecond)
			return notesToken(), nil
		})
		var builders []*mcptools.Builder
		for i := range 5 {
			builders = append(builders, plain(t, fmt.Sprintf("s%d", i), slow))
		}
		set, err := mcptools.NewSet(builders...)
		require.NoError(t, err)
		begin := time.Now()
		r, err := set.Build(t.Context(), ada, nil)
		require.NoError(t, err)
		assert.Len(t, r.Tools(), 5)
		assert.Equal(t, 200*time.Millisecond, time.Since(begin))
	})
}

func TestSetSkipsProvidersThatAreNotConnected(t *testing.T) {
	t.Parallel()
	set, err := mcptools.NewSet(
		plain(t, "a", failsWith(oauthstore.ErrNotFound)), plain(t, "b", has(notesToken())), plain(t, "c", failsWith(oauthstore.ErrNotFound)))
	require.NoError(t, err)
	r, err := set.Build(t.Context(), ada, nil)
	require.NoError(t, err)
	require.Len(t, r.Tools(), 1)
	assert.Equal(t, "b", r.Tools()[0].OfMcp.ServerLabel)
	require.Len(t, r.Skipped, 2)
	assert.Equal(t, "a", r.Skipped[0].Label)
	assert.Equal(t, mcptools.KindNotConnected, r.Skipped[0].Failure.Kind)
	raw, err := json.Marshal(r.Skipped)
	require.NoError(t, err)
	assert.JSONEq(t, `[{"provider":"a","label":"a","kind":"not_connected","action":"connect"},
		{"provider":"c","label":"c","kind":"not_connected","action":"connect"}]`, string(raw))
}

func TestSetReturnsEveryFailure(t *testing.T) {
	t.Parallel()
	set, err := mcptools.NewSet(
		plain(t, "a", failsWith(oauthstore.ErrUnavailable)), plain(t, "b", has(notesToken())), plain(t, "c", failsWith(oauthstore.ErrReauthorize)))
	require.NoError(t, err)
	r, err := set.Build(t.Context(), ada, nil)
	require.ErrorIs(t, err, mcptools.KindUnavailable)
	require.ErrorIs(t, err, mcptools.KindReauthorize)
	assert.Empty(t, r.Tools())

	r, err = set.Build(t.Context(), ada, &mcptools.SetBuildOptions{SkipFailures: true})
	require.NoError(t, err)
	assert.Len(t, r.Tools(), 1)
	assert.Len(t, r.Skipped, 2)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = set.Build(ended, ada, &mcptools.SetBuildOptions{SkipFailures: true})
	require.Error(t, err, "a canceled context is not a failure of a provider")
}

func TestSetOptionsPerLabel(t *testing.T) {
	t.Parallel()
	type need struct {
		key oauthstore.Key
		ttl time.Duration
	}
	got := make(chan need, 2)
	creds := oauthstore.SourceFunc(func(_ context.Context, k oauthstore.Key, ttl time.Duration) (oauthstore.Token, error) {
		got <- need{k, ttl}
		return notesToken(), nil
	})
	set, err := mcptools.NewSet(plain(t, "a", creds), plain(t, "b", creds))
	require.NoError(t, err)
	_, err = set.Build(t.Context(), ada, &mcptools.SetBuildOptions{
		MinTTL: time.Minute, Each: map[string]mcptools.BuildOptions{"b": {Account: "work", MinTTL: time.Hour}},
	})
	require.NoError(t, err)
	needs := map[string]need{}
	for range 2 {
		n := <-got
		needs[n.key.Provider] = n
	}
	assert.Equal(t, time.Minute, needs["a"].ttl)
	assert.Equal(t, time.Hour, needs["b"].ttl)
	assert.Equal(t, "work", needs["b"].key.Account)

	_, err = set.Build(t.Context(), ada, &mcptools.SetBuildOptions{Each: map[string]mcptools.BuildOptions{"B": {}}})
	require.ErrorIs(t, err, mcptools.KindMisconfigured)
}

func TestRequireTTLOfASetHoldsForEachEntry(t *testing.T) {
	t.Parallel()
	short := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		tok := notesToken()
		tok.Expiry = time.Now().Add(time.Hour)
		return tok, nil
	})
	set, err := mcptools.NewSet(plain(t, "a", short), plain(t, "b", short))
	require.NoError(t, err)
	r, err := set.Build(t.Context(), ada, &mcptools.SetBuildOptions{MinTTL: 2 * time.Hour})
	require.NoError(t, err)
	assert.True(t, r.Entries[0].Short && r.Entries[1].Short)
	for name, opts := range map[string]mcptools.SetBuildOptions{
		"of the set":   {MinTTL: 2 * time.Hour, RequireTTL: true},
		"of one entry": {MinTTL: 2 * time.Hour, Each: map[string]mcptools.BuildOptions{"b": {RequireTTL: true}}},
		"of the set where one entry says something else": {
			MinTTL: 2 * time.Hour, RequireTTL: true, Each: map[string]mcptools.BuildOptions{"a": {Account: "work"}, "b": {MinTTL: time.Minute}},
		},
	} {
		_, err = set.Build(t.Context(), ada, &opts)
		require.ErrorIs(t, err, mcptools.KindUnavailable, name)
	}
}

func TestLabelsOfASetDiffer(t *testing.T) {
	t.Parallel()
	label := func(l string) *mcptools.Builder {
		b, err := mcptools.NewBuilder(notes(), has(notesToken()), &mcptools.Options{Label: l})
		require.NoError(t, err)
		return b
	}
	_, err := mcptools.NewSet(label("notes"), nil, label("Notes"), label("other"), label("NOTES"))
	require.Error(t, err)
	assert.ErrorContains(t, err, "builder 1 of the set is nil")
	assert.ErrorContains(t, err, `label "Notes" is taken by "notes"`)
	assert.ErrorContains(t, err, `label "NOTES" is taken by "notes"`)
	assert.NotContains(t, err.Error(), "other")
	_, err = mcptools.NewSet()
	assert.ErrorContains(t, err, "at least one")
	_, err = mcptools.NewSet(label("notes"), label("no-tes"))
	assert.NoError(t, err)
}

func TestSetCountsOnItsOwnBuilders(t *testing.T) {
	t.Parallel()
	builders := []*mcptools.Builder{plain(t, "a", has(notesToken())), plain(t, "b", failsWith(errors.New("x")))}
	set, err := mcptools.NewSet(builders...)
	require.NoError(t, err)
	builders[0] = builders[1]
	assert.Equal(t, []string{"a", "b"}, set.Labels())
}

func TestAnEmptyBuilderIsRefusedInWords(t *testing.T) {
	t.Parallel()
	_, err := mcptools.NewSet(&mcptools.Builder{})
	require.ErrorContains(t, err, "builder 0 of the set is empty: make it with NewBuilder")
	_, err = new(mcptools.Builder).Build(t.Context(), oauthstore.Owner{Tenant: "acme", Subject: "ada"}, nil)
	f, ok := mcptools.AsFailure(err)
	require.True(t, ok)
	assert.Equal(t, "mcptools: misconfigured: the Builder is empty: make it with NewBuilder", f.Error())
	assert.Equal(t, "A connected tool is not set up correctly: contact support.", f.PublicMessage())
}

func TestSkippedWithoutAFailureHasJSON(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(mcptools.Skipped{Label: "n"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"provider":"","label":"n","kind":"unknown","action":"none"}`, string(raw))
}

// A countingBackend counts its reads.
type countingBackend struct {
	*memstore.Backend
	reads atomic.Int64
}

func (b *countingBackend) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	b.reads.Add(1)
	return b.Backend.Get(ctx, id)
}

func (b *countingBackend) GetBatch(ctx context.Context, ids []backend.ID) ([]backend.Record, error) {
	b.reads.Add(1)
	return b.Backend.GetBatch(ctx, ids)
}

func TestSetOfFiftyServersReadsOnce(t *testing.T) {
	t.Parallel()
	keys, err := keyset.New()
	require.NoError(t, err)
	db := &countingBackend{Backend: memstore.New()}
	open := func() *oauthstore.Store {
		s, err := oauthstore.New(db, keys, nil)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, s.Close(context.Background())) })
		return s
	}
	store, writer := open(), open()
	var builders []*mcptools.Builder
	for i := range 50 {
		builders = append(builders, plain(t, fmt.Sprintf("s%d", i), store))
	}
	set, err := mcptools.NewSet(builders...)
	require.NoError(t, err)
	for _, i := range []int{7, 31} {
		key, err := builders[i].Key(ada, &mcptools.BuildOptions{Account: "work"})
		require.NoError(t, err)
		_, err = writer.Put(t.Context(), key, oauthstore.Credential{
			AccessToken: oauthstore.NewSecret("synthetic"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport},
		})
		require.NoError(t, err)
	}
	opts := &mcptools.SetBuildOptions{Each: map[string]mcptools.BuildOptions{}}
	for _, label := range set.Labels() {
		opts.Each[label] = mcptools.BuildOptions{Account: "work"}
	}
	for _, want := range []int64{1, 0, 0} {
		db.reads.Store(0)
		r, err := set.Build(t.Context(), ada, opts)
		require.NoError(t, err)
		require.Len(t, r.Entries, 2)
		assert.Equal(t, "s7", r.Entries[0].Label)
		assert.Equal(t, "s31", r.Entries[1].Label)
		assert.Len(t, r.Skipped, 48)
		assert.Equal(t, want, db.reads.Load())
	}
}
