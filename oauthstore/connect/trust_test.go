package connect_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// A refresh token of one issuer is never sent to the token endpoint of another,
// which the provider's data or the server's metadata name.
func TestImportOfAForeignIssuerIsNotRefreshedAtTheServersOwn(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]providers.OAuth{
		"that the metadata names":        {},
		"that the provider's data names": {Issuer: testIssuer, TokenEndpoint: testIssuer + "/token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			provider := providers.Custom("example", testServer, &providers.CustomOptions{OAuth: known})
			token := connect.Token{
				AccessToken: oauthstore.NewSecret("synthetic-access"), RefreshToken: oauthstore.NewSecret("synthetic-foreign"),
				Issuer: "https://foreign.example.com", ClientID: "theirs",
			}
			got, err := p.Import(t.Context(), provider, alice, token, nil)
			if err == nil { // the access token may be stored by itself
				assert.False(t, got.Status.Refreshable)
				assert.NotEmpty(t, got.Warning)
				_, err = p.Store.Refresh(t.Context(), keyOf(alice), 1)
			}
			require.Error(t, err)
			assert.Empty(t, p.AS.Forms(), "nothing was sent")
		})
	}
}

// The resource that the provider's data names on another host is not this
// server's: a token for it would be that host's.
func TestMetadataThatNamesAResourceOnAnotherHostIsRefused(t *testing.T) {
	t.Parallel()
	const other = "https://other.example.com/mcp"
	p := newPlace(t, func(p *place) { p.MCP.Metadata["resource"] = other })
	provider := providers.Custom("example", testServer, &providers.CustomOptions{OAuth: providers.OAuth{Resource: other}})
	consent, err := p.Begin(t.Context(), provider, alice, nil)
	require.Error(t, err, "%+v", consent)
	assert.Contains(t, []connect.Kind{connect.KindUntrusted, connect.KindMisconfigured}, connect.KindOf(err))
	assert.Zero(t, p.AS.Count("POST /register"))
}

// One document must not make this host ask any number of others.
func TestOneDocumentLeadsToFourIssuersAtTheMost(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	p := newPlace(t, func(p *place) {
		var issuers []string
		for i := range 40 {
			host := fmt.Sprintf("as%d.example.com", i)
			issuers = append(issuers, "https://"+host)
			var once atomic.Bool
			p.Net[host] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if once.CompareAndSwap(false, true) {
					asked.Add(1)
				}
				http.NotFound(w, r)
			})
		}
		p.MCP.Metadata["authorization_servers"] = issuers
	})
	_, err := p.Begin(t.Context(), example(), alice, nil)
	require.Error(t, err)
	assert.EqualValues(t, 4, asked.Load())
}

// A server that refuses its client once, such as from a replica that lags
// behind, has not forgotten it.
func TestClientThatIsRefusedOnceIsNotReplaced(t *testing.T) {
	t.Parallel()
	var once atomic.Bool
	p := newPlace(t, func(p *place) {
		p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
			refuse := once.CompareAndSwap(false, true)
			if refuse {
				writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
			}
			return refuse
		}
	})
	_, err := p.consent(t, alice, nil)
	e := faultOf(t, err)
	assert.Equal(t, connect.KindMisconfigured, e.Kind)
	assert.Nil(t, e.Next)
	assert.Len(t, p.AS.Registrations(), 1)
	_, err = p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.Len(t, p.AS.Registrations(), 1)
}

// Without a cookie there is no binding, and the form token of an empty one,
// which any site can compute, begins nothing.
func TestFormTokenOfAnEmptyBindingBeginsNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, nil), "alice")
	sum := sha256.Sum256([]byte("4:form0:4:acme5:alice"))
	w := b.do(http.MethodPost, "/connect/example", url.Values{"token": {hex.EncodeToString(sum[:])}})
	assert.Equal(t, http.StatusForbidden, w.Code)
	assert.Empty(t, p.MCP.Seen(), "nothing was started")
}

// Two servers are connected for the first time at the same moment. Each gets the
// client that was registered at its own authorization server.
func TestConcurrentRegistrationsAreEachIssuersOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const second = "https://second.example.com"
		other := newAuthServer(second)
		beginSecond := make(chan *connect.Consent, 1)
		p := newPlace(t, func(p *place) {
			p.Net["second.example.com"] = other
			mcp := newMCPServer(second)
			mcp.Challenge = `Bearer resource_metadata="https://mcp2.example.com/.well-known/oauth-protected-resource/mcp"`
			mcp.Metadata["resource"] = "https://mcp2.example.com/mcp"
			p.Net["mcp2.example.com"] = mcp
		})
		p.AS.Register = func(http.ResponseWriter, *http.Request) bool {
			go func() {
				consent, err := p.Begin(t.Context(), providers.Custom("second", "https://mcp2.example.com/mcp", nil), bob, nil)
				assert.NoError(t, err)
				beginSecond <- consent
			}()
			pass(time.Second) // the other one is done, unless it waits for this one
			return false
		}
		first, err := p.Begin(t.Context(), example(), alice, nil)
		require.NoError(t, err)
		consent := <-beginSecond
		assert.Equal(t, testIssuer, first.Issuer)
		assert.Equal(t, second, consent.Issuer)
		assert.Len(t, p.AS.Registrations(), 1)
		assert.Len(t, other.Registrations(), 1)
	})
}

// A server that names the issuer of another vendor would get that vendor's
// tokens, for every kind of client.
func TestIssuerOfTheCatalogueServesItsOwnServersOnly(t *testing.T) {
	t.Parallel()
	linear, ok := providers.Lookup("linear")
	require.True(t, ok)
	stolen := linear.OAuth.Issuer
	u, err := url.Parse(stolen)
	require.NoError(t, err)
	as := newAuthServer(stolen)
	p := newPlace(t, func(p *place) {
		p.Net[u.Host] = as
		p.MCP.Metadata["authorization_servers"] = []string{stolen}
	})
	_, err = p.Begin(t.Context(), example(), alice, nil)
	assert.Equal(t, connect.KindUntrusted, connect.KindOf(err))
	assert.Empty(t, as.Registrations())

	shared := providers.Custom("example", testServer, &providers.CustomOptions{OAuth: providers.OAuth{Issuer: stolen}})
	_, err = p.Begin(t.Context(), shared, alice, nil)
	require.NoError(t, err, "the operator says that the server shares it")
}

// Endpoints that the caller names are held against the issuer's metadata before
// anything is stored or sent there.
func TestImportOfForeignEndpointsIsRefused(t *testing.T) {
	t.Parallel()
	pair := connect.Token{
		AccessToken: oauthstore.NewSecret("synthetic-access"), RefreshToken: oauthstore.NewSecret("synthetic-refresh"), ClientID: "theirs",
	}
	for name, change := range map[string]func(token *connect.Token){
		"a token endpoint":      func(token *connect.Token) { token.TokenEndpoint = "https://foreign.example.com/token" },
		"a revocation endpoint": func(token *connect.Token) { token.RevocationEndpoint = "https://foreign.example.com/revoke" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			token := pair
			change(&token)
			_, err := p.Import(t.Context(), example(), alice, token, nil)
			assert.Equal(t, connect.KindUntrusted, connect.KindOf(err))
			_, err = p.Store.Status(t.Context(), keyOf(alice))
			require.ErrorIs(t, err, oauthstore.ErrNotFound)

			token.InsecureEndpoints = true
			_, err = p.Import(t.Context(), example(), alice, token, nil)
			require.NoError(t, err, "the caller vouches for them")
		})
	}
}

// The application's secret goes to endpoints that the issuer's metadata names,
// and to no others that a caller vouches for.
func TestImportForAnApplicationTakesNoOtherEndpoints(t *testing.T) {
	t.Parallel()
	p := newPlace(t, withApp)
	token := connect.Token{
		AccessToken: oauthstore.NewSecret("synthetic-access"), RefreshToken: oauthstore.NewSecret("synthetic-refresh"), App: true,
	}
	for name, change := range map[string]func(token *connect.Token){
		"endpoints": func(token *connect.Token) {
			token.InsecureEndpoints, token.TokenEndpoint = true, "https://foreign.example.com/token"
		},
		"a secret": func(token *connect.Token) { token.ClientSecret = oauthstore.NewSecret("synthetic-other") },
		"a client": func(token *connect.Token) { token.ClientID = "other" },
	} {
		other := token
		change(&other)
		_, err := p.Import(t.Context(), example(), alice, other, nil)
		assert.Equal(t, connect.KindMisconfigured, connect.KindOf(err), name)
	}
	_, err := p.Store.Status(t.Context(), keyOf(alice))
	require.ErrorIs(t, err, oauthstore.ErrNotFound)
	got, err := p.Import(t.Context(), example(), alice, token, nil)
	require.NoError(t, err)
	assert.Equal(t, "robot", got.Status.Provenance.ClientID)
}

// A refresh token that is surely another vendor's is not sent to a server that
// only names itself.
func TestRefreshTokenOfAnotherVendorIsNotImported(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	token := connect.Token{
		AccessToken: oauthstore.NewSecret("synthetic-access"), ClientID: "theirs",
		RefreshToken: oauthstore.NewSecret("ghr_" + strings.Repeat("a1B2", 19)),
	}
	_, err := p.Import(t.Context(), example(), alice, token, nil)
	assert.Equal(t, connect.KindWrongToken, connect.KindOf(err), "%v", err)
	assert.Empty(t, p.MCP.Seen())
}
