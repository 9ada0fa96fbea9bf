package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/providers"
)

// A sickWorld is a world, what doctor says of it, and whether its commands fix
// it.
type sickWorld struct {
	name string
	// make prepares the world and the stored credential; its flags are those of
	// doctor and connect.
	make    func(t *testing.T, w *smallWorld, c *cli) (flags []string)
	bare    bool // without --allow-loopback
	verdict string
	cause   string
	action  string
	consent string
	says    string // in the details of the report
	fixes   bool   // its commands do; otherwise the advice says that none can
	stdin   string // for the commands
}

const (
	worldKey    = "synthetic-key-0123456789abcdef"
	otherTokens = "synthetic-token-fedcba9876543210"
)

// stores imports a token, without asking the server.
func stores(token string) func(*testing.T, *smallWorld, *cli) []string {
	return func(t *testing.T, w *smallWorld, c *cli) []string {
		t.Helper()
		got := c.run(t.Context(), "import", "notes="+w.url, "--token-file", tokenFile(t, token), "--no-verify", "--allow-loopback")
		require.Equal(t, exitDone, got.code, got.errOut)
		return nil
	}
}

// connects gets a credential in the healthy world, which then gets sick.
func connects(sick func(w *smallWorld)) func(*testing.T, *smallWorld, *cli) []string {
	return func(t *testing.T, w *smallWorld, c *cli) []string {
		t.Helper()
		code, out := c.follow(t, []string{"connect", "notes=" + w.url, "--allow-loopback"})
		require.Equal(t, exitDone, code, out)
		if sick != nil {
			sick(w)
		}
		return nil
	}
}

// changes makes a world sick that has no credential.
func changes(sick func(w *smallWorld)) func(*testing.T, *smallWorld, *cli) []string {
	return func(_ *testing.T, w *smallWorld, _ *cli) []string {
		sick(w)
		return nil
	}
}

// then runs several preparations.
func then(all ...func(*testing.T, *smallWorld, *cli) []string) func(*testing.T, *smallWorld, *cli) []string {
	return func(t *testing.T, w *smallWorld, c *cli) (flags []string) {
		t.Helper()
		for _, f := range all {
			flags = append(flags, f(t, w, c)...)
		}
		return flags
	}
}

func with(flags ...string) func(*testing.T, *smallWorld, *cli) []string {
	return func(*testing.T, *smallWorld, *cli) []string { return flags }
}

// dead accepts none of the tokens that were issued so far.
func dead(w *smallWorld) { clear(w.accepts) }

func described(words string) string {
	return fmt.Sprintf(`Bearer error="invalid_token", error_description=%q`, words)
}

func sickWorlds() []sickWorld {
	const ok, failing, unknown = doctor.VerdictOK, doctor.VerdictFailing, doctor.VerdictUnknown
	const possible, impossible, notNeeded, unclear = doctor.ConsentPossible, doctor.ConsentImpossible, doctor.ConsentNotNeeded, doctor.ConsentUnknown
	rejecting := func(words string) func(*smallWorld) {
		return func(w *smallWorld) { dead(w); w.says(401, described(words), "") }
	}
	return []sickWorld{
		{name: "healthy", make: connects(nil), verdict: ok, action: "none", consent: possible},
		{name: "no credential", make: with(), verdict: failing, cause: "not_connected", action: "connect", consent: possible, fixes: true},

		// Consent and discovery.
		{name: "metadata for another resource", make: changes(func(w *smallWorld) { w.resource["resource"] = "https://other.example/mcp" }), verdict: failing, cause: "untrusted_metadata", action: "check_server", consent: impossible},
		{name: "another issuer", make: changes(func(w *smallWorld) { w.metadata["issuer"] = "https://other.example" }), verdict: failing, cause: "untrusted_metadata", action: "check_server", consent: impossible},
		{name: "no PKCE", make: changes(func(w *smallWorld) { w.metadata["code_challenge_methods_supported"] = nil }), verdict: failing, cause: "untrusted_metadata", action: "check_server", consent: impossible},
		{name: "no PKCE, accepted by the user", make: then(changes(func(w *smallWorld) { w.metadata["code_challenge_methods_supported"] = nil }), with("--insecure-no-pkce-metadata")), verdict: failing, cause: "not_connected", action: "connect", consent: possible, fixes: true},
		{name: "a sign-in of its own", make: then(changes(func(w *smallWorld) { w.resource, w.challenge = nil, "Bearer" }), with("--insecure-legacy-discovery")), verdict: failing, cause: "not_connected", action: "connect", consent: possible, fixes: true},
		{name: "no authorization endpoint", make: changes(func(w *smallWorld) { w.metadata["authorization_endpoint"] = nil }), verdict: failing, cause: "untrusted_metadata", action: "check_server", consent: impossible},
		{name: "a vendor's issuer", make: changes(func(w *smallWorld) { w.resource["authorization_servers"] = []string{providers.Linear().OAuth.Issuer} }), verdict: failing, cause: "untrusted_metadata", action: "check_server", consent: impossible},
		{name: "DPoP only", make: changes(func(w *smallWorld) { w.challenge = "DPoP" }), verdict: failing, cause: "untrusted_metadata", action: "check_server", consent: impossible},
		{name: "no registration", make: changes(func(w *smallWorld) { w.metadata["registration_endpoint"] = nil }), verdict: failing, cause: "no_registration", action: "fix_config", consent: impossible},
		{name: "closed registration", make: changes(func(w *smallWorld) {
			w.register = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) }
		}), verdict: failing, cause: "no_registration", action: "fix_config", consent: impossible},
		{name: "registration that is gone", make: changes(func(w *smallWorld) { w.register = http.NotFound }), verdict: failing, cause: "no_registration", action: "fix_config", consent: impossible},
		{name: "no registration, with an application", make: then(changes(func(w *smallWorld) { w.metadata["registration_endpoint"] = nil }), with("--client-id", "mine")), verdict: failing, cause: "not_connected", action: "connect", consent: possible, fixes: true},
		{name: "a bare 401", make: changes(func(w *smallWorld) {
			w.resource, w.metadata, w.challenge, w.accepts[worldKey] = nil, nil, "", ""
		}), verdict: failing, cause: "no_metadata", action: "fix_config", consent: impossible, fixes: true, stdin: worldKey},
		{name: "no metadata of the authorization server", make: changes(func(w *smallWorld) { w.metadata, w.accepts[worldKey] = nil, "" }), verdict: failing, cause: "no_metadata", action: "fix_config", consent: impossible, fixes: true, stdin: worldKey},
		{name: "the authorization server is down", make: changes(func(w *smallWorld) { w.resource["authorization_servers"] = []string{"http://127.0.0.1:1"} }), verdict: failing, cause: "not_connected", action: "wait", consent: unclear},
		{name: "an issuer with a slash", make: changes(func(w *smallWorld) { w.resource["authorization_servers"] = []string{w.origin() + "/"} }), verdict: failing, cause: "not_connected", action: "connect", consent: possible, fixes: true},
		{name: "a token that works, and broken metadata", make: connects(func(w *smallWorld) { w.resource["resource"] = "https://other.example/mcp" }), verdict: ok, action: "none", consent: impossible},
		{name: "a new issuer", make: connects(func(w *smallWorld) {
			dead(w)
			w.resource["authorization_servers"] = []string{w.origin() + "/other"}
			w.metadata["issuer"] = w.origin() + "/other"
		}), verdict: failing, cause: "unauthorized", action: "refresh", consent: impossible, fixes: true},

		// The token.
		{name: "expired by the clock", make: func(t *testing.T, w *smallWorld, c *cli) []string {
			t.Helper()
			const pair = `{"access_token":"synthetic-old-0123456789","refresh_token":"synthetic-refresh-0123456789","client_id":"mine","expires_at":"2026-01-01T00:00:00Z"}`
			return stores(pair)(t, w, c)
		}, verdict: failing, cause: "expired", action: "refresh", consent: possible, fixes: true},
		{name: "expired, says the server", make: connects(rejecting("The access token expired")), verdict: failing, cause: "expired", action: "refresh", consent: possible, fixes: true},
		{name: "revoked, says the server", make: connects(rejecting("The token has been revoked")), verdict: failing, cause: "revoked", action: "reconnect", consent: possible, fixes: true},
		{name: "an unknown key", make: then(stores(otherTokens), changes(func(w *smallWorld) { w.says(401, "", `{"error":"Invalid API key"}`) })), verdict: failing, cause: "unauthorized", action: "reconnect", consent: possible, fixes: true},
		{name: "another audience", make: then(stores(otherTokens), changes(func(w *smallWorld) { w.says(401, described("invalid audience"), "") })), verdict: failing, cause: "wrong_audience", action: "reconnect", consent: possible, fixes: true},
		{name: "rejected without a reason", make: then(stores(otherTokens), changes(func(w *smallWorld) { w.says(401, "Bearer", "") })), verdict: failing, cause: "wrong_audience", action: "reconnect", consent: possible, fixes: true},
		{name: "rejected although obtained here", make: connects(func(w *smallWorld) { dead(w); w.says(401, "Bearer", "") }), verdict: failing, cause: "unauthorized", action: "refresh", consent: possible, fixes: true},
		{name: "Unauthorized in a 200", make: connects(func(w *smallWorld) {
			dead(w)
			w.says(200, "", `{"jsonrpc":"2.0","id":2,"error":{"code":-32001,"message":"Unauthorized"}}`)
		}), verdict: failing, cause: "unauthorized", action: "refresh", consent: possible, fixes: true},
		{name: "revoked, and consents are broken", make: connects(func(w *smallWorld) {
			rejecting("The token has been revoked")(w)
			w.metadata["issuer"] = "https://other.example"
		}), verdict: failing, cause: "revoked", action: "check_server", consent: impossible},
		{name: "a scope is missing", make: connects(func(w *smallWorld) {
			w.mcp = func(rw http.ResponseWriter, r *http.Request) bool {
				if scopes, ok := w.scopesOf(r); !ok || strings.Contains(scopes, "notes:read") {
					return false
				}
				rw.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="notes:read"`)
				rw.WriteHeader(http.StatusForbidden)
				return true
			}
		}), verdict: failing, cause: "scope_missing", action: "step_up", consent: possible, fixes: true},
		{name: "a made-up token at an open server", make: then(stores(otherTokens), changes(func(w *smallWorld) { w.open(toolServer("search")) })), verdict: unknown, cause: "lists_for_anyone", action: "none", consent: notNeeded},

		// The server.
		{name: "an open server", make: changes(func(w *smallWorld) { w.open(toolServer("search")) }), verdict: ok, action: "none", consent: notNeeded},
		{name: "an open server with HTTP+SSE", make: changes(func(w *smallWorld) { w.open(sseServer(nil)) }), verdict: ok, action: "none", consent: notNeeded, says: "older HTTP+SSE transport"},
		{name: "HTTP+SSE with a token", make: connects(func(w *smallWorld) {
			inner := sseServer(func(r *http.Request) bool { _, ok := w.scopesOf(r); return ok })
			w.mcp = func(rw http.ResponseWriter, r *http.Request) bool { inner.ServeHTTP(rw, r); return true }
		}), verdict: ok, action: "none", consent: possible, says: "older HTTP+SSE transport"},
		{name: "400 to newer versions", make: connects(func(w *smallWorld) { w.mcp = rejectsNewer }), verdict: ok, action: "none", consent: possible},
		{name: "an unknown version", make: changes(func(w *smallWorld) { w.open(initializeOnly("2023-11-01")) }), verdict: failing, cause: "wrong_endpoint", action: "check_server", consent: impossible, says: "2023-11-01"},
		{name: "a bare 403", make: connects(func(w *smallWorld) { dead(w); w.says(403, "", "") }), verdict: unknown, cause: "address_blocked", action: "check_server", consent: possible},
		{name: "429", make: connects(func(w *smallWorld) { w.always(429, "text/plain", "slow down") }), verdict: failing, cause: "rate_limited", action: "wait", consent: possible},
		{name: "500", make: connects(func(w *smallWorld) { w.always(500, "text/plain", "oops") }), verdict: failing, cause: "server_error", action: "wait", consent: possible},
		{name: "HTML", make: connects(func(w *smallWorld) { w.always(200, "text/html", "<html>sign in</html>") }), verdict: unknown, cause: "wrong_endpoint", action: "fix_config", consent: possible},
		{name: "404", make: connects(func(w *smallWorld) { w.always(404, "text/plain", "no") }), verdict: failing, cause: "wrong_endpoint", action: "fix_config", consent: possible},
		{name: "a list error", make: connects(func(w *smallWorld) { w.says200("database down") }), verdict: unknown, cause: "wrong_endpoint", action: "fix_config", consent: possible},
		{name: "a redirect to another host", make: connects(func(w *smallWorld) { w.always(307, "text/plain", "", "Location", "https://elsewhere.example/mcp") }), verdict: failing, cause: "wrong_endpoint", action: "fix_config", consent: possible},
		{name: "a new path", make: changes(func(w *smallWorld) {
			w.resource["resource"] = w.origin() + "/new/mcp"
			w.mcp = func(rw http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/mcp" {
					return false
				}
				http.Redirect(rw, r, "/new/mcp", http.StatusPermanentRedirect)
				return true
			}
		}), verdict: failing, cause: "wrong_endpoint", action: "fix_config", consent: impossible, fixes: true},
		{name: "no tools", make: connects(func(w *smallWorld) { w.tools = toolServer() }), verdict: failing, cause: "no_tools", action: "check_server", consent: possible},
		{name: "a long tool name", make: connects(func(w *smallWorld) { w.tools = toolServer("search", strings.Repeat("n", 65)) }), verdict: failing, cause: "tool_limits", action: "fix_config", consent: possible},
		{name: "loopback without the flag", bare: true, make: connects(nil), verdict: failing, cause: "private_address", action: "fix_config", consent: impossible, fixes: true},
		{name: "connection refused", make: changes(func(w *smallWorld) { w.url = "http://127.0.0.1:1/mcp" }), verdict: failing, cause: "unreachable", action: "check_server", consent: unclear, says: "connection refused"},
		{name: "connection reset", make: changes(func(w *smallWorld) {
			w.mcp = func(rw http.ResponseWriter, _ *http.Request) bool {
				if conn, _, err := http.NewResponseController(rw).Hijack(); err == nil {
					_ = conn.Close()
				}
				return true
			}
		}), verdict: failing, cause: "unreachable", action: "check_server", consent: unclear, says: "connection reset"},
		{name: "an untrusted certificate", make: func(t *testing.T, w *smallWorld, _ *cli) []string {
			t.Helper()
			srv := httptest.NewUnstartedServer(w)
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.StartTLS()
			t.Cleanup(srv.Close)
			w.url = srv.URL + "/mcp"
			return nil
		}, verdict: failing, cause: "unreachable", action: "check_server", consent: unclear, says: "unknown authority"},
	}
}

// says200 responds to requests with a token with a JSON-RPC error.
func (s *smallWorld) says200(message string) {
	dead(s)
	s.says(200, "", fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":%q}}`, message))
}

// sseServer serves MCP over HTTP+SSE only, to requests that accept takes; nil
// takes all.
func sseServer(accept func(*http.Request) bool) http.Handler {
	m := server.NewMCPServer("old", "1")
	m.AddTool(mcp.NewTool("search"), nil)
	inner := server.NewSSEServer(m, server.WithSSEEndpoint("/mcp"), server.WithMessageEndpoint("/mcp/message"))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && r.URL.Path == "/mcp":
			w.WriteHeader(http.StatusMethodNotAllowed)
		case accept != nil && !accept(r):
			w.WriteHeader(http.StatusUnauthorized)
		default:
			inner.ServeHTTP(w, r)
		}
	})
}

// follow runs a command without a browser and goes where it sends its user.
func (c *cli) follow(t *testing.T, args []string) (code int, out string) {
	t.Helper()
	if args[0] == "connect" {
		args = append(slices.Clone(args), "--no-browser")
	}
	r, w := io.Pipe()
	ended := make(chan int, 1)
	var errOut, all bytes.Buffer
	go func() {
		ended <- run(t.Context(), append(args, "--json"), strings.NewReader(c.stdin), w, &errOut, c.env)
		_ = w.Close()
	}()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		var event authorizeEvent
		if json.Unmarshal(lines.Bytes(), &event) == nil && event.Event == "authorize" {
			browse(t, browse(t, event.URL))
		}
	}
	code = <-ended
	return code, all.String() + errOut.String()
}

// copied returns a command with a copy of the store.
func (c *cli) copied(t *testing.T) *cli {
	t.Helper()
	other := newFileCLI(t)
	require.NoError(t, os.CopyFS(other.home(), os.DirFS(c.home())))
	return other
}

func (c *cli) home() string { return strings.TrimPrefix(c.env[0], "HOME=") }

// newFileCLI returns a command whose store is a folder of files in its home.
func newFileCLI(t *testing.T) *cli {
	t.Helper()
	home := t.TempDir()
	return &cli{env: []string{
		"HOME=" + home, "USER=tester", "TOOLGRANT_STORE=file:" + filepath.Join(home, "store"), "TOOLGRANT_KEYSET=" + filepath.Join(home, "keyset.json"),
	}}
}

// A diagnosed is the JSON of doctor.
type diagnosed struct {
	Verdict       string              `json:"verdict"`
	Cause         *string             `json:"cause"`
	Action        string              `json:"action"`
	Consent       string              `json:"consent"`
	ConsentReason *string             `json:"consent_reason"`
	Hypotheses    []doctor.Hypothesis `json:"hypotheses"`
	Steps         []doctor.Step       `json:"steps"`
	Advice        []string            `json:"advice"`
	Commands      []string            `json:"commands"`
}

func (c *cli) diagnose(t *testing.T, args ...string) (d diagnosed, raw string) {
	t.Helper()
	got := c.run(t.Context(), append(append([]string{"doctor"}, args...), "--json")...)
	require.NoError(t, json.Unmarshal([]byte(got.out), &d), "%s%s", got.out, got.errOut)
	return d, got.out
}

// honest are the words of advice without a command that fixes the cause.
var honest = []string{
	"no command", "No command", "by itself", "has to be fixed", "Wait", "OpenAI",
}

func TestDoctorsAdviceFixesOrSaysThatItCannot(t *testing.T) {
	t.Parallel()
	worlds := sickWorlds()
	require.GreaterOrEqual(t, len(worlds), 35)
	for _, world := range worlds {
		t.Run(world.name, func(t *testing.T) {
			t.Parallel()
			w, c := newWorld(t), newFileCLI(t)
			flags := world.make(t, w, c)
			if !world.bare {
				flags = append(flags, "--allow-loopback")
			}
			name := "notes=" + w.url
			d, raw := c.diagnose(t, append([]string{name}, flags...)...)
			cause := ""
			if d.Cause != nil {
				cause = *d.Cause
			}
			assert.Equal(t, []string{world.verdict, world.cause, world.action, world.consent}, []string{d.Verdict, cause, d.Action, d.Consent}, raw)
			assert.Contains(t, raw, world.says)
			for _, s := range d.Steps {
				assert.Regexp(t, `[^?.:][.?]$`, s.Detail)
			}
			for _, sentence := range d.Advice {
				assert.NotRegexp(t, `[:?]\.?$`, sentence)
			}
			assert.Equal(t, d.Consent == doctor.ConsentPossible, d.ConsentReason == nil)
			if world.cause != "" {
				assert.Equal(t, world.cause, firstOf(d), raw)
			}
			if d.Consent == doctor.ConsentImpossible {
				assert.NotContains(t, []string{"connect", "reconnect", "step_up"}, d.Action)
			}

			// A consent can begin exactly if connect gets there.
			twin := c.copied(t)
			_, out := twin.follow(t, append([]string{"connect", name}, flags...))
			assert.Equal(t, d.Consent == doctor.ConsentPossible, strings.Contains(out, `"event":"authorize"`), "%s\n%s", raw, out)

			c.stdin = world.stdin
			for _, line := range d.Commands {
				words := strings.Fields(line)
				require.Equal(t, "toolgrant", words[0])
				code, out := c.follow(t, words[1:])
				if world.fixes && words[1] != "doctor" {
					assert.Equal(t, exitDone, code, "%s: %s", line, out)
				}
			}
			again, raw := c.diagnose(t, "notes", "--allow-loopback")
			switch {
			case world.verdict == doctor.VerdictOK:
				assert.Empty(t, d.Commands)
			case world.fixes:
				assert.NotEmpty(t, d.Commands)
				assert.Equal(t, doctor.VerdictOK, again.Verdict, raw)
			default:
				assert.True(t, slices.ContainsFunc(honest, func(words string) bool { return strings.Contains(strings.Join(d.Advice, " "), words) }), "%q", d.Advice)
			}
		})
	}
}

// firstOf returns the first hypothesis that is as certain as the cause.
func firstOf(d diagnosed) string {
	if d.Cause == nil {
		return ""
	}
	i := slices.IndexFunc(d.Hypotheses, func(h doctor.Hypothesis) bool { return h.ID == *d.Cause })
	j := slices.IndexFunc(d.Hypotheses, func(h doctor.Hypothesis) bool { return h.Verdict == d.Hypotheses[max(i, 0)].Verdict })
	return d.Hypotheses[j].ID
}

func TestDoctorShowsFiveReasonsAtMost(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), newFileCLI(t)
	stores(otherTokens)(t, w, c)
	reasons := func(more ...string) int {
		got := c.run(t.Context(), append([]string{"doctor", "notes", "--allow-loopback"}, more...)...)
		_, why, _ := strings.Cut(got.out, "\nWhy\n")
		why, _, _ = strings.Cut(why, "\n\n")
		return strings.Count(why, "\n") + 1
	}
	assert.LessOrEqual(t, reasons(), 5)
	assert.Greater(t, reasons("-v"), 15)
}
