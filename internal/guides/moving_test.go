package guides_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	mcpclient "github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/mcpgo"
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

func adopt(ctx context.Context, connector *connect.Connector, p providers.Provider, user oauthstore.Owner, row oldRow) (warning string, err error) {
	r, err := connector.Import(ctx, p, user, connect.Token{
		AccessToken:  oauthstore.NewSecret(row.AccessToken),
		RefreshToken: oauthstore.NewSecret(row.RefreshToken),
		Expiry:       row.ExpiresAt,
		ClientID:     row.ClientID, // the client that it was issued to, and that refreshes it:
		App:          true,         // the application in connect.Options.Apps
	}, nil)
	kind := connect.KindOf(err)
	if kind == connect.KindWrongToken || kind == connect.KindWrongAudience || kind == connect.KindRejected {
		return "", errConnectAgain // for something else, or dead: this user must consent again
	}
	if kind == connect.KindMisconfigured {
		return "", fmt.Errorf("another application's pair, or wrong connect.Options.Apps: %w", err)
	}
	return r.Warning, err // nil, or a server is out of reach: import it again later
}

func client(store *oauthstore.Store, key oauthstore.Key) *http.Client {
	return &http.Client{Transport: oauth2adapt.Transport(store, key, nil, nil)}
}

func mcpClient(store *oauthstore.Store, key oauthstore.Key) (*mcpclient.Client, error) {
	tokens := mcpgo.NewTokenStore(store, key, oauthstore.Need{})
	return mcpclient.NewOAuthStreamableHttpClient(key.Server, mcpclient.OAuthConfig{TokenStore: tokens})
}

// errNoConnection is what fetch returns for a user who has not connected.
var errNoConnection = errors.New("broker: no connection")

func fromBroker(fetch func(ctx context.Context, user, connection string) (token string, expiry time.Time, err error)) oauthstore.Credentials {
	return oauthstore.SourceFunc(func(ctx context.Context, key oauthstore.Key, _ time.Duration) (oauthstore.Token, error) {
		token, expiry, err := fetch(ctx, key.Owner.Subject, key.Provider)
		switch {
		case errors.Is(err, errNoConnection): // the user reads: connect your account
			return oauthstore.Token{}, &oauthstore.Error{Op: "token", Key: key, Err: oauthstore.ErrNotFound}
		case err != nil: // the user reads: try again later
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
	connector, err := connect.New(store, &connect.Options{
		Apps:                  apps,
		Verify:                builder.Verifier(), // asks the MCP server about each pair
		InsecureAllowLoopback: true,               // the lab only
	})
	require.NoError(t, err)

	mia, noa := oauthstore.Owner{Tenant: "acme", Subject: "mia"}, oauthstore.Owner{Tenant: "acme", Subject: "noa"}
	old := world.Grant("tasks", "mia")
	row := oldRow{old.AccessToken, old.RefreshToken, old.ClientID, old.ExpiresAt}
	warning, err := adopt(t.Context(), connector, p, mia, row)
	require.NoError(t, err)
	assert.Empty(t, warning)
	_, err = builder.Build(t.Context(), mia, nil)
	require.NoError(t, err)
	rest := oldRow{AccessToken: world.RESTToken("tasks", "noa"), ClientID: old.ClientID}
	_, err = adopt(t.Context(), connector, p, noa, rest)
	require.ErrorIs(t, err, errConnectAgain)
	rest.RefreshToken, rest.ClientID = "synthetic-refresh", "rest-app"
	_, err = adopt(t.Context(), connector, p, noa, rest)
	require.ErrorContains(t, err, "another application's pair")

	refreshed, err := store.Refresh(t.Context(), keyOf(p, mia), 1)
	require.NoError(t, err)
	warning, err = adopt(t.Context(), connector, p, mia, row) // the migration runs again
	require.NoError(t, err)
	assert.Contains(t, warning, "the stored pair stays")
	st, err := store.Status(t.Context(), keyOf(p, mia))
	require.NoError(t, err)
	assert.Equal(t, refreshed.Generation, st.Generation)

	hc := client(store, keyOf(p, mia))
	hc.Transport = oauth2adapt.Transport(store, keyOf(p, mia), nil, http.DefaultTransport) // the server is on this machine
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tasks.CheckURL, nil)
	require.NoError(t, err)
	resp, err := hc.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusOK, resp.StatusCode)

	mc, err := mcpClient(store, keyOf(p, mia))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, mc.Close()) })
	require.NoError(t, mc.Start(t.Context()))
	_, err = mc.Initialize(t.Context(), mcp.InitializeRequest{Params: mcp.InitializeParams{
		ProtocolVersion: mcp.LATEST_PROTOCOL_VERSION, ClientInfo: mcp.Implementation{Name: "guide", Version: "1"},
	}})
	require.NoError(t, err)
	tools, err := mc.ListTools(t.Context(), mcp.ListToolsRequest{})
	require.NoError(t, err)
	assert.NotEmpty(t, tools.Tools)
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
		switch token {
		case "":
			return "", time.Time{}, errors.New("down")
		case "none":
			return "", time.Time{}, errNoConnection
		}
		return token, time.Now().Add(time.Hour), nil
	})
	builder, err := mcptools.NewBuilder(p, creds, &mcptools.Options{InsecureAllowLoopback: true})
	require.NoError(t, err)
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}
	for _, step := range []struct {
		token string
		kind  mcptools.Kind
	}{{"", mcptools.KindUnavailable}, {"none", mcptools.KindNotConnected}, {world.RESTToken("notes", "mia"), mcptools.KindWrongAudience}, {world.Grant("notes", "mia").AccessToken, ""}} {
		token = step.token
		_, err := builder.Build(t.Context(), mia, nil)
		failure, failed := mcptools.AsFailure(err)
		assert.Equal(t, step.kind != "", failed)
		if failed {
			assert.Equal(t, step.kind, failure.Kind)
		}
	}
}
