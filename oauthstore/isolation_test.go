package oauthstore_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// Two tenants have users of the same names. What is done for one owner neither
// shows nor changes what belongs to another.
func TestOwnersAreIsolated(t *testing.T) {
	t.Parallel()
	owners := []oauthstore.Owner{
		{Tenant: "acme", Subject: "ann"},
		{Tenant: "acme", Subject: "ben"},
		{Tenant: "beta", Subject: "ann"},
		{Tenant: "beta", Subject: "ben"},
	}
	setUp := func(t *testing.T) (*world, func(oauthstore.Owner) oauthstore.Key) {
		t.Helper()
		w := newWorld(t, nil)
		key := func(o oauthstore.Owner) oauthstore.Key {
			return oauthstore.Key{Owner: o, Provider: "example", Server: testServer}
		}
		for i, o := range owners {
			_, err := w.store.Put(t.Context(), key(o), w.as.credential(fmt.Sprint("family", i)))
			require.NoError(t, err)
		}
		return w, key
	}
	scopes := map[oauthstore.Owner][]oauthstore.Owner{
		{}: owners, {Tenant: "acme"}: owners[:2], {Tenant: "acme", Subject: "ann"}: owners[:1], {Tenant: "gamma"}: nil,
	}

	t.Run("in a list", func(t *testing.T) {
		t.Parallel()
		w, _ := setUp(t)
		for scope, want := range scopes {
			list, err := listScope(t.Context(), w.store, scope)
			require.NoError(t, err)
			var got []oauthstore.Owner
			for _, st := range list {
				got = append(got, st.Key.Owner)
			}
			assert.Equal(t, want, got, "%v", scope)
		}
	})
	t.Run("in a sweep", func(t *testing.T) {
		t.Parallel()
		for scope, want := range scopes {
			if scope.Tenant != "" && scope.Subject == "" {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				w, key := setUp(t)
				wait(t, 2*time.Hour)
				sweep := w.store.Sweep
				if scope != (oauthstore.Owner{}) {
					sweep = func(ctx context.Context) (oauthstore.Swept, error) { return w.store.SweepOwner(ctx, scope) }
				}
				swept, err := sweep(t.Context())
				require.NoError(t, err)
				assert.Equal(t, len(want), swept.Refreshed, "%v", scope)
				for _, o := range want {
					st, err := w.store.Status(t.Context(), key(o))
					require.NoError(t, err)
					assert.EqualValues(t, 2, st.Generation)
				}
			})
		}
	})
	t.Run("in a disconnect", func(t *testing.T) {
		t.Parallel()
		w, key := setUp(t)
		d, err := w.store.Disconnect(t.Context(), key(owners[0]))
		require.NoError(t, err)
		require.NotNil(t, d.Revoked, "credentials of others do not keep the token alive")
		assert.Equal(t, []string{"synthetic-refresh-family0-1"}, w.as.Revoked())
		for i, o := range owners[1:] {
			tok, err := w.store.Token(t.Context(), key(o), oauthstore.Need{})
			require.NoError(t, err)
			assert.Contains(t, tok.AccessToken.Expose(), fmt.Sprint("family", i+1))
		}
	})
}

// A secret answers for the client that it was issued to, and for no other of the
// same id: of another authorization server, another kind or another owner.
func TestClientSecretAnswersForItsOwnClientOnly(t *testing.T) {
	t.Parallel()
	owner := testKey("u").Owner
	saved := storehandle.Client{
		Kind: string(oauthstore.ClientImported), Tenant: owner.Tenant, Subject: owner.Subject, Issuer: testIssuer, ID: "app",
		Secret: oauthstore.NewSecret("synthetic-client"),
	}
	for name, tc := range map[string]struct {
		kind   oauthstore.ClientKind // of the credential's client
		change func(c *storehandle.Client)
		sent   bool
	}{
		"its own":                         {kind: oauthstore.ClientImported, sent: true},
		"of another authorization server": {kind: oauthstore.ClientImported, change: func(c *storehandle.Client) { c.Issuer = "https://other.example.com" }},
		"of another tenant":               {kind: oauthstore.ClientImported, change: func(c *storehandle.Client) { c.Tenant = "other" }},
		"of another user":                 {kind: oauthstore.ClientImported, change: func(c *storehandle.Client) { c.Subject = "other" }},
		"of another client":               {kind: oauthstore.ClientImported, change: func(c *storehandle.Client) { c.ID = "other" }},
		"imported, for a registered one":  {kind: oauthstore.ClientRegistered},
		"imported, for an application":    {kind: oauthstore.ClientApplication},
		"imported, for a document":        {kind: oauthstore.ClientDocument},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(o *oauthstore.Options) {
					o.Clients = func(_ context.Context, issuer, clientID string) (oauthstore.Client, error) {
						assert.Equal(t, oauthstore.ClientApplication, tc.kind, "applications only")
						assert.Equal(t, testIssuer, issuer)
						assert.Equal(t, "app", clientID)
						return oauthstore.Client{}, oauthstore.ErrNotFound
					}
				})
				c := saved
				if tc.change != nil {
					tc.change(&c)
				}
				require.NoError(t, storehandle.Of(w.store).SaveClient(t.Context(), c))
				w.connect(t, testKey("u"), func(c *oauthstore.Credential) {
					c.Provenance.AuthMethod, c.Provenance.Client = "client_secret_post", tc.kind
				})
				wait(t, 2*time.Hour)
				_, err := w.store.Token(t.Context(), testKey("u"), oauthstore.Need{})
				if tc.sent {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
				assert.Zero(t, w.as.Posts())
			})
		})
	}
}

// listScope lists what an owner, a tenant without a subject or the zero owner
// stands for.
func listScope(ctx context.Context, s *oauthstore.Store, scope oauthstore.Owner) ([]oauthstore.Status, error) {
	switch {
	case scope.Tenant == "":
		return s.ListAll(ctx)
	case scope.Subject == "":
		return s.ListTenant(ctx, scope.Tenant)
	}
	return s.List(ctx, scope)
}
