package oauth2adapt_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/oauth2adapt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer = "https://as.example.com"
	server = "https://mcp.example.com/mcp"
)

var key = oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "example", Server: server}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is a response with a JSON body.
func answer(status int, body any) *http.Response {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(text))),
	}
}

// newStore returns a store whose authorization server answers each refresh
// with a new pair.
func newStore(t *testing.T) *oauthstore.Store {
	t.Helper()
	serial := "1"
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{
		InsecureTransport: roundTripper(func(r *http.Request) (*http.Response, error) {
			assert.Equal(t, issuer+"/token", r.URL.String())
			if err := r.ParseForm(); err != nil {
				return nil, err
			}
			if r.PostForm.Get("refresh_token") != "refresh-"+serial {
				return answer(http.StatusBadRequest, map[string]any{"error": "invalid_grant"}), nil
			}
			serial += "1"
			return answer(http.StatusOK, map[string]any{
				"access_token": "access-" + serial, "refresh_token": "refresh-" + serial, "token_type": "Bearer", "expires_in": 3600,
			}), nil
		}),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	return store
}

func put(t *testing.T, store *oauthstore.Store) {
	t.Helper()
	c := oauth2adapt.Credential(
		&oauth2.Token{AccessToken: "access-1", RefreshToken: "refresh-1", TokenType: "bearer", Expiry: time.Now().Add(time.Hour)},
		oauthstore.Provenance{Issuer: issuer, TokenEndpoint: issuer + "/token", ClientID: "app", AuthMethod: "none"})
	status, err := store.Put(t.Context(), key, c)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.ObtainedImport, status.Provenance.Obtained)
}

func TestASourceReturnsFreshTokensWithoutTheRefreshToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		put(t, store)
		source := oauth2adapt.TokenSource(t.Context(), store, key, nil)
		first, err := source.Token()
		require.NoError(t, err)
		assert.Equal(t, "access-1", first.AccessToken)
		assert.Empty(t, first.RefreshToken, "only the store refreshes")
		<-time.After(2 * time.Hour)
		second, err := source.Token()
		require.NoError(t, err)
		assert.Equal(t, "access-11", second.AccessToken)
		assert.True(t, second.Expiry.After(time.Now()))
	})
}

func TestASourceAsksForTheLifetimeThatItsCallerNeeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		put(t, store)
		<-time.After(20 * time.Minute)
		need := &oauthstore.Need{MinTTL: 50 * time.Minute}
		tok, err := oauth2adapt.TokenSource(t.Context(), store, key, need).Token()
		require.NoError(t, err)
		assert.Equal(t, "access-11", tok.AccessToken)
	})
}

func TestATransportSendsTheTokenToTheCredentialsServerOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		put(t, store)
		var sent []string
		status := http.StatusOK
		rt := oauth2adapt.Transport(store, key, nil, roundTripper(func(r *http.Request) (*http.Response, error) {
			sent = append(sent, r.Header.Get("Authorization"))
			return answer(status, nil), nil
		}))
		get := func(target string) error {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
			require.NoError(t, err)
			resp, err := rt.RoundTrip(req)
			if err == nil {
				require.NoError(t, resp.Body.Close())
			}
			assert.Empty(t, req.Header, "the caller's request is not changed")
			return err
		}
		require.NoError(t, get(server))
		assert.Equal(t, []string{"Bearer access-1"}, sent)
		for _, other := range []string{"https://elsewhere.example.com/mcp", "http://mcp.example.com/mcp", "https://mcp.example.com:8443/mcp"} {
			require.ErrorIs(t, get(other), oauthstore.ErrMisconfigured)
		}

		status = http.StatusUnauthorized
		require.NoError(t, get(server))
		assert.Len(t, sent, 2, "a request is never sent again")
		next, err := store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Equal(t, "access-11", next.AccessToken.Expose(), "the 401 was reported")
	})
}

// A 401 of the server's own URL needs no probe. Another resource of its host may
// want other tokens.
func TestOnlyA401OfTheServerItselfIsBelieved(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]int{server: 0, "https://mcp.example.com/api": 1} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := newStore(t)
				put(t, store)
				rt := oauth2adapt.Transport(store, key, nil, roundTripper(func(*http.Request) (*http.Response, error) {
					return answer(http.StatusUnauthorized, nil), nil
				}))
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
				require.NoError(t, err)
				resp, err := rt.RoundTrip(req)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				asked := 0
				_, err = store.Token(t.Context(), key, oauthstore.Need{Verify: func(_ context.Context, _ oauthstore.Key, tok oauthstore.Token) oauthstore.Verdict {
					if tok.Generation == 1 {
						asked++
					}
					return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
				}})
				require.NoError(t, err)
				assert.Equal(t, want, asked)
			})
		})
	}
}

func TestATransportClosesTheBodyOfARequestThatItDoesNotSend(t *testing.T) {
	t.Parallel()
	rt := oauth2adapt.Transport(newStore(t), key, nil, roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("the request was sent")
		return nil, errors.New("sent")
	}))
	for target, want := range map[string]error{server: oauthstore.ErrNotFound, "https://elsewhere.example.com/mcp": oauthstore.ErrMisconfigured} {
		body := &closeCounter{Reader: strings.NewReader("{}")}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, body)
		require.NoError(t, err)
		_, err = rt.RoundTrip(req) //nolint:bodyclose // there is none with an error
		require.ErrorIs(t, err, want)
		assert.Equal(t, 1, body.closed, target)
	}
}

func TestATransportWithoutABaseRefusesPrivateAddresses(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	local := key
	local.Server = "https://127.0.0.1:1/mcp"
	_, err := store.Put(t.Context(), local, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-access"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, local.Server, nil)
	require.NoError(t, err)
	_, err = oauth2adapt.Transport(store, local, nil, nil).RoundTrip(req) //nolint:bodyclose // there is none with an error
	require.ErrorContains(t, err, "prohibited IP address")
}

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
		rt := oauth2adapt.Transport(creds, key, nil, roundTripper(func(*http.Request) (*http.Response, error) { return nil, errSent }))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server, nil)
		require.NoError(t, err)
		_, err = rt.RoundTrip(req) //nolint:bodyclose // there is none with an error
		require.ErrorIs(t, err, want, server)
	}
}

type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }
