package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stopped just before
	}
}

// The client ID metadata document that the suite expects, and the redirect URL.
const (
	clientMetadataURL = "https://conformance-test.local/client-metadata.json"
	redirectURL       = "http://localhost:43117/callback"
	testTool          = "test-tool"
	timeout           = 25 * time.Second // the suite stops a scenario after 30s
	legacyVersion     = "2025-03-26"
	defaultVersion    = "2025-11-25"
)

// A client obtains a token for one server and uses it.
type client struct {
	scenario string
	context  scenarioContext
	provider providers.Provider
	owner    oauthstore.Owner
	key      oauthstore.Key
	store    *oauthstore.Store
	apps     connect.Apps
	connect  *connect.Connector
	browser  *http.Client
	session  *session
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("missing argument: the server's URL")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := newClient(args[len(args)-1])
	if err != nil {
		return err
	}
	err = c.use(ctx)
	return errors.Join(err, c.store.Close(ctx))
}

func newClient(serverURL string) (*client, error) {
	version := cmp.Or(os.Getenv("MCP_CONFORMANCE_PROTOCOL_VERSION"), defaultVersion)
	c := &client{
		scenario: os.Getenv("MCP_CONFORMANCE_SCENARIO"),
		owner:    oauthstore.Owner{Tenant: "conformance", Subject: "client"},
		browser:  safehttp.New(&safehttp.Options{AllowLoopback: true}),
		session: &session{
			url: serverURL, version: version, http: safehttp.New(&safehttp.Options{AllowLoopback: true}),
		},
	}
	c.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if err := c.context.read(os.Getenv("MCP_CONFORMANCE_CONTEXT")); err != nil {
		return nil, err
	}
	c.provider = providers.Custom("conformance", serverURL, &providers.CustomOptions{
		OAuth: providers.OAuth{InsecureLegacyDiscovery: c.legacy(version)},
	})
	c.key = oauthstore.Key{Owner: c.owner, Provider: c.provider.ID, Server: serverURL}
	keys, err := keyset.New()
	if err != nil {
		return nil, err
	}
	c.store, err = oauthstore.New(memstore.New(), keys, &oauthstore.Options{
		Clients: func(ctx context.Context, issuer, clientID string) (oauthstore.Client, error) {
			return c.apps.Client(ctx, issuer, clientID)
		},
		InsecureAllowLoopback: true,
	})
	if err != nil {
		return nil, err
	}
	return c, c.connectAt(c.context.Issuer)
}

// connectAt creates the connector, with the context's application bound to that
// issuer. Without an issuer the application is not set yet.
func (c *client) connectAt(issuer string) (err error) {
	if issuer != "" {
		if c.apps, err = c.context.apps(c.key.Server, issuer); err != nil {
			return err
		}
	}
	c.connect, err = connect.New(c.store, &connect.Options{
		RedirectURL: redirectURL, Apps: c.apps, ClientMetadataURL: clientMetadataURL, ClientName: "toolgrant conformance client",
		InsecureAllowLoopback: true,
	})
	return err
}

// takeIssuer binds an application without an issuer to the one that the server
// names, and prints it. A program for users would ask first.
func (c *client) takeIssuer(ctx context.Context, ask *connect.Ask) error {
	if c.context.ClientID == "" || c.apps != nil {
		return nil
	}
	issuer, err := c.connect.Issuer(ctx, c.provider, c.owner, ask)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "client: authorization server:", issuer)
	return c.connectAt(issuer)
}

// legacy reports whether the server may use MCP 2025-03-26, which the operator
// must know: such servers have no protected-resource metadata.
func (c *client) legacy(version string) bool {
	return version == legacyVersion || c.scenario == "auth/2025-03-26-oauth-metadata-backcompat" ||
		c.scenario == "auth/2025-03-26-oauth-endpoint-fallback"
}

// use lists the tools and calls one, with as many authorizations as needed.
func (c *client) use(ctx context.Context) error {
	if err := c.authorized(ctx, "tools/list", ""); err != nil {
		return err
	}
	return c.authorized(ctx, "tools/call", testTool)
}

// maxTries is the maximum number of new authorizations for one request.
const maxTries = 2

// authorized sends a request with the stored token, and obtains a better one if
// the server requires it.
func (c *client) authorized(ctx context.Context, method, tool string) error {
	for try := 0; ; try++ {
		token, err := c.store.Token(ctx, c.key, oauthstore.Need{})
		if err != nil && !errors.Is(err, oauthstore.ErrNotFound) {
			return err
		}
		err = c.session.call(ctx, token.AccessToken, method, tool)
		refused, ok := errors.AsType[*statusError](err)
		if !ok || try == maxTries {
			return err
		}
		switch refused.status {
		case http.StatusUnauthorized:
			err = c.obtain(ctx, refused.header)
		case http.StatusForbidden:
			err = c.stepUp(ctx, refused.header)
		}
		if err != nil {
			return err
		}
	}
}

// obtain obtains a credential by the scenario's flow.
func (c *client) obtain(ctx context.Context, challenge http.Header) error {
	ask := &connect.Ask{Challenge: challenge}
	err := c.takeIssuer(ctx, ask)
	if err != nil {
		return err
	}
	switch {
	case c.context.machine():
		_, err = c.connect.ClientCredentials(ctx, c.provider, c.owner, ask)
	case c.context.IDToken != "":
		idp := connect.IdentityProvider{
			Issuer: c.context.IDPIssuer, TokenEndpoint: c.context.IDPTokenEndpoint, Client: connect.App{ID: c.context.IDPClientID},
		}
		_, err = c.connect.Enterprise(ctx, c.provider, c.owner, idp, oauthstore.NewSecret(c.context.IDToken), ask)
	case c.context.ValidJWT != "":
		_, err = c.connect.Workload(ctx, c.provider, c.owner, func(context.Context, string) (oauthstore.Secret, error) {
			return oauthstore.NewSecret(c.context.ValidJWT), nil
		}, ask)
	default:
		var consent *connect.Consent
		if consent, err = c.connect.Begin(ctx, c.provider, c.owner, ask); err == nil {
			err = c.consent(ctx, consent)
		}
	}
	return err
}

func (c *client) stepUp(ctx context.Context, challenge http.Header) error {
	consent, err := c.connect.StepUp(ctx, c.provider, c.owner, challenge, nil)
	if err != nil {
		return err
	}
	return c.consent(ctx, consent)
}

// consent replaces the user: the suite's authorization servers grant consent
// immediately.
func (c *client) consent(ctx context.Context, consent *connect.Consent) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, consent.URL, nil) //nolint:gosec // the suite says where to
	if err != nil {
		return err
	}
	resp, err := c.browser.Do(req) //nolint:gosec // the suite says where to
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	location, err := resp.Location()
	if err != nil {
		return fmt.Errorf("the authorization endpoint responded with %d: %w", resp.StatusCode, err)
	}
	_, err = c.connect.Finish(ctx, c.owner, consent.Binding, location.String())
	return err
}
