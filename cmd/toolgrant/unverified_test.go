package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// whenSent makes the server respond to each request with a token in the same way.
func (s *smallWorld) whenSent(status int, mediaType, body string, header ...string) {
	s.mcp = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			return false
		}
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

func TestConnectionThatIsNotVerifiedSaysWhyAndWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sick   func(w *smallWorld)
		reason string
		next   string
	}{
		"a bare 403": {func(w *smallWorld) { w.whenSent(403, "text/plain", "") }, "denies access without naming the token", "allow-list"},
		"HTML":       {func(w *smallWorld) { w.whenSent(200, "text/html", "<html>sign in</html>") }, "not MCP", "MCP endpoint"},
		"a redirect": {func(w *smallWorld) { w.whenSent(307, "text/plain", "", "Location", "/login") }, "redirects", "Check the server's URL"},
		"429":        {func(w *smallWorld) { w.whenSent(429, "text/plain", "") }, "limits the request rate", "Try again later"},
		"a list error": {func(w *smallWorld) {
			w.whenSent(200, "application/json", `{"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":"database down"}}`)
		}, "database down", "contact the server's operator"},
		"500": {func(w *smallWorld) { w.whenSent(500, "text/plain", "") }, "failed", "Try again later"},
		"a list for anyone": {func(w *smallWorld) {
			inner := toolServer("search")
			w.mcp = func(rw http.ResponseWriter, r *http.Request) bool { inner.ServeHTTP(rw, r); return true }
		}, "lists its tools without a token", "Use a tool"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, cli := newWorld(t), newFileCLI(t)
			c.sick(w)
			code, out := cli.follow(t, []string{"connect", "notes=" + w.url, "--allow-loopback"})
			require.Equal(t, exitDone, code, out)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			var view struct {
				Event      string  `json:"event"`
				VerifiedAt *string `json:"verified_at"`
				Warning    *string `json:"warning"`
			}
			for _, line := range lines {
				if strings.Contains(line, `"event":"connected"`) {
					require.NoError(t, json.Unmarshal([]byte(line), &view), line)
				}
			}
			assert.Equal(t, "connected", view.Event, out)
			assert.Nil(t, view.VerifiedAt)
			require.NotNil(t, view.Warning)
			assert.Contains(t, *view.Warning, c.reason)
			assert.Contains(t, *view.Warning, c.next)

			plain := cli.run(t.Context(), "status", "notes")
			assert.Contains(t, plain.out, "not verified")
			assert.Contains(t, plain.out, c.next)
			assert.Contains(t, cli.run(t.Context(), "status").out, "active, not verified")
		})
	}
}

func TestVerifiedConnectionHasNoWarning(t *testing.T) {
	t.Parallel()
	w, cli := newWorld(t), newFileCLI(t)
	code, out := cli.follow(t, []string{"connect", "notes=" + w.url, "--allow-loopback"})
	require.Equal(t, exitDone, code, out)
	assert.NotContains(t, out, `"warning"`)
	assert.NotContains(t, out, `"verified_at":null`)
}

// A server outside the catalogue that lists for anyone is no dead end.
func TestOpenServerIsUsedWithoutACredential(t *testing.T) {
	t.Parallel()
	w, cli := newWorld(t), newFileCLI(t)
	w.open(toolServer("search"))
	name := "notes=" + w.url
	var entry map[string]any
	cli.ok(t, &entry, "entry", name, "--allow-loopback")
	assert.Equal(t, w.url, entry["server_url"])
	assert.NotContains(t, entry, "authorization")
	f := cli.fails(t, exitConfig, "connect", name, "--allow-loopback")
	assert.Contains(t, f.Message, "needs no sign-in")
	assert.Contains(t, f.Message, "toolgrant entry "+name+" --allow-loopback")
}

func TestSuggestedCommandsAreQuotedAndRepeatTheFlags(t *testing.T) {
	t.Parallel()
	w, cli := newWorld(t), newFileCLI(t)
	got := cli.run(t.Context(), "doctor", "notes="+w.url, "--allow-loopback", "--owner", "acme/it's me", "--account", "work", "--client-id", "my app")
	assert.Contains(t, got.out, `toolgrant connect notes=`+w.url+` --client-id 'my app' --owner 'acme/it'\''s me' --account work --allow-loopback`)
}
