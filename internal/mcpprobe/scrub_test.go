package mcpprobe_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
)

// A server that echoes the token in every place that it can.
func TestEchoedTokensAreRedacted(t *testing.T) {
	t.Parallel()
	const canary = "canary/7f3a:AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/=="
	basic := base64.StdEncoding.EncodeToString([]byte("user@example.com:" + canary))
	for name, tc := range map[string]struct{ sent, echo string }{
		"whole":           {"Bearer " + canary, canary},
		"its beginning":   {"Bearer " + canary, canary[:12] + "…"},
		"its end":         {"Bearer " + canary, "…" + canary[len(canary)-12:]},
		"in capitals":     {"Bearer " + canary, strings.ToUpper(canary)},
		"query-escaped":   {"Bearer " + canary, url.QueryEscape(canary)},
		"of a basic pair": {"Basic " + basic, canary},
		"in base64":       {"Basic " + basic, basic},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			echo := strings.ReplaceAll(tc.echo, `"`, "")
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer error="x %[1]s", error_description="token %[1]s is bad", scope="%[1]s"`, echo))
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = fmt.Fprintf(w, `{"error":{"code":-32001,"message":%q}}`, echo)
			}))
			res := mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: url}, http.Header{"Authorization": {tc.sent}})
			require.Equal(t, mcpprobe.Refused, res.Outcome)
			js, err := json.Marshal(res) //nolint:musttag // names do not matter
			require.NoError(t, err)
			for _, out := range []string{string(js), fmt.Sprintf("%+v %#v", res, res)} {
				low := strings.ToLower(out)
				for i := 0; i+8 <= len(canary); i++ {
					assert.NotContains(t, low, strings.ToLower(canary[i:i+8]))
				}
			}
			assert.Contains(t, res.Description, "token ")
			assert.Contains(t, res.Description, " is bad")
		})
	}
}

func TestServerTextIsShortAndPrintable(t *testing.T) {
	t.Parallel()
	h := http.Header{"Authorization": {"Bearer short"}, "X-Mcp-Readonly": {"true"}}
	assert.Equal(t, "a��[31m b c", mcpprobe.Clean(h, "a\x00\x1b[31m\tb\n\nc", 50))
	assert.Equal(t, "it is true", mcpprobe.Clean(h, "it is true", 50), "a setting is not a secret")
	assert.Equal(t, "it is [redacted]", mcpprobe.Clean(h, "it is SHORT", 50))
	long := mcpprobe.Clean(h, strings.Repeat("é", 1000), 101)
	assert.LessOrEqual(t, len(long), 101+len("…"))
	assert.True(t, utf8.ValidString(long))
	assert.True(t, strings.HasSuffix(long, "…"))
}

func FuzzClean(f *testing.F) {
	f.Add("secret-token-0123456789", "the token secret-token-0123456789 is bad")
	f.Add("aaaaaaaaa", strings.Repeat("a", 2000))
	f.Add("2/12:ab", "\xff\x00\u202e")
	f.Fuzz(func(t *testing.T, tok, text string) {
		out := mcpprobe.Clean(http.Header{"Authorization": {"Bearer " + tok}}, text, 300)
		assert.True(t, utf8.ValidString(out))
		assert.LessOrEqual(t, len(out), 303)
		fields := strings.Fields("Bearer " + tok)
		if secret := fields[len(fields)-1]; len(fields) == 2 && len(secret) >= 8 && secret != "[redacted]" {
			assert.NotContains(t, out, secret)
		}
	})
}
