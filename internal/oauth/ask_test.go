package oauth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

func TestAskSendsOneInitializeAndFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	for _, sse := range []bool{false, true} {
		var asked []*http.Request
		var body []byte
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r)
			body, _ = io.ReadAll(r.Body)
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusFound)
		}))
		t.Cleanup(srv.Close)
		a, err := oauth.Ask(t.Context(), client(t), srv.URL, http.Header{"x-plain": {"1"}}, sse)
		require.NoError(t, err)
		assert.Equal(t, http.StatusFound, a.Status)
		assert.Equal(t, "Bearer", a.Header.Get("WWW-Authenticate"))
		require.Len(t, asked, 1)
		assert.Empty(t, asked[0].Header.Get("Authorization"))
		assert.Equal(t, "1", asked[0].Header.Get("X-Plain"))
		assert.Equal(t, sse, a.SSE)
		if sse {
			assert.Equal(t, http.MethodGet, asked[0].Method)
			assert.Empty(t, body)
		} else {
			assert.Equal(t, http.MethodPost, asked[0].Method)
			assert.Contains(t, string(body), `"method":"initialize"`)
		}
	}
	_, err := oauth.Ask(t.Context(), client(t), "http://127.0.0.1:1/mcp", nil, false)
	require.Error(t, err)
	_, err = oauth.Ask(t.Context(), client(t), "://", nil, false)
	require.Error(t, err)
}

func TestAskTriesAnOlderVersionAndTheOlderTransport(t *testing.T) {
	t.Parallel()
	challenge := func(w http.ResponseWriter) {
		w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="https://x.example/m"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
	for name, tc := range map[string]struct {
		serve  http.HandlerFunc
		status int
		sse    bool
	}{
		"400 to versions after 2025-06-18": {func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if strings.Contains(string(body), "2025-11-25") {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			challenge(w)
		}, 401, false},
		"HTTP+SSE with a token": {func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			challenge(w)
		}, 401, true},
		"HTTP+SSE without a token": {func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
		}, 200, true},
		"neither": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, 404, false},
	} {
		srv := httptest.NewServer(tc.serve)
		t.Cleanup(srv.Close)
		a, err := oauth.Ask(t.Context(), client(t), srv.URL, nil, false)
		require.NoError(t, err, name)
		assert.Equal(t, tc.status, a.Status, name)
		assert.Equal(t, tc.sse, a.SSE, name)
	}
}
