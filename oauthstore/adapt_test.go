package oauthstore_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

var asked = []string{"api://example/.default", "offline_access"}

// refused is an OAuth error with a description.
func refused(code, description string) *http.Response {
	return answer(400, "application/json", `{"error":"`+code+`","error_description":"`+description+`"}`)
}

func TestARefreshSendsTheParametersThatTheProfileNames(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		profile         oauthstore.TokenProfile
		resource, scope string
	}{
		"by default the resource and no scope":    {oauthstore.TokenProfile{}, testServer, ""},
		"no resource":                             {oauthstore.TokenProfile{NoRefreshResource: true}, "", ""},
		"the requested scopes, never the granted": {oauthstore.TokenProfile{RefreshScopes: true}, testServer, "api://example/.default offline_access"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				var form url.Values
				w.as.Answer = func(_ int, f url.Values, consume func() *http.Response) (*http.Response, error) {
					form = f
					return consume(), nil
				}
				key := testKey("u")
				w.connect(t, key, func(c *oauthstore.Credential) {
					c.Profile = tc.profile
					c.Provenance.ScopesAsked, c.Provenance.ScopesGranted = asked, []string{"Mail.Read", "User.Read"}
				})
				_, err := w.store.Refresh(t.Context(), key, 1)
				require.NoError(t, err)
				assert.Equal(t, tc.resource, form.Get("resource"))
				assert.Equal(t, tc.scope, form.Get("scope"))
			})
		})
	}
}

// TestARejectedRefreshParameterIsRetriedOnce: the server rejects the
// request and not the refresh token, and says why.
func TestARejectedRefreshParameterIsRetriedOnce(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		judge func(form url.Values) *http.Response // nil: accepted
		posts int                                  // of the first refresh
		err   error
	}{
		"AADSTS9010010: without the resource": {func(f url.Values) *http.Response {
			if f.Has("resource") {
				return refused("invalid_target", "AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.")
			}
			return nil
		}, 2, nil},
		"invalid_target alone: without the resource": {func(f url.Values) *http.Response {
			if f.Has("resource") {
				return oauthError(400, "invalid_target")
			}
			return nil
		}, 2, nil},
		"AADSTS90009: with the requested scopes": {func(f url.Values) *http.Response {
			if f.Get("scope") != "api://example/.default offline_access" {
				return refused("invalid_request", "AADSTS90009: Application is requesting a token for itself.")
			}
			return nil
		}, 2, nil},
		"AADSTS90009 after AADSTS9010010: both at once": {func(f url.Values) *http.Response {
			switch {
			case f.Has("resource"):
				return refused("invalid_target", "AADSTS9010010: no")
			case !f.Has("scope"):
				return refused("invalid_request", "AADSTS90009: no")
			}
			return nil
		}, 2, nil},
		"a server that rejects everything: two requests and no more": {func(url.Values) *http.Response {
			return oauthError(400, "invalid_target")
		}, 2, oauthstore.ErrMisconfigured},
		"a refusal of the refresh token: one request": {func(url.Values) *http.Response {
			return refused("invalid_grant", "AADSTS9010010: no")
		}, 1, oauthstore.ErrReauthorize},
		"a failure of the server: one request": {func(url.Values) *http.Response {
			return answer(500, "application/json", `{"error":"invalid_target"}`)
		}, 1, oauthstore.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.as.Answer = func(_ int, f url.Values, consume func() *http.Response) (*http.Response, error) {
					if no := tc.judge(f); no != nil {
						return no, nil
					}
					return consume(), nil
				}
				key := testKey("u")
				w.connect(t, key, func(c *oauthstore.Credential) { c.Provenance.ScopesAsked = asked })
				_, err := w.store.Refresh(t.Context(), key, 1)
				require.ErrorIs(t, err, tc.err)
				assert.Equal(t, tc.posts, w.as.Posts())
				if tc.err != nil {
					return
				}
				assert.Zero(t, w.as.Reuses())
				_, err = w.replica(t, nil).Refresh(t.Context(), key, 2)
				require.NoError(t, err)
				assert.Equal(t, tc.posts+1, w.as.Posts(), "the next refresh is right at once, in another process too")
			})
		})
	}
}

// testJWT is a JWT for an audience, without a valid signature.
func testJWT(t *testing.T, aud string) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"aud": aud})
	require.NoError(t, err)
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256"}`)) + "." + part(data) + ".c3ludGhldGlj"
}

func TestARefreshWithoutResourceMustKeepTheAudience(t *testing.T) {
	t.Parallel()
	for aud, want := range map[string]error{testServer: nil, "https://graph.example.com": oauthstore.ErrRefused} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.as.Answer = func(_ int, f url.Values, consume func() *http.Response) (*http.Response, error) {
				if f.Has("resource") {
					return oauthError(400, "invalid_target"), nil
				}
				consume()
				return answer(200, "application/json", `{"access_token":"`+testJWT(t, aud)+`","refresh_token":"synthetic-next","token_type":"Bearer","expires_in":3600}`), nil
			}
			key := testKey("u")
			w.connect(t, key, func(c *oauthstore.Credential) { c.AccessToken = oauthstore.NewSecret(testJWT(t, testServer)) })
			presented := func(_ context.Context, _ oauthstore.Key, tok oauthstore.Token) oauthstore.Verdict {
				assert.Equal(t, testJWT(t, testServer), tok.AccessToken.Expose(), "the server sees its own token only")
				return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonExpired}
			}
			if want == nil {
				presented = nil
			}
			for range 3 { // each refresh, and not only the first
				wait(t, 2*time.Hour)
				_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				require.ErrorIs(t, err, want, aud)
				if presented != nil {
					wait(t, 30*time.Minute)
					_, err = w.store.Token(t.Context(), key, oauthstore.Need{Verify: presented})
					require.Error(t, err)
				}
			}
		})
	}
}

// An authorization server that only the MCP server names may belong to another
// vendor, and ignore the resource.
func TestARefreshedTokenForAnotherAudienceIsNotPresented(t *testing.T) {
	t.Parallel()
	const other = "https://graph.example.com"
	for name, tc := range map[string]struct {
		first, next string // audiences; "" for an opaque token
		named       bool
		alg         string
		want        error
	}{
		"for the server":                             {first: testServer, next: testServer},
		"for another one":                            {first: testServer, next: other, want: oauthstore.ErrRefused},
		"for another one, after an opaque token":     {next: other, want: oauthstore.ErrRefused},
		"for another one, with another algorithm":    {first: testServer, next: other, alg: "ML-DSA-44", want: oauthstore.ErrRefused},
		"for another one, as the token put in":       {first: other, next: other},
		"for a third one":                            {first: other, next: "https://third.example.com", want: oauthstore.ErrRefused},
		"for another one of an issuer that is named": {first: testServer, next: other, named: true},
		"opaque": {first: testServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
					consume()
					token := "synthetic-opaque"
					if tc.next != "" {
						token = testJWT(t, tc.next)
					}
					if tc.alg != "" {
						_, rest, _ := strings.Cut(token, ".")
						token = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+tc.alg+`"}`)) + "." + rest
					}
					return answer(200, "application/json", `{"access_token":"`+token+`","refresh_token":"synthetic-next","token_type":"Bearer","expires_in":3600}`), nil
				}
				key := testKey("u")
				w.connect(t, key, func(c *oauthstore.Credential) {
					if c.Provenance.IssuerNamed = tc.named; tc.first != "" {
						c.AccessToken = oauthstore.NewSecret(testJWT(t, tc.first))
					}
				})
				for range 2 {
					wait(t, 2*time.Hour)
					_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
					require.ErrorIs(t, err, tc.want)
				}
			})
		})
	}
}

// An authorization server that has lost a resource may reject a refresh with it,
// and refuse the refresh token of that resource without it.
func TestARefusalWithoutTheResourceIsConfirmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(_ int, f url.Values, _ func() *http.Response) (*http.Response, error) {
			if f.Has("resource") {
				return oauthError(400, "invalid_target"), nil
			}
			return oauthError(400, "invalid_grant"), nil
		}
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		right := w.as.Answer
		w.as.Answer = nil
		wait(t, 10*time.Minute)
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)

		w.as.Answer = right
		wait(t, 2*time.Hour)
		for range 60 {
			wait(t, time.Minute)
			_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		}
		require.ErrorIs(t, err, oauthstore.ErrReauthorize, "a refusal that stays is believed")
	})
}

// TestInvalidRequestToARefreshIsConfirmedThenConnectAgain: some servers respond
// with it to an expired refresh token.
func TestInvalidRequestToARefreshIsConfirmedThenConnectAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return oauthError(400, "invalid_request"), nil
		}
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrUnavailable, "one response confirms nothing")
		for range 60 {
			wait(t, time.Minute)
			_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		}
		require.ErrorIs(t, err, oauthstore.ErrReauthorize)
		assert.Equal(t, oauthstore.ReasonInvalidGrant, typed(t, err).Reason)
		assert.Less(t, w.as.Posts(), 20)
	})
}

// deadTokens lets the tokens of these users be refused with invalid_request, and
// all others be refreshed.
func (w *world) deadTokens(users ...string) {
	w.as.Answer = func(_ int, f url.Values, consume func() *http.Response) (*http.Response, error) {
		if slices.ContainsFunc(users, func(u string) bool { return strings.HasPrefix(f.Get("refresh_token"), "synthetic-refresh-"+u+"-") }) {
			return oauthError(400, "invalid_request"), nil
		}
		return consume(), nil
	}
}

func TestUsersWhoseTokensHaveExpiredAreToldWithinADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		users := []string{"a", "b", "c", "d", "e"}
		w := newWorld(t, nil)
		for _, u := range users {
			w.connect(t, testKey(u), nil)
		}
		w.deadTokens(users...)
		wait(t, 2*time.Hour)
		for range 26 * 60 {
			wait(t, time.Minute)
			for _, u := range users {
				_, err := w.store.Token(t.Context(), testKey(u), oauthstore.Need{})
				require.Error(t, err)
			}
		}
		for _, u := range users {
			_, err := w.store.Token(t.Context(), testKey(u), oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrReauthorize)
		}
		assert.Equal(t, len(users), w.seen(oauthstore.EventReauthorize))
	})
}

func TestAnOutageThatAnswersInvalidRequestLogsNoUserOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		users := []string{"a", "b", "c"} // fewer than open a breaker
		w := newWorld(t, nil)
		for _, u := range users {
			w.connect(t, testKey(u), nil)
		}
		w.deadTokens(users...)
		wait(t, 2*time.Hour)
		for range 20 * 6 {
			wait(t, 10*time.Minute)
			for _, u := range users {
				_, err := w.store.Token(t.Context(), testKey(u), oauthstore.Need{})
				require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			}
		}
		w.as.Answer = nil
		wait(t, 10*time.Minute)
		for _, u := range users {
			_, err := w.store.Token(t.Context(), testKey(u), oauthstore.Need{})
			require.NoError(t, err)
		}
	})
}

func TestOneExpiredTokenAmongUsersWhoAreRefreshedIsReportedSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.TTL = 10 * time.Minute
		w.connect(t, testKey("a"), nil)
		w.connect(t, testKey("b"), nil)
		w.deadTokens("a")
		wait(t, 5*time.Minute)
		var err error
		for n := range 18 {
			wait(t, 5*time.Minute)
			_, err = w.store.Token(t.Context(), testKey("a"), oauthstore.Need{})
			if n < 3 {
				require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			}
			wait(t, 5*time.Minute)
			_, other := w.store.Token(t.Context(), testKey("b"), oauthstore.Need{})
			require.NoError(t, other)
		}
		require.ErrorIs(t, err, oauthstore.ErrReauthorize)
	})
}

func TestOtherTokenTypesAndNestedTokensNeedTheProfile(t *testing.T) {
	t.Parallel()
	const nested = `{"ok":true,"access_token":"synthetic-bot","token_type":"bot","authed_user":{"id":"U1","access_token":"synthetic-user","refresh_token":"synthetic-next","token_type":"user","expires_in":3600}}`
	for name, tc := range map[string]struct {
		profile oauthstore.TokenProfile
		want    string // the access token; "" means a refusal that names the type bot
	}{
		"the profile says so": {oauthstore.TokenProfile{TokenTypes: []string{"user"}, TokenMember: "authed_user"}, "synthetic-user"},
		"it does not":         {oauthstore.TokenProfile{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
					consume()
					return answer(200, "application/json", nested), nil
				}
				key := testKey("u")
				w.connect(t, key, func(c *oauthstore.Credential) { c.Profile = tc.profile })
				wait(t, 2*time.Hour)
				tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				if tc.want == "" {
					require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
					assert.ErrorContains(t, err, "not bearer but bot")
					assert.NotContains(t, err.Error(), "synthetic")
					return
				}
				require.NoError(t, err)
				assert.Equal(t, tc.want, tok.AccessToken.Expose())
				assert.Equal(t, "Bearer", tok.TokenType)
			})
		})
	}
}
