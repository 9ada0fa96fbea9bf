package oauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safetext"
)

func challenges(lines ...string) []oauth.Challenge {
	return oauth.ParseChallenges(http.Header{"Www-Authenticate": lines})
}

// Well-formed lines: go-sdk's parser must give the same result.
var wellFormed = map[string]struct {
	lines []string
	want  []oauth.Challenge
}{
	"no header": {nil, nil},
	"a scheme alone": {
		[]string{`Bearer`},
		[]oauth.Challenge{{Scheme: "bearer"}},
	},
	"metadata": {
		[]string{`Bearer realm="OAuth", resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp", error="invalid_token"`},
		[]oauth.Challenge{{
			Scheme: "bearer", Error: "invalid_token",
			ResourceMetadata: "https://mcp.example/.well-known/oauth-protected-resource/mcp",
		}},
	},
	"step-up": {
		[]string{`Bearer error="insufficient_scope", scope="write read write", error_description="needs \"more\", really"`},
		[]oauth.Challenge{{
			Scheme: "bearer", Error: "insufficient_scope", Scopes: []string{"read", "write"},
			Description: `needs "more", really`,
		}},
	},
	"commas and equal signs within quotes": {
		[]string{`Bearer error_description="a=b, Basic realm=c", scope="s"`},
		[]oauth.Challenge{{Scheme: "bearer", Description: "a=b, Basic realm=c", Scopes: []string{"s"}}},
	},
	"values without quotes": {
		[]string{`Bearer error=invalid_token, scope=read`},
		[]oauth.Challenge{{Scheme: "bearer", Error: "invalid_token", Scopes: []string{"read"}}},
	},
	"several challenges in one line": {
		[]string{`Basic realm="x", Bearer resource_metadata="https://m.example/a", DPoP algs="ES256"`},
		[]oauth.Challenge{{Scheme: "basic"}, {Scheme: "bearer", ResourceMetadata: "https://m.example/a"}, {Scheme: "dpop"}},
	},
	"several lines": {
		[]string{`DPoP algs="ES256 PS256"`, `Bearer scope="a"`},
		[]oauth.Challenge{{Scheme: "dpop"}, {Scheme: "bearer", Scopes: []string{"a"}}},
	},
}

func TestChallengesAreParsed(t *testing.T) {
	t.Parallel()
	for name, c := range wellFormed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, challenges(c.lines...))
		})
	}
}

func TestChallengesAreParsedLikeGoSDK(t *testing.T) {
	t.Parallel()
	for name, c := range wellFormed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			oracle, err := oauthex.ParseWWWAuthenticate(c.lines)
			require.NoError(t, err)
			require.Len(t, c.want, len(oracle))
			for i, want := range oracle {
				assert.Equal(t, want.Scheme, c.want[i].Scheme)
				assert.Equal(t, want.Params["error"], c.want[i].Error)
				assert.Equal(t, want.Params["resource_metadata"], c.want[i].ResourceMetadata)
				scopes := strings.Fields(want.Params["scope"])
				slices.Sort(scopes)
				assert.Equal(t, slices.Compact(scopes), append([]string{}, c.want[i].Scopes...))
			}
		})
	}
}

func TestMalformedChallengesAreTolerated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines []string
		want  []oauth.Challenge
	}{
		"token68, then another challenge": {
			[]string{`Negotiate a87421000492aa874209af8bc028==, Bearer scope="a"`},
			[]oauth.Challenge{{Scheme: "negotiate"}, {Scheme: "bearer", Scopes: []string{"a"}}},
		},
		"token68 at the end": {
			[]string{`Bearer error="x", NTLM TlRM/+A=`},
			[]oauth.Challenge{{Scheme: "bearer", Error: "x"}, {Scheme: "ntlm"}},
		},
		"an empty value": {
			[]string{`Bearer realm=, error="invalid_token", scope=""`},
			[]oauth.Challenge{{Scheme: "bearer", Error: "invalid_token"}},
		},
		"a URL without quotes": {
			[]string{`Bearer resource_metadata=https://m.example/x?a=b, error=invalid_token`},
			[]oauth.Challenge{{Scheme: "bearer", Error: "invalid_token", ResourceMetadata: "https://m.example/x?a=b"}},
		},
		"white space around the equal sign": {
			[]string{"\tBearer  error =\t\"invalid_token\" , scope= a"},
			[]oauth.Challenge{{Scheme: "bearer", Error: "invalid_token", Scopes: []string{"a"}}},
		},
		"names in any case": {
			[]string{`BEARER Error="invalid_token", SCOPE="a", Resource_Metadata="https://m.example"`},
			[]oauth.Challenge{{Scheme: "bearer", Error: "invalid_token", Scopes: []string{"a"}, ResourceMetadata: "https://m.example"}},
		},
		"the first of two values counts": {
			[]string{`Bearer resource_metadata="https://first.example", resource_metadata="https://second.example"`},
			[]oauth.Challenge{{Scheme: "bearer", ResourceMetadata: "https://first.example"}},
		},
		"empty elements": {
			[]string{`,, Bearer scope="a",, ,`, ``},
			[]oauth.Challenge{{Scheme: "bearer", Scopes: []string{"a"}}},
		},
		"an unterminated quote": {
			[]string{`Bearer error="invalid_token", resource_metadata="https://m.example`},
			[]oauth.Challenge{{Scheme: "bearer", Error: "invalid_token"}},
		},
		"rubbish, then a challenge": {
			[]string{`"what" is (this), Bearer scope="a"`},
			[]oauth.Challenge{{Scheme: "bearer", Scopes: []string{"a"}}},
		},
		"parameters before any scheme": {
			[]string{`error="invalid_token"`},
			nil,
		},
		"an invalid code": {
			[]string{`Bearer error="<script>alert(1) </script>"`},
			[]oauth.Challenge{{Scheme: "bearer"}},
		},
		"a URL that is too long": {
			[]string{`Bearer resource_metadata="https://m.example/` + strings.Repeat("x", 4000) + `"`},
			[]oauth.Challenge{{Scheme: "bearer"}},
		},
		"a description that is too long": {
			[]string{`Bearer error_description="` + strings.Repeat("x", 4000) + `"`},
			[]oauth.Challenge{{Scheme: "bearer", Description: strings.Repeat("x", 197) + "…"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, challenges(c.lines...))
		})
	}
}

func TestNumberOfChallengesIsLimited(t *testing.T) {
	t.Parallel()
	assert.Len(t, challenges(strings.Repeat("Bearer, ", 1000)), 32)
}

func TestBearerChallengeWithMetadataIsPreferred(t *testing.T) {
	t.Parallel()
	got, ok := oauth.BearerChallenge(challenges(
		`Basic realm="x"`, `Bearer scope="a"`, `Bearer resource_metadata="https://m.example"`))
	require.True(t, ok)
	assert.Equal(t, "https://m.example", got.ResourceMetadata)

	got, ok = oauth.BearerChallenge(challenges(`Basic realm="x", Bearer scope="a", Bearer scope="b"`))
	require.True(t, ok)
	assert.Equal(t, []string{"a"}, got.Scopes)

	_, ok = oauth.BearerChallenge(challenges(`Basic realm="x"`))
	assert.False(t, ok)
}

func TestDPoPOnlyServersAreDetected(t *testing.T) {
	t.Parallel()
	assert.True(t, oauth.DemandsDPoP(challenges(`DPoP algs="ES256", error="use_dpop_nonce"`)))
	assert.False(t, oauth.DemandsDPoP(challenges(`DPoP algs="ES256"`, `Bearer`)), "bearer tokens are accepted too")
	assert.False(t, oauth.DemandsDPoP(challenges(`Bearer`)))
	assert.False(t, oauth.DemandsDPoP(nil))
}

func FuzzChallenges(f *testing.F) {
	for _, c := range wellFormed {
		f.Add(strings.Join(c.lines, "\n"))
	}
	f.Add(`Negotiate a==, Bearer scope="a"`)
	f.Add(`Bearer realm=, x="\`)
	f.Add("Bearer resource_metadata=https://m.example/x?a=b,,=\"")
	f.Fuzz(func(t *testing.T, lines string) {
		got := challenges(strings.Split(lines, "\n")...)
		assert.LessOrEqual(t, len(got), 32)
		for _, c := range got {
			assert.NotEmpty(t, c.Scheme)
			assert.Equal(t, strings.ToLower(c.Scheme), c.Scheme)
			assert.LessOrEqual(t, len(c.Description), 200)
			assert.LessOrEqual(t, len(c.ResourceMetadata), 2048)
			assert.LessOrEqual(t, len(c.Error), 64)
			assert.NotContains(t, c.Error, " ")
			assert.True(t, slices.IsSorted(c.Scopes))
			assert.Equal(t, safetext.Line(c.Description), c.Description)
		}
	})
}
