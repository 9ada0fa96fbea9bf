package mcptools_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// cached is a credential store that has the token at hand, as a Store has one
// that is fresh.
type cached struct{ token oauthstore.Token }

func (c *cached) Token(context.Context, oauthstore.Key, oauthstore.Need) (oauthstore.Token, error) {
	return c.token, nil
}

func (*cached) Reject(context.Context, oauthstore.Key, uint64, oauthstore.Verdict) error { return nil }

func cachedBuilder(tb testing.TB) *mcptools.Builder {
	tb.Helper()
	tok := notesToken()
	tok.Expiry = time.Now().Add(time.Hour)
	tok.Provenance = oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Resource: "https://mcp.asana.com/v2/mcp", Issuer: "https://app.asana.com"}
	b, err := mcptools.NewBuilder(providers.Asana(), &cached{tok}, nil)
	require.NoError(tb, err)
	return b
}

func BenchmarkBuild(b *testing.B) {
	builder := cachedBuilder(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := builder.Build(ctx, ada, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAnEntryWithACachedTokenCostsOneAllocation(t *testing.T) { //nolint:paralleltest // counts allocations
	builder := cachedBuilder(t)
	ctx := t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		_, err := builder.Build(ctx, ada, nil)
		require.NoError(t, err)
	})
	assert.LessOrEqual(t, allocs, 1.0)
}
