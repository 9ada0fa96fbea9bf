package lab

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A Grant is the result of a user's consent: a token pair and the data that a
// backend must keep with it. Its tokens are worthless outside this world. Its
// JSON is a file for `toolgrant import`.
type Grant struct {
	AccessToken        string    `json:"access_token"`               // for MCP requests
	RefreshToken       string    `json:"refresh_token,omitempty"`    // for the token endpoint
	ExpiresAt          time.Time `json:"expires_at"`                 // when the access token expires
	Issuer             string    `json:"issuer"`                     // of the authorization server
	Resource           string    `json:"resource"`                   // the MCP server that the tokens are for (RFC 8707)
	TokenEndpoint      string    `json:"token_endpoint"`             // where the pair is refreshed
	RevocationEndpoint string    `json:"revocation_endpoint"`        // where it is revoked (RFC 7009)
	ClientID           string    `json:"client_id"`                  // the client that the pair was issued to
	ClientSecret       string    `json:"client_secret,omitempty"`    // "" for a public client
	AuthMethod         string    `json:"token_endpoint_auth_method"` // how the client authenticates, such as none
	Scope              string    `json:"scope"`                      // granted scopes, separated by spaces
}

// Credential returns the grant as a credential for a store. It does not contain
// the client's secret, which comes from oauthstore's Options.Clients.
func (g Grant) Credential() oauthstore.Credential {
	return oauthstore.Credential{
		AccessToken:  oauthstore.NewSecret(g.AccessToken),
		RefreshToken: oauthstore.NewSecret(g.RefreshToken),
		Expiry:       g.ExpiresAt,
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedConsent, Issuer: g.Issuer, Resource: g.Resource,
			TokenEndpoint: g.TokenEndpoint, RevocationEndpoint: g.RevocationEndpoint,
			ClientID: g.ClientID, Client: oauthstore.ClientApplication, AuthMethod: g.AuthMethod, ScopesGranted: splitScope(g.Scope),
		},
	}
}

// JSON returns the grant as a file for `toolgrant import`.
func (g Grant) JSON() []byte {
	data, err := json.MarshalIndent(g, "", "  ") //nolint:gosec // its tokens are worthless elsewhere
	if err != nil {
		panic(err) // strings and a time
	}
	return data
}

// Grant returns the result of a user's consent for that server, without a
// browser and without HTTP: a token pair of the server's authorization server.
func (w *World) Grant(server, subject string) Grant {
	s := w.server(server)
	a, c := s.as, s.as.own
	g := Grant{
		Issuer: a.issuer, Resource: s.url, TokenEndpoint: a.issuer + "/token", RevocationEndpoint: a.issuer + "/revoke",
		AuthMethod: "none", Scope: strings.Join(a.scopes(), " "),
	}
	if a.confidential {
		c = a.preset
		g.AuthMethod, g.ClientSecret = "client_secret_post", c.secret
	}
	g.ClientID = c.id
	f := &family{client: c.id, subject: subject, audience: s.url, scopes: a.scopes()}
	a.mu.Lock()
	defer a.mu.Unlock()
	var ttl time.Duration
	g.AccessToken, ttl = a.issue(f)
	g.ExpiresAt = w.now().Add(ttl)
	g.RefreshToken = a.issueRefresh(f)
	return g
}

// RESTToken returns a token for the REST API of that server's vendor: it looks
// like a token of the MCP server, which refuses it.
func (w *World) RESTToken(server, subject string) string {
	a := w.server(server).as
	a.mu.Lock()
	defer a.mu.Unlock()
	token, _ := a.issue(&family{client: "rest", subject: subject})
	return token
}

// Key returns an API key for that MCP server: a bearer token that does not
// expire.
func (w *World) Key(server, subject string) string {
	s := w.server(server)
	token := newToken()
	s.as.mu.Lock()
	defer s.as.mu.Unlock()
	s.as.access[token] = &accessToken{family: &family{client: "key", subject: subject, audience: s.url, scopes: s.as.scopes()}}
	return token
}

// Expire expires the given access tokens now; without arguments, all access
// tokens except those of [World.Key]. Refresh tokens stay valid.
func (w *World) Expire(tokens ...string) {
	now := w.now()
	for _, a := range []*authServer{w.auth, w.appAuth} {
		a.mu.Lock()
		for _, t := range tokens {
			if at := a.access[t]; at != nil {
				at.expires = now
			}
		}
		for _, at := range a.access {
			if len(tokens) == 0 && at.client != "key" {
				at.expires = now
			}
		}
		a.mu.Unlock()
	}
}

// Revoke revokes all tokens of a user at both authorization servers, as when the
// user removes the application at the vendor.
func (w *World) Revoke(subject string) {
	for _, a := range []*authServer{w.auth, w.appAuth} {
		a.mu.Lock()
		for _, at := range a.access {
			if at.subject == subject {
				at.revoked = true
			}
		}
		for _, rt := range a.refresh {
			if rt.subject == subject {
				rt.revoked = true
			}
		}
		a.mu.Unlock()
	}
}

// Active reports whether an access token is valid now, for any server.
func (w *World) Active(token string) bool {
	t, known := w.lookup(token)
	return known && t.alive(w.now())
}
