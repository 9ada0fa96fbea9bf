package doctor_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

// A reply is the response of a copy of a server. Its texts use the real hosts,
// which are replaced by those of the copies.
type reply struct {
	status int
	header map[string]string
	body   string
}

// routes maps "METHOD URL", with the real URL, to the reply; other requests get
// 404.
type routes map[string]reply

// copies are servers on loopback that replace the real hosts.
type copies struct {
	local *strings.Replacer // replaces real origins by those of the copies
	asked func() []string   // requests, as "METHOD URL" with real URLs
}

func newCopies(t *testing.T, r routes) *copies {
	t.Helper()
	origins := make(map[string]http.HandlerFunc)
	asked := make(chan string, 1000)
	c := &copies{asked: func() []string {
		var all []string
		for len(asked) > 0 {
			all = append(all, <-asked)
		}
		return all
	}}
	for route := range r {
		u, err := url.Parse(route[strings.IndexByte(route, ' ')+1:])
		require.NoError(t, err)
		origin := u.Scheme + "://" + u.Host
		origins[origin] = func(w http.ResponseWriter, req *http.Request) {
			name := req.Method + " " + origin + req.URL.RequestURI()
			asked <- name
			answer, ok := r[name]
			if !ok && req.URL.Path == "/" {
				answer, ok = r[req.Method+" "+origin] // the same URL
			}
			if !ok {
				http.NotFound(w, req)
				return
			}
			for k, v := range answer.header {
				w.Header().Set(k, c.local.Replace(v))
			}
			w.WriteHeader(answer.status)
			_, _ = io.WriteString(w, c.local.Replace(answer.body))
		}
	}
	var pairs []string
	for origin, h := range origins {
		srv := httptest.NewServer(h)
		t.Cleanup(srv.Close)
		pairs = append(pairs, origin, srv.URL)
	}
	c.local = strings.NewReplacer(pairs...)
	return c
}

// provider returns p with URLs of the copies.
func (c *copies) provider(p providers.Provider) providers.Provider {
	for _, s := range []*string{
		&p.Server.URL, &p.OAuth.Issuer, &p.OAuth.AuthorizationEndpoint, &p.OAuth.TokenEndpoint, &p.OAuth.RegistrationEndpoint,
		&p.OAuth.RevocationEndpoint, &p.OAuth.ResourceMetadata, &p.OAuth.Resource, &p.Check.URL,
	} {
		*s = c.local.Replace(*s)
	}
	for _, list := range [][]string{p.Server.Alternates, p.OAuth.Resources} {
		for i := range list {
			list[i] = c.local.Replace(list[i])
		}
	}
	for i := range p.Ways {
		p.Ways[i].URL = c.local.Replace(p.Ways[i].URL)
	}
	return p
}

// matchingRoutes returns the replies of p's server and its authorization server
// if every fact of the catalogue is correct.
func matchingRoutes(p providers.Provider) routes {
	r := routes{}
	open := p.Check.Anonymous || slices.ContainsFunc(p.Ways, func(w providers.Way) bool { return w.Kind == providers.WayNone })
	switch {
	case open:
		r["POST "+p.Server.URL] = reply{200, map[string]string{"Content-Type": "application/json"}, `{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"x","version":"1"}}}`}
	case p.OAuth.ResourceMetadata != "":
		r["POST "+p.Server.URL] = rejects(`Bearer resource_metadata="` + p.OAuth.ResourceMetadata + `"`)
	default:
		r["POST "+p.Server.URL] = rejects(`Bearer realm="OAuth"`)
	}
	if p.Transport == providers.TransportSSE {
		r["GET "+p.Server.URL] = r["POST "+p.Server.URL]
	}
	if p.OAuth.ResourceMetadata != "" {
		r["GET "+p.OAuth.ResourceMetadata] = document(map[string]any{
			"resource": orElse(p.OAuth.Resource, p.Server.URL), "authorization_servers": []string{p.OAuth.Issuer}, "scopes_supported": p.OAuth.Scopes,
		})
	}
	if p.OAuth.Issuer != "" {
		r["GET "+metadataOf(p.OAuth.Issuer)] = document(serverDocument(p))
	}
	return r
}

func rejects(challenge string) reply {
	return reply{status: 401, header: map[string]string{"WWW-Authenticate": challenge}}
}

func document(members map[string]any) reply {
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == "" || v == nil })
	body, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return reply{200, map[string]string{"Content-Type": "application/json"}, string(body)}
}

func serverDocument(p providers.Provider) map[string]any {
	grants := []string{"authorization_code"}
	if p.Tokens.Refresh == providers.Yes {
		grants = append(grants, "refresh_token")
	}
	members := map[string]any{
		"issuer": p.OAuth.Issuer, "authorization_endpoint": p.OAuth.AuthorizationEndpoint, "registration_endpoint": p.OAuth.RegistrationEndpoint,
		"token_endpoint": orElse(p.OAuth.TokenEndpoint, p.OAuth.Issuer+"/token"), "revocation_endpoint": p.OAuth.RevocationEndpoint,
		"code_challenge_methods_supported": []string{"S256"}, "client_id_metadata_document_supported": p.OAuth.ClientIDMetadata,
	}
	if p.Tokens.Refresh != providers.Unknown {
		members["grant_types_supported"] = grants
	}
	if p.OAuth.AuthMethods != nil {
		members["token_endpoint_auth_methods_supported"] = p.OAuth.AuthMethods
	}
	return members
}

// metadataOf inserts the well-known path into the issuer (RFC 8414 section
// 3.1).
func metadataOf(issuer string) string {
	u, _ := url.Parse(issuer)
	return u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.Path, "/")
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
