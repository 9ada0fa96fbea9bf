package mcpprobe_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
)

func TestAskSendsOneInitializeAndFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	for _, sse := range []bool{false, true} {
		var asked []*http.Request
		var body []byte
		url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r)
			body, _ = io.ReadAll(r.Body)
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusFound)
		}))
		a, err := mcpprobe.Ask(t.Context(), client(t), url, http.Header{"x-plain": {"1"}}, sse)
		require.NoError(t, err)
		assert.Equal(t, http.StatusFound, a.Status)
		assert.Equal(t, "Bearer", a.Header.Get("WWW-Authenticate"))
		require.Len(t, asked, 1)
		assert.Empty(t, asked[0].Header.Get("Authorization"))
		assert.Equal(t, "1", asked[0].Header.Get("X-Plain"))
		if sse {
			assert.Equal(t, http.MethodGet, asked[0].Method)
			assert.Empty(t, body)
		} else {
			assert.Equal(t, http.MethodPost, asked[0].Method)
			assert.Contains(t, string(body), `"method":"initialize"`)
		}
	}
	_, err := mcpprobe.Ask(t.Context(), client(t), "http://127.0.0.1:1/mcp", nil, false)
	require.Error(t, err)
	_, err = mcpprobe.Ask(t.Context(), client(t), "://", nil, false)
	require.Error(t, err)
}
