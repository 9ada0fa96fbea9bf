package guides_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/oauth2adapt"
	"github.com/toolgrant/toolgrant/providers"
)

// An oldRow is a user's pair in a table of the reader's own.
type oldRow struct {
	AccessToken, RefreshToken, ClientID string
	ExpiresAt                           time.Time
}

var errConnectAgain = errors.New("the user must connect again")

func adopt(ctx context.Context, connector *connect.Connector, p providers.Provider, user oauthstore.Owner, row oldRow) error {
	_, err := connector.Import(ctx, p, user, connect.Token{
		AccessToken:  oauthstore.NewSecret(row.AccessToken),
		RefreshToken: oauthstore.NewSecret(row.RefreshToken),
		Expiry:       row.ExpiresAt,
		ClientID:     row.ClientID,
		App:          true, // the client is the application in connect.Options.Apps
	}, nil)
	if kind := connect.KindOf(err); kind == connect.KindWrongToken || kind == connect.KindWrongAudience || kind == connect.KindRejected {
		return errConnectAgain // for something else, or dead: this user must consent again
	}
	return err // nil, or a server out of reach or a configuration: try again later
}

func client(store *oauthstore.Store, key oauthstore.Key) *http.Client {
	return &http.Client{Transport: oauth2adapt.Transport(store, key, nil, nil)}
}

func fromBroker(fetch func(ctx context.Context, user, connection string) (token string, expiry time.Time, err error)) oauthstore.Credentials {
	return oauthstore.SourceFunc(func(ctx context.Context, key oauthstore.Key, _ time.Duration) (oauthstore.Token, error) {
		token, expiry, err := fetch(ctx, key.Owner.Subject, key.Provider)
		if err != nil {
			return oauthstore.Token{}, &oauthstore.Error{Op: "token", Key: key, Err: oauthstore.ErrUnavailable}
		}
		return oauthstore.Token{AccessToken: oauthstore.NewSecret(token), Expiry: expiry}, nil
	})
}

func TestOldPairsMoveAndOthersMustConnectAgain(t *testing.T) {
	t.Parallel()
	world, err := lab.Start(nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, world.Close()) })
	tasks := world.Server("tasks")
	apps := connect.Apps{{Issuer: tasks.Issuer, Servers: []string{tasks.MCPURL}, ID: tasks.ClientID, Secret: oauthstore.NewSecret(tasks.ClientSecret)}}
	keys, err := keyset.New()
	require.NoError(t, err)
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{Clients: apps.Client, InsecureAllowLoopback: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	p := providers.Custom("tasks", tasks.MCPURL, nil)
	builder, err := mcptools.NewBuilder(p, store, &mcptools.Options{InsecureAllowLoopback: true})
	require.NoError(t, err)
	connector, err := connect.New(store, &connect.Options{Apps: apps, Verify: builder.Verifier(), InsecureAllowLoopback: true})
	require.NoError(t, err)

	mia, noa := oauthstore.Owner{Tenant: "acme", Subject: "mia"}, oauthstore.Owner{Tenant: "acme", Subject: "noa"}
	old := world.Grant("tasks", "mia")
	require.NoError(t, adopt(t.Context(), connector, p, mia, oldRow{old.AccessToken, old.RefreshToken, old.ClientID, old.ExpiresAt}))
	_, err = builder.Build(t.Context(), mia, nil)
	require.NoError(t, err)
	rest := oldRow{AccessToken: world.RESTToken("tasks", "noa"), ClientID: old.ClientID}
	require.ErrorIs(t, adopt(t.Context(), connector, p, noa, rest), errConnectAgain)

	hc := client(store, keyOf(p, mia))
	hc.Transport = oauth2adapt.Transport(store, keyOf(p, mia), nil, http.DefaultTransport) // the server is on this machine
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tasks.CheckURL, nil)
	require.NoError(t, err)
	resp, err := hc.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusOK, resp.StatusCode)
}

func keyOf(p providers.Provider, user oauthstore.Owner) oauthstore.Key {
	return oauthstore.Key{Owner: user, Provider: p.ID, Server: p.Server.URL}
}

func TestTokensOfABrokerAreCheckedToo(t *testing.T) {
	t.Parallel()
	world, err := lab.Start(&lab.Options{Servers: []lab.Server{{Name: "notes"}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, world.Close()) })
	p := providers.Custom("notes", world.Server("notes").MCPURL, nil)
	var token string
	creds := fromBroker(func(context.Context, string, string) (string, time.Time, error) {
		if token == "" {
			return "", time.Time{}, errors.New("down")
		}
		return token, time.Now().Add(time.Hour), nil
	})
	builder, err := mcptools.NewBuilder(p, creds, &mcptools.Options{InsecureAllowLoopback: true})
	require.NoError(t, err)
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}
	for _, step := range []struct {
		token string
		kind  mcptools.Kind
	}{{"", mcptools.KindUnavailable}, {world.RESTToken("notes", "mia"), mcptools.KindWrongAudience}, {world.Grant("notes", "mia").AccessToken, ""}} {
		token = step.token
		_, err := builder.Build(t.Context(), mia, nil)
		failure, failed := mcptools.AsFailure(err)
		assert.Equal(t, step.kind != "", failed)
		if failed {
			assert.Equal(t, step.kind, failure.Kind)
		}
	}
}
