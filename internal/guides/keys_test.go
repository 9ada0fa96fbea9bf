package guides_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func storeKey(ctx context.Context, connector *connect.Connector, user oauthstore.Owner, key string) (warning string, err error) {
	result, err := connector.Import(ctx, providers.Zapier(), user, connect.Token{
		Way: "connection_token", AccessToken: oauthstore.NewSecret(key),
	}, nil)
	return result.Warning, err
}

func reports(serverURL string) providers.Provider {
	return providers.Custom("reports", serverURL, &providers.CustomOptions{
		Name: "Reports",
		Ways: []providers.Way{{
			ID: "key", Kind: providers.WayKey, Name: "API key",
			Obtain: "Copy it from Settings, API.",
			Carry:  []providers.Carry{{Header: "X-Api-Key"}},
		}},
	})
}

// servers answers for all hosts.
type servers http.HandlerFunc

func (s servers) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

func newStore(t *testing.T) *oauthstore.Store {
	t.Helper()
	keys, err := keyset.New()
	require.NoError(t, err)
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureAllowLoopback: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	return store
}

func TestKeyIsAskedAboutBeforeItIsStored(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	asked := 0
	zapier := servers(func(w http.ResponseWriter, r *http.Request) {
		asked++
		assert.Equal(t, "mcp.zapier.com", r.URL.Host)
		w.WriteHeader(http.StatusUnauthorized)
	})
	builder, err := mcptools.NewBuilder(providers.Zapier(), store, &mcptools.Options{InsecureTransport: zapier})
	require.NoError(t, err)
	connector, err := connect.New(store, &connect.Options{Verify: builder.Verifier(), InsecureTransport: zapier})
	require.NoError(t, err)
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}

	_, err = storeKey(t.Context(), connector, mia, "Bearer synthetic-key")
	assert.Equal(t, connect.KindWrongToken, connect.KindOf(err))
	assert.Zero(t, asked)
	_, err = storeKey(t.Context(), connector, mia, "synthetic-key")
	assert.Equal(t, connect.KindRejected, connect.KindOf(err))
	assert.NotZero(t, asked)
}

func TestKeyIsInTheHeaderOfItsServer(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	p := reports("https://reports.example.com/mcp")
	builder, err := mcptools.NewBuilder(p, store, &mcptools.Options{InsecureSkipProbe: true})
	require.NoError(t, err)
	connector, err := connect.New(store, nil)
	require.NoError(t, err)
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}
	_, err = connector.Import(t.Context(), p, mia, connect.Token{AccessToken: oauthstore.NewSecret("synthetic-key")}, nil)
	require.NoError(t, err)
	tool, err := builder.Build(t.Context(), mia, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"X-Api-Key": "synthetic-key"}, tool.OfMcp.Headers)
	assert.Empty(t, tool.OfMcp.Authorization.Value)
}
