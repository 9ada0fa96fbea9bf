package mcptools_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A server like Asana's wants the application's secret at every refresh. It is
// asked for each time and stands in no credential.
func TestAnImportedCredentialRefreshesWithTheApplicationsSecret(t *testing.T) {
	t.Parallel()
	w, err := lab.Start(nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	server := w.Server("tasks")
	keys, err := keyset.New()
	require.NoError(t, err)
	secret := "synthetic-wrong"
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{
		InsecureAllowLoopback: true,
		Clients: func(_ context.Context, issuer, id string) (oauthstore.Client, error) {
			assert.Equal(t, server.Issuer, issuer)
			assert.Equal(t, server.ClientID, id)
			return oauthstore.Client{Secret: oauthstore.NewSecret(secret)}, nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })

	p := providers.Custom("tasks", server.MCPURL, nil)
	b, err := mcptools.NewBuilder(p, store, &mcptools.Options{InsecureAllowLoopback: true})
	require.NoError(t, err)
	owner := oauthstore.Owner{Tenant: "acme", Subject: "u_42"}
	key, err := b.Key(owner, nil)
	require.NoError(t, err)
	c := w.Grant("tasks", "u_42").Credential()
	c.Provenance.Obtained = oauthstore.ObtainedImport
	c.Expiry = time.Now().Add(-time.Second) // it has expired
	_, err = store.Put(t.Context(), key, c)
	require.NoError(t, err)

	_, err = b.Build(t.Context(), owner, nil)
	require.ErrorIs(t, err, mcptools.KindMisconfigured, "a wrong secret is the operator's matter")
	secret = server.ClientSecret
	e, err := b.Entry(t.Context(), owner, nil)
	require.NoError(t, err, "the right one takes effect at once")
	assert.EqualValues(t, 2, e.Generation)
}
