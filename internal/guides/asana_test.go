package guides_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func asana(database backend.Backend, keys *keyset.Set, id string, secret oauthstore.Secret) (*oauthstore.Store, *connect.Connector, *mcptools.Builder, error) {
	apps := connect.Apps{{Providers: []string{"asana"}, ID: id, Secret: secret}}
	store, err := oauthstore.New(database, keys, &oauthstore.Options{Clients: apps.Client})
	if err != nil {
		return nil, nil, nil, err
	}
	builder, err := mcptools.NewBuilder(providers.Asana(), store, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	connector, err := connect.New(store, &connect.Options{
		RedirectURL: "https://app.example.com/callback", Apps: apps, Verify: builder.Verifier(),
	})
	return store, connector, builder, err
}

func TestAsanaIsConnectedWithItsApp(t *testing.T) {
	t.Parallel()
	keys, err := keyset.New()
	require.NoError(t, err)
	store, connector, builder, err := asana(memstore.New(), keys, "1200", oauthstore.NewSecret("synthetic"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}
	require.NoError(t, connector.Check(t.Context(), providers.Asana(), mia, nil), "a consent can begin: everything is in the catalogue")

	_, err = builder.Build(t.Context(), mia, nil)
	failure, ok := mcptools.AsFailure(err)
	require.True(t, ok)
	assert.Equal(t, mcptools.KindNotConnected, failure.Kind)

	_, err = mcptools.NewBuilder(providers.AsanaV1(), store, nil)
	assert.ErrorContains(t, err, "https://mcp.asana.com/v2/mcp", "the old address is refused with the right one")
}
