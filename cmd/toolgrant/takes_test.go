package main

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/mcptools"
)

// A counted server is an MCP server that counts its requests and takes any
// bearer.
func countedServer(t *testing.T) (serverURL string, asked *atomic.Int32) {
	t.Helper()
	s := server.NewMCPServer("counted", "1")
	s.AddTool(mcp.NewTool("search"), nil)
	inner := server.NewStreamableHTTPServer(s)
	asked = new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/mcp", asked
}

func TestAnotherVendorsTokenIsSentNowhereWithoutTakes(t *testing.T) {
	t.Parallel()
	const alnum = "0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ012345"
	for kind, token := range map[string]string{
		"github_classic": "ghp_" + alnum[:36],
		"slack_bot":      "xoxb-" + "123456789012-" + alnum[:24],
		"linear_api_key": "lin_api_" + alnum[:40],
		"google_api_key": "AIza" + alnum[:35],
		"openai_key":     "sk-proj-" + alnum[:60],
		"ai_key":         "sk-" + alnum[:40],
		"anthropic_key":  "sk-ant-" + "api03-" + alnum[:93],
		"groq_key":       "gsk_" + alnum[:52],
		"xai_key":        "xai-" + alnum[:80],
		"aws_key_id":     "AKIA" + "ABCDEFGH234567AB",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			serverURL, asked := countedServer(t)
			c := newCLI(t)
			c.stdin = token
			for _, args := range [][]string{
				{"import", "wiki=" + serverURL, "--token-file", "-"},
				{"import", "wiki=" + serverURL, "--token-file", "-", "--no-verify"},
				{"import", "wiki=" + serverURL, "--token-file", "-", "--takes", "gitlab_pat"},
				{"doctor", "wiki=" + serverURL, "--token-file", "-"},
			} {
				f := c.fails(t, exitConfig, append(args, "--allow-loopback")...)
				assert.Equal(t, mcptools.KindWrongTokenKind, f.Kind, args)
				assert.Contains(t, f.Message, "--takes "+kind)
				assert.NotContains(t, f.Message, token[len(token)-12:])
			}
			assert.Zero(t, asked.Load())
			c.fails(t, exitReconnect, "status", "wiki="+serverURL, "--allow-loopback")

			var st statusView
			c.ok(t, &st, "import", "wiki="+serverURL, "--token-file", "-", "--takes", kind, "--allow-loopback")
			assert.NotNil(t, st.VerifiedAt)
			assert.Positive(t, asked.Load())
			var entry struct {
				Authorization string `json:"authorization"`
			}
			c.ok(t, &entry, "entry", "wiki", "--reveal", "--allow-loopback")
			assert.Equal(t, token, entry.Authorization)
			var report map[string]any
			c.ok(t, &report, "doctor", "wiki="+serverURL, "--token-file", "-", "--takes", kind, "--allow-loopback")
		})
	}
}

func TestTakesIsForServersOutsideTheCatalogue(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.stdin = "made-up-token-1"
	c.fails(t, exitUsage, "import", "notion", "--token-file", "-", "--takes", "github_classic", "--no-verify")
	c.fails(t, exitUsage, "import", "wiki=https://mcp.example.com/mcp", "--token-file", "-", "--takes", "gold", "--no-verify")
	var st statusView
	c.ok(t, &st, "import", "wiki=https://mcp.example.com/mcp", "--token-file", "-", "--no-verify")
}
