package oauth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
)

const (
	rootPlace = "/.well-known/oauth-protected-resource"
	pathPlace = "/.well-known/oauth-protected-resource/mcp"
	pathDoc   = `{"resource":"ORIGIN/mcp","authorization_servers":["https://as.example"]}`
	rootDoc   = `{"resource":"ORIGIN","authorization_servers":["https://root.example"]}`
	otherDoc  = `{"resource":"https://evil.example/mcp","authorization_servers":["https://evil.example"]}`
	htmlPage  = "<!doctype html><title>Sign in</title>"
)

func TestResourceMetadataLocationsAreTriedInOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hint    string
		path    string // of the MCP server; "" means /mcp
		pages   map[string]page
		asked   []string
		servers []string // nil: an error
		err     error
	}{
		"by header, without a request to the root": {
			hint:    "ORIGIN/custom/metadata.json",
			pages:   map[string]page{"/custom/metadata.json": {text: pathDoc}, rootPlace: {text: rootDoc}},
			asked:   []string{"/custom/metadata.json"},
			servers: []string{"https://as.example"},
		},
		"by header, relative": {
			hint:    "/custom/metadata.json",
			pages:   map[string]page{"/custom/metadata.json": {text: pathDoc}},
			asked:   []string{"/custom/metadata.json"},
			servers: []string{"https://as.example"},
		},
		"by path": {
			pages:   map[string]page{pathPlace: {text: pathDoc}, rootPlace: {text: rootDoc}},
			asked:   []string{pathPlace},
			servers: []string{"https://as.example"},
		},
		"by path, once although the header names it": {
			hint:  "ORIGIN" + pathPlace,
			pages: map[string]page{},
			asked: []string{pathPlace, rootPlace},
			err:   oauth.ErrNoMetadata,
		},
		"at the root, for the origin": {
			pages:   map[string]page{rootPlace: {text: rootDoc}},
			asked:   []string{pathPlace, rootPlace},
			servers: []string{"https://root.example"},
		},
		"at the root, for the server itself": {
			pages:   map[string]page{rootPlace: {text: pathDoc}},
			asked:   []string{pathPlace, rootPlace},
			servers: []string{"https://as.example"},
		},
		"at the root by header, for the origin": {
			hint:    "ORIGIN" + rootPlace,
			pages:   map[string]page{rootPlace: {text: rootDoc}},
			asked:   []string{rootPlace},
			servers: []string{"https://root.example"},
		},
		"a path keeps its slash": {
			path:    "/mcp/",
			pages:   map[string]page{pathPlace + "/": {text: `{"resource":"ORIGIN/mcp/","authorization_servers":["https://as.example"]}`}},
			asked:   []string{pathPlace + "/"},
			servers: []string{"https://as.example"},
		},
		"a query is kept": {
			path:    "/mcp?project=1",
			pages:   map[string]page{pathPlace + "?project=1": {text: `{"resource":"ORIGIN/mcp?project=1","authorization_servers":["https://as.example"]}`}},
			asked:   []string{pathPlace + "?project=1"},
			servers: []string{"https://as.example"},
		},
		"a server without a path has one location": {
			path:    "/",
			pages:   map[string]page{rootPlace: {text: rootDoc}},
			asked:   []string{rootPlace},
			servers: []string{"https://root.example"},
		},
		"5xx, a page, a redirect away: the next is tried": {
			hint: "ORIGIN/a",
			pages: map[string]page{
				"/a": {status: 500}, pathPlace: {text: htmlPage}, rootPlace: {text: rootDoc},
			},
			asked:   []string{"/a", pathPlace, rootPlace},
			servers: []string{"https://root.example"},
		},
		"a redirect to another origin is not followed": {
			pages:   map[string]page{pathPlace: {status: 302, text: "https://login.example/"}, rootPlace: {text: rootDoc}},
			asked:   []string{pathPlace, rootPlace},
			servers: []string{"https://root.example"},
		},
		"a redirect within the origin is": {
			pages:   map[string]page{pathPlace: {status: 302, text: "/moved"}, "/moved": {text: pathDoc}},
			asked:   []string{pathPlace, "/moved"},
			servers: []string{"https://as.example"},
		},
		"other JSON: the next is tried": {
			pages:   map[string]page{pathPlace: {text: `{"error":"not found"}`}, rootPlace: {text: rootDoc}},
			asked:   []string{pathPlace, rootPlace},
			servers: []string{"https://root.example"},
		},
		"a mismatch by header ends it": {
			hint:  "ORIGIN/a",
			pages: map[string]page{"/a": {text: otherDoc}, pathPlace: {text: pathDoc}, rootPlace: {text: rootDoc}},
			asked: []string{"/a"},
			err:   oauth.ErrResourceMismatch,
		},
		"a mismatch by path ends it": {
			pages: map[string]page{pathPlace: {text: otherDoc}, rootPlace: {text: rootDoc}},
			asked: []string{pathPlace},
			err:   oauth.ErrResourceMismatch,
		},
		"a mismatch at the root ends it": {
			pages: map[string]page{rootPlace: {text: otherDoc}},
			asked: []string{pathPlace, rootPlace},
			err:   oauth.ErrResourceMismatch,
		},
		"the origin, in the document of a path, is a mismatch": {
			pages: map[string]page{pathPlace: {text: rootDoc}},
			asked: []string{pathPlace},
			err:   oauth.ErrResourceMismatch,
		},
		"another slash is a mismatch": {
			pages: map[string]page{pathPlace: {text: `{"resource":"ORIGIN/mcp/"}`}},
			asked: []string{pathPlace},
			err:   oauth.ErrResourceMismatch,
		},
		"another case is a mismatch": {
			pages: map[string]page{pathPlace: {text: `{"resource":"ORIGIN/MCP"}`}},
			asked: []string{pathPlace},
			err:   oauth.ErrResourceMismatch,
		},
		"none at all": {
			pages: map[string]page{pathPlace: {status: 401}, rootPlace: {status: 403}},
			asked: []string{pathPlace, rootPlace},
			err:   oauth.ErrNoMetadata,
		},
		"a hint that is not a URL is skipped": {
			hint:    "javascript:alert(1)",
			pages:   map[string]page{pathPlace: {text: pathDoc}},
			asked:   []string{pathPlace},
			servers: []string{"https://as.example"},
		},
		"a hint to a private address is blocked": {
			hint:    "https://169.254.169.254/latest/meta-data",
			pages:   map[string]page{pathPlace: {text: pathDoc}},
			asked:   []string{pathPlace},
			servers: []string{"https://as.example"},
		},
		"a blocked hint is reported if nothing else is found": {
			hint:  "https://169.254.169.254/latest/meta-data",
			asked: []string{pathPlace, rootPlace},
			err:   safehttp.ErrBlocked,
		},
		"an endless document is not read": {
			pages: map[string]page{pathPlace: {text: `{"resource":"` + strings.Repeat("x", 300<<10)}, rootPlace: {text: rootDoc}},
			asked: []string{pathPlace, rootPlace}, servers: []string{"https://root.example"},
		},
		"ten thousand scopes are rejected": {
			pages: map[string]page{pathPlace: {text: `{"resource":"ORIGIN/mcp","scopes_supported":["a"` + strings.Repeat(`,"a"`, 10000) + `]}`}},
			asked: []string{pathPlace}, err: oauth.ErrBadMetadata,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.pages)
			if c.path == "" {
				c.path = "/mcp"
			}
			got, err := oauth.FindResourceMetadata(t.Context(), client(t), oauth.ResourceRequest{
				ServerURL: s.URL + c.path,
				Hint:      strings.ReplaceAll(c.hint, "ORIGIN", s.URL),
			})
			assert.Equal(t, c.asked, s.asked())
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				assert.Nil(t, got)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.servers, got.AuthorizationServers)
			if c.pages["/moved"] == (page{}) {
				assert.Equal(t, s.URL+c.asked[len(c.asked)-1], got.URL)
			}
		})
	}
}

func TestMismatchErrorDoesNotContainTheDeclaredResource(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]page{pathPlace: {text: otherDoc}})
	_, err := oauth.FindResourceMetadata(t.Context(), client(t), oauth.ResourceRequest{ServerURL: s.URL + "/mcp"})
	var failed *oauth.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "https://evil.example/mcp", failed.Description)
	assert.EqualError(t, err, "oauth: resource metadata: the metadata is for another resource")
}

func TestTrustedIdentifierIsAccepted(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]page{pathPlace: {text: `{"resource":"https://mcp.vendor.example"}`}})
	r := oauth.ResourceRequest{ServerURL: s.URL + "/mcp", Resources: []string{"https://mcp.vendor.example"}}
	got, err := oauth.FindResourceMetadata(t.Context(), client(t), r)
	require.NoError(t, err)
	assert.Equal(t, "https://mcp.vendor.example", got.Resource, "exactly, for the resource parameter")
	assert.Empty(t, got.AuthorizationServers)

	r.Resources = []string{"https://mcp.vendor.example/"}
	_, err = oauth.FindResourceMetadata(t.Context(), client(t), r)
	require.ErrorIs(t, err, oauth.ErrResourceMismatch)
}

func TestOutageIsNotReportedAsNoMetadata(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]page{pathPlace: {status: 503}})
	_, err := oauth.FindResourceMetadata(t.Context(), client(t), oauth.ResourceRequest{ServerURL: s.URL + "/mcp"})
	require.NotErrorIs(t, err, oauth.ErrNoMetadata)
	var failed *oauth.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, oauth.ClassNotConsumed, failed.Class)
	assert.Equal(t, 503, failed.Status)
	assert.Equal(t, 9*time.Second, failed.RetryAfter)
}

func TestResourceMetadataIsParsed(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]page{pathPlace: {text: `{
		"resource": "ORIGIN/mcp",
		"authorization_servers": ["https://a.example", "javascript:alert(1)", 7, "https://b.example/tenant", "http://plain.example",
			"https://a.example", "https://u:p@c.example", "https://d.example?x=1", "https://e.example#f"],
		"scopes_supported": ["write", "read", "write"],
		"bearer_methods_supported": ["header", "body"],
		"resource_name": "Tools\u0000 \"of\" <b>` + strings.Repeat("x", 300) + `",
		"tls_client_certificate_bound_access_tokens": true,
		"jwks_uri": {"x": [1, 2, {"y": null}]}
	}`}})
	got, err := oauth.FindResourceMetadata(t.Context(), client(t), oauth.ResourceRequest{ServerURL: s.URL + "/mcp"})
	require.NoError(t, err)
	assert.Equal(t, &oauth.ResourceMetadata{
		URL:                  s.URL + pathPlace,
		Resource:             s.URL + "/mcp",
		AuthorizationServers: []string{"https://a.example", "https://b.example/tenant"},
		Scopes:               []string{"read", "write"},
		BearerMethods:        []string{"header", "body"},
		Name:                 `Tools� "of" <b>` + strings.Repeat("x", 180) + "…",
		MTLSBound:            true,
	}, got)
	require.NoError(t, got.CheckBearer())
}

func TestServersWithoutPlainBearerTokensAreDetected(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members string
		err     error
	}{
		"DPoP required":         {`"dpop_bound_access_tokens_required":true`, oauth.ErrNotBearer},
		"DPoP possible":         {`"dpop_signing_alg_values_supported":["ES256"]`, nil},
		"no tokens in a header": {`"bearer_methods_supported":["body"]`, oauth.ErrNotBearer},
		"no tokens at all":      {`"bearer_methods_supported":[]`, oauth.ErrNotBearer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, map[string]page{pathPlace: {text: `{"resource":"ORIGIN/mcp",` + c.members + `}`}})
			got, err := oauth.FindResourceMetadata(t.Context(), client(t), oauth.ResourceRequest{ServerURL: s.URL + "/mcp"})
			require.NoError(t, err)
			require.ErrorIs(t, got.CheckBearer(), c.err)
		})
	}
}

func TestInvalidServerURLsAreRejected(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", "mcp.example", "http://mcp.example/mcp", "https://u:p@mcp.example/mcp", "https://mcp.example/mcp#f",
		"ftp://mcp.example", "https:///mcp", "https://mcp.example/%zz", "mailto:a@mcp.example",
	} {
		_, err := oauth.FindResourceMetadata(t.Context(), client(t), oauth.ResourceRequest{ServerURL: raw})
		var failed *oauth.Error
		require.ErrorAs(t, err, &failed, raw)
		assert.Equal(t, oauth.ClassConfig, failed.Class, raw)
	}
}

func TestResourceMetadataIsParsedLikeGoSDK(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]page{pathPlace: {
		text: `{"resource":"ORIGIN/mcp","authorization_servers":["https://a.example"],"scopes_supported":["a","b"]}`,
		kind: "application/json",
	}})
	hc := client(t)
	got, err := oauth.FindResourceMetadata(t.Context(), hc, oauth.ResourceRequest{ServerURL: s.URL + "/mcp"})
	require.NoError(t, err)
	oracle, err := oauthex.GetProtectedResourceMetadata(t.Context(), s.URL+pathPlace, s.URL+"/mcp", hc)
	require.NoError(t, err)
	assert.Equal(t, oracle.Resource, got.Resource)
	assert.Equal(t, oracle.AuthorizationServers, got.AuthorizationServers)
	assert.Equal(t, oracle.ScopesSupported, got.Scopes)
}

func FuzzResourceMetadata(f *testing.F) {
	for _, seed := range []string{
		strings.ReplaceAll(pathDoc, "ORIGIN", "https://mcp.example"), otherDoc, htmlPage, `{}`, `{"resource":7}`, `{"authorization_servers":[]}`,
		`{"resource":"a","authorization_servers":["https://a.example/%2e","https://a.example",{"x":["]"]}],"resource_name":"\ud800"}`,
		`{"resource":"a","dpop_bound_access_tokens_required":"true","bearer_methods_supported":[]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := oauth.ParseResource(body)
		if err != nil {
			assert.Nil(t, got)
			require.True(t, errors.Is(err, oauth.ErrBadMetadata) || errors.Is(err, oauth.ErrNoResource))
			return
		}
		if got == nil {
			return
		}
		assert.NotEmpty(t, got.Resource)
		assert.LessOrEqual(t, len(got.Resource), 2048)
		assert.LessOrEqual(t, len(got.Name), 200)
		assert.LessOrEqual(t, len(got.Scopes), 1000)
		for _, issuer := range got.AuthorizationServers {
			assert.True(t, strings.HasPrefix(strings.ToLower(issuer), "https://") || strings.HasPrefix(strings.ToLower(issuer), "http://"), issuer)
			assert.NotContains(t, issuer, "#")
		}
	})
}
