package oauthstore_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// The operator's application, a client that registered itself and one that an
// owner imported may all have the same id at the same issuer.
func TestASecretServesOnlyItsOwnKindOfClient(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind  oauthstore.ClientKind
		owner string
		want  string // the secret that is sent; "" if none is
	}{
		"an application":                   {oauthstore.ClientApplication, "u", "synthetic-operators"},
		"a registered client":              {oauthstore.ClientRegistered, "u", "synthetic-registered"},
		"an imported client":               {oauthstore.ClientImported, "u", "synthetic-imported"},
		"another owner's imported client":  {oauthstore.ClientImported, "v", ""},
		"a client that has no secret":      {oauthstore.ClientDocument, "u", ""},
		"a record that does not say which": {"", "u", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			w := newWorld(t, func(o *oauthstore.Options) {
				o.Clients = func(_ context.Context, issuer, id string) (oauthstore.Client, error) {
					asked++
					assert.Equal(t, testIssuer, issuer)
					assert.Equal(t, "app", id)
					return oauthstore.Client{Secret: oauthstore.NewSecret("synthetic-operators"), AuthMethod: "client_secret_post"}, nil
				}
			})
			sent := ""
			w.as.Answer = func(_ int, form url.Values, consume func() *http.Response) (*http.Response, error) {
				sent = form.Get("client_secret")
				return consume(), nil
			}
			key := testKey(tt.owner)
			for kind, secret := range map[oauthstore.ClientKind]string{
				oauthstore.ClientRegistered: "synthetic-registered", oauthstore.ClientImported: "synthetic-imported",
			} {
				client := storehandle.Client{Kind: string(kind), Issuer: testIssuer, ID: "app", Secret: oauthstore.NewSecret(secret), AuthMethod: "client_secret_post"}
				if kind == oauthstore.ClientImported {
					client.Tenant, client.Subject = key.Owner.Tenant, "u"
				}
				require.NoError(t, storehandle.Of(w.store).SaveClient(t.Context(), client))
			}
			w.connect(t, key, func(c *oauthstore.Credential) { c.Provenance.Client, c.Provenance.AuthMethod = tt.kind, "" })
			_, err := w.store.Refresh(t.Context(), key, 1)
			require.NoError(t, err)
			assert.Equal(t, tt.kind == oauthstore.ClientApplication, asked > 0)
			assert.Equal(t, tt.want, sent)
		})
	}
}

func TestASavedClientIsKeptWhileItIsUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for _, id := range []string{"used", "unused"} {
			require.NoError(t, storehandle.Of(w.store).SaveClient(t.Context(), storehandle.Client{
				Kind: string(oauthstore.ClientRegistered), Issuer: testIssuer, ID: id, Secret: oauthstore.NewSecret("synthetic-secret"), AuthMethod: "client_secret_post",
			}))
		}
		key := testKey("u")
		st := w.connect(t, key, func(c *oauthstore.Credential) {
			c.Provenance.ClientID, c.Provenance.Client, c.Provenance.AuthMethod = "used", oauthstore.ClientRegistered, "client_secret_post"
		})
		purged := 0
		for range 30 {
			wait(t, 30*24*time.Hour)
			var err error
			st, err = w.store.Refresh(t.Context(), key, st.Generation)
			require.NoError(t, err)
			n, err := w.store.Purge(t.Context())
			require.NoError(t, err)
			purged += n[backend.KindRegistration]
		}
		assert.Equal(t, 1, purged, "a client that was not used for a year")
	})
}

func TestACredentialWhoseClientIsOfNoKindIsNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.as.credential("u")
	c.Provenance.AuthMethod = "client_secret_basic"
	_, err := w.store.Put(t.Context(), testKey("u"), c)
	require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
	require.ErrorContains(t, err, "Provenance.Client")
}
