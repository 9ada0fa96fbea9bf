package lab_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// siteOf returns a site whose users connect the world's servers. The user's name
// is in a cookie.
func siteOf(t *testing.T, world *lab.World) (http.Handler, *oauthstore.Store) {
	t.Helper()
	tasks := world.Server("tasks")
	apps := connect.Apps{{Issuer: tasks.Issuer, Servers: []string{tasks.MCPURL}, ID: tasks.ClientID, Secret: oauthstore.NewSecret(tasks.ClientSecret)}}
	keys, err := keyset.New()
	require.NoError(t, err)
	transport := world.Client().Transport
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{Clients: apps.Client, InsecureAllowLoopback: true, InsecureTransport: transport})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.Background())) })
	connector, err := connect.New(store, &connect.Options{
		RedirectURL: "http://localhost/callback", Apps: apps, InsecureAllowLoopback: true, InsecureTransport: transport,
	})
	require.NoError(t, err)
	web, err := connector.Web(func(r *http.Request) (oauthstore.Owner, error) {
		c, err := r.Cookie("user")
		if err != nil {
			return oauthstore.Owner{}, errors.New("no user is signed in")
		}
		return oauthstore.Owner{Tenant: "acme", Subject: c.Value}, nil
	}, &connect.WebOptions{
		Providers: []providers.Provider{providers.Custom("notes", world.Server("notes").MCPURL, nil), providers.Custom("tasks", tasks.MCPURL, nil)},
		SignIn:    http.RedirectHandler("/login", http.StatusSeeOther),
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/connect/", web.Connect())
	mux.Handle("/callback", web.Callback())
	return mux, store
}

func requestOf(user, path string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
	if user != "" {
		r.AddCookie(&http.Cookie{Name: "user", Value: user})
	}
	return r
}

func TestBrowserConnectsOnASite(t *testing.T) {
	t.Parallel()
	world, err := lab.Start(&lab.Options{InMemory: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, world.Close()) })
	site, store := siteOf(t, world)
	for _, path := range []string{"/connect/notes", "/connect/tasks?return_to=/settings", "/connect/notes?account=work", "/connect/notes"} {
		st, err := world.Connect(t.Context(), site, store, requestOf("mia", path))
		require.NoError(t, err, path)
		assert.Equal(t, oauthstore.Owner{Tenant: "acme", Subject: "mia"}, st.Key.Owner)
		assert.Equal(t, oauthstore.StateActive, st.State)
	}
	all, err := store.List(t.Context(), oauthstore.Owner{Tenant: "acme", Subject: "mia"})
	require.NoError(t, err)
	assert.Len(t, all, 3)
}

func TestBrowserSaysWhereAConsentEnds(t *testing.T) {
	t.Parallel()
	world, err := lab.Start(&lab.Options{InMemory: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, world.Close()) })
	site, store := siteOf(t, world)
	_, other := siteOf(t, world)
	connectAs := func(user, path string, in *oauthstore.Store) error {
		_, err := world.Connect(t.Context(), site, in, requestOf(user, path))
		return err
	}
	require.EqualError(t, connectAs("", "/connect/notes", store), "lab: the page of start ended with status 303: a redirect to /login")
	require.EqualError(t, connectAs("mia", "/connect/nothing", store), "lab: the page of start ended with status 404: No such connection")
	require.EqualError(t, connectAs("mia", "/connect/", store), "lab: the page of start ended with status 200: Connections")
	require.EqualError(t, connectAs("mia", "/connect/notes", other), "lab: the consent stored 0 credentials: is this the store of the site?")
	require.NoError(t, world.Fault("auth:deny"))
	require.EqualError(t, connectAs("mia", "/connect/notes", store), "lab: the callback ended with status 403: notes was not connected")
}
