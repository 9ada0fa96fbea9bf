package oauthstore_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

func TestATransportSendsNoTokenInClearText(t *testing.T) {
	t.Parallel()
	errSent := errors.New("sent")
	creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic-access")}, nil
	})
	for server, want := range map[string]error{
		"http://mcp.internal:8080/mcp":     oauthstore.ErrMisconfigured,
		"http://localhost.example/mcp":     oauthstore.ErrMisconfigured,
		"https://user@mcp.example.com/":    oauthstore.ErrMisconfigured,
		"http://127.0.0.1:8080/mcp":        errSent,
		"https://mcp.internal.example/mcp": errSent,
	} {
		key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "ada"}, Provider: "internal", Server: server}
		rt := oauthstore.Transport(creds, key, nil, roundTripper(func(*http.Request) (*http.Response, error) { return nil, errSent }))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server, nil)
		require.NoError(t, err)
		_, err = rt.RoundTrip(req) //nolint:bodyclose // there is none with an error
		require.ErrorIs(t, err, want, server)
	}
}
