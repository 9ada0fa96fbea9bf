package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
)

const verifier = "synthetic-verifier-synthetic-verifier-synthetic"

func authorization(endpoint string) oauth.AuthorizationRequest {
	return oauth.AuthorizationRequest{
		Server: &oauth.ServerMetadata{
			Issuer: "https://as.example", AuthorizationEndpoint: endpoint, CodeChallengeMethods: []string{"S256"},
		},
		ClientID:    "app",
		RedirectURI: redirectURI,
		State:       "state-1",
		Verifier:    secret.New(verifier),
		Resource:    "https://mcp.example",
		Scopes:      []string{"write", "read", "write"},
	}
}

func TestAuthorizationURLHasAllParameters(t *testing.T) {
	t.Parallel()
	raw, err := authorization("https://as.example/authorize").URL()
	require.NoError(t, err)
	u, err := url.Parse(raw)
	require.NoError(t, err)
	assert.Equal(t, "https://as.example/authorize", strings.TrimSuffix(raw, "?"+u.RawQuery))
	assert.Equal(t, url.Values{
		"response_type":         {"code"},
		"client_id":             {"app"},
		"redirect_uri":          {redirectURI},
		"state":                 {"state-1"},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(verifier)},
		"code_challenge_method": {"S256"},
		"resource":              {"https://mcp.example"}, // no slash is added
		"scope":                 {"read write"},
	}, u.Query())
	again, err := authorization("https://as.example/authorize").URL()
	require.NoError(t, err)
	assert.Equal(t, raw, again, "the same every time")
	assert.NotContains(t, raw, verifier)
}

func TestAuthorizationURLOmitsEmptyParameters(t *testing.T) {
	t.Parallel()
	r := authorization("https://as.example/authorize")
	r.Resource, r.Scopes = "", nil
	raw, err := r.URL()
	require.NoError(t, err)
	assert.NotContains(t, raw, "resource=")
	assert.NotContains(t, raw, "scope=")
}

func TestTheEndpointsOwnQueryIsKept(t *testing.T) {
	t.Parallel()
	raw, err := authorization("https://as.example/authorize?tenant=a%2Fb&z&y=%20").URL()
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(raw, "https://as.example/authorize?tenant=a%2Fb&z&y=%20&client_id=app&"), raw)
}

func TestExtraParametersAreSent(t *testing.T) {
	t.Parallel()
	r := authorization("https://as.example/authorize")
	r.Extra = url.Values{"prompt": {"consent"}, "access_type": {"offline"}}
	raw, err := r.URL()
	require.NoError(t, err)
	assert.Contains(t, raw, "&prompt=consent&")
	assert.Contains(t, raw, "access_type=offline&")
}

func TestInvalidAuthorizationRequestsAreRejected(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*oauth.AuthorizationRequest)
		err    error
		text   string
	}{
		"no endpoint":      {change: func(r *oauth.AuthorizationRequest) { r.Server.AuthorizationEndpoint = "" }, text: "no authorization endpoint"},
		"javascript":       {change: func(r *oauth.AuthorizationRequest) { r.Server.AuthorizationEndpoint = "javascript:alert(1)//x" }, text: "endpoint"},
		"file":             {change: func(r *oauth.AuthorizationRequest) { r.Server.AuthorizationEndpoint = "file:///a" }, text: "endpoint"},
		"plain http":       {change: func(r *oauth.AuthorizationRequest) { r.Server.AuthorizationEndpoint = "http://as.example/a" }, text: "endpoint"},
		"a user name":      {change: func(r *oauth.AuthorizationRequest) { r.Server.AuthorizationEndpoint = "https://x@as.example/a" }, text: "endpoint"},
		"a fragment":       {change: func(r *oauth.AuthorizationRequest) { r.Server.AuthorizationEndpoint += "#x" }, text: "endpoint"},
		"shell syntax":     {change: func(r *oauth.AuthorizationRequest) { r.Server.AuthorizationEndpoint = "https://$(id)`id`.example/a" }, text: "endpoint"},
		"no state":         {change: func(r *oauth.AuthorizationRequest) { r.State = "" }, text: "required"},
		"no verifier":      {change: func(r *oauth.AuthorizationRequest) { r.Verifier = secret.Secret{} }, text: "required"},
		"no client":        {change: func(r *oauth.AuthorizationRequest) { r.ClientID = "" }, text: "required"},
		"no redirect URI":  {change: func(r *oauth.AuthorizationRequest) { r.RedirectURI = "" }, text: "required"},
		"PKCE not offered": {change: func(r *oauth.AuthorizationRequest) { r.Server.CodeChallengeMethods = nil }, err: oauth.ErrNoPKCE},
		"PKCE plain only": {change: func(r *oauth.AuthorizationRequest) {
			r.Server.CodeChallengeMethods = []string{"plain"}
			r.InsecureNoPKCEMetadata = true
		}, err: oauth.ErrNoPKCE},
		"an extra redirect URI": {change: func(r *oauth.AuthorizationRequest) { r.Extra = url.Values{"redirect_uri": {"https://evil.example"}} }, text: "duplicate"},
		"an extra resource":     {change: func(r *oauth.AuthorizationRequest) { r.Resource = ""; r.Extra = url.Values{"resource": {"x"}} }, text: "duplicate"},
		"an extra reference":    {change: func(r *oauth.AuthorizationRequest) { r.Extra = url.Values{"request_uri": {"urn:x"}} }, text: "duplicate"},
		"an endpoint with a redirect URI": {change: func(r *oauth.AuthorizationRequest) {
			r.Server.AuthorizationEndpoint += "?redirect_uri=https://evil.example"
		}, text: "duplicate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := authorization("https://as.example/authorize")
			c.change(&r)
			raw, err := r.URL()
			require.Error(t, err)
			assert.Empty(t, raw)
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
			}
			assert.ErrorContains(t, err, c.text)
		})
	}
}

func TestPKCEIsSentToServersThatDoNotAdvertiseIt(t *testing.T) {
	t.Parallel()
	r := authorization("https://as.example/authorize")
	r.Server.CodeChallengeMethods = nil
	r.InsecureNoPKCEMetadata = true
	raw, err := r.URL()
	require.NoError(t, err)
	assert.Contains(t, raw, "code_challenge_method=S256", "S256 is sent anyway")
}

func TestVerifiersAreUnique(t *testing.T) {
	t.Parallel()
	a, b := oauth.NewVerifier(), oauth.NewVerifier()
	assert.False(t, a.Equal(b))
	assert.GreaterOrEqual(t, len(a.Expose()), 43)
}
