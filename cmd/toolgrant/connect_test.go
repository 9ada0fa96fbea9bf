package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// A consenting is a connect that waits for its user.
type consenting struct {
	issuer string   // that it prints first; "" if it prints none
	url    *url.URL // where it sends the user
	stdin  io.WriteCloser
	out    *bufio.Reader
	errOut output
	code   chan int
}

// An output is a buffer that can be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// beginConnect runs connect until it says where the user consents.
func (c *cli) beginConnect(t *testing.T, args ...string) *consenting {
	t.Helper()
	stdin, in := io.Pipe()
	r, w := io.Pipe()
	p := &consenting{stdin: in, out: bufio.NewReader(r), code: make(chan int, 1)}
	t.Cleanup(func() { _ = in.Close() })
	go func() {
		p.code <- run(t.Context(), append([]string{"connect", "--json", "--allow-loopback"}, args...), stdin, w, &p.errOut, c.env)
		_ = w.Close()
	}()
	first := p.event(t)
	if first.Event == "issuer" {
		p.issuer = first.URL
		first = p.event(t)
	}
	require.Equal(t, "authorize", first.Event)
	var err error
	p.url, err = url.Parse(first.URL)
	require.NoError(t, err)
	return p
}

// event reads one line.
func (p *consenting) event(t *testing.T) authorizeEvent {
	t.Helper()
	line, err := p.out.ReadString('\n')
	require.NoError(t, err)
	var event authorizeEvent
	require.NoError(t, json.Unmarshal([]byte(line), &event), line)
	return event
}

// browse goes to a URL and returns where that leads.
func browse(t *testing.T, target string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.Header.Get("Location")
}

// end waits for the command and returns its exit code and what came after the
// first line.
func (p *consenting) end(t *testing.T) (int, string) {
	t.Helper()
	rest, err := io.ReadAll(p.out)
	require.NoError(t, err)
	return <-p.code, string(rest)
}

// consent runs connect and goes where it says, as a browser does.
func (c *cli) consent(t *testing.T, args ...string) (int, string) {
	t.Helper()
	p := c.beginConnect(t, append([]string{"--no-browser"}, args...)...)
	browse(t, browse(t, p.url.String()))
	return p.end(t)
}

func TestConnectGetsACredentialFromDiscoveryToVerified(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	name := "notes=" + world.Server("notes").MCPURL
	code, rest := c.consent(t, name)
	require.Equal(t, exitDone, code, rest)
	assert.Equal(t, 1, strings.Count(rest, "\n"), "one line each")
	var connected map[string]any
	require.NoError(t, json.Unmarshal([]byte(rest), &connected))
	assert.Equal(t, "connected", connected["event"])
	assert.Equal(t, "notes", connected["provider"])
	assert.Equal(t, "active", connected["state"])
	assert.NotNil(t, connected["verified_at"])

	var entry map[string]any
	c.ok(t, &entry, "entry", "notes", "--allow-loopback", "--reveal")
	assert.True(t, world.Active(entry["authorization"].(string)))

	// Again, under the label alone: a new grant of the same registration.
	code, rest = c.consent(t, "notes")
	require.Equal(t, exitDone, code, rest)
	assert.Equal(t, 2, world.Count("auth", "authorization_code"))
}

func TestConnectUsesARegisteredApplication(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	s := world.Server("tasks")
	code, rest := c.consent(t, "tasks="+s.MCPURL, "--client-id", s.ClientID, "--client-secret-file", tokenFile(t, s.ClientSecret+"\n"))
	require.Equal(t, exitDone, code, rest)
	assert.Contains(t, rest, `"client_id":"`+s.ClientID+`"`)
	assert.NotContains(t, rest, s.ClientSecret)
}

func TestConnectSaysWhyThereIsNoCredential(t *testing.T) {
	t.Parallel()
	world := startLab(t, &lab.Options{Faults: []string{"auth:deny"}})
	c := newCLI(t)
	name := "notes=" + world.Server("notes").MCPURL
	code, rest := c.consent(t, name)
	assert.Equal(t, exitReconnect, code)
	assert.Contains(t, rest, `{"error":{"kind":"access_denied",`)
	world.Clear()

	late := c.fails(t, exitFailed, "connect", name, "--no-browser", "--allow-loopback", "--timeout", "10ms")
	assert.EqualValues(t, kindCallbackTimeout, late.Kind)
	assert.Equal(t, mcptools.ActionConnect, late.Action)

	require.NoError(t, world.Fault("auth:wrong_issuer"))
	assert.EqualValues(t, kindUntrustedMetadata, c.fails(t, exitConfig, "connect", name, "--no-browser", "--allow-loopback").Kind)
	world.Clear()

	require.NoError(t, world.Fault("auth:no_registration"))
	assert.Equal(t, mcptools.KindMisconfigured, c.fails(t, exitConfig, "connect", name, "--no-browser", "--allow-loopback").Kind)
	world.Clear()

	assert.EqualValues(t, kindUsage, c.fails(t, exitUsage, "connect", "nonsense").Kind)
	assert.EqualValues(t, kindUsage, c.fails(t, exitUsage, "connect", name, "--timeout", "0s").Kind)
	assert.EqualValues(t, kindUsage, c.fails(t, exitUsage, "connect", name, "--client-credentials", "--allow-loopback").Kind)
	assert.Equal(t, mcptools.KindMisconfigured, c.fails(t, exitConfig, "connect", name).Kind, "loopback is for tests")
	assert.Equal(t, mcptools.KindNotConnected, c.fails(t, exitReconnect, "status", name).Kind)
}

func TestConnectOpensTheBrowser(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("xdg-open is Linux's")
	}
	world := startLab(t, nil)
	c := newCLI(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "opened")
	script := "#!/bin/sh\nprintf '%s' \"$1\" >" + file + ".new && mv " + file + ".new " + file + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	p := c.beginConnect(t, "notes="+world.Server("notes").MCPURL)
	require.Eventually(t, func() bool { _, err := os.Stat(file); return err == nil }, 30*time.Second, time.Millisecond)
	opened, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, p.url.String(), string(opened), "to the byte, and through no shell")
	browse(t, browse(t, string(opened)))
	code, rest := p.end(t)
	assert.Equal(t, exitDone, code, rest)
}

func TestConnectTakesAPastedURLWhereItCannotListen(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	p := c.beginConnect(t, "notes="+world.Server("notes").MCPURL, "--no-browser", "--redirect-url", "https://app.example.com/callback")
	assert.Equal(t, "https://app.example.com/callback", p.url.Query().Get("redirect_uri"))
	back := browse(t, p.url.String())
	require.True(t, strings.HasPrefix(back, "https://app.example.com/callback?"), back)
	_, err := io.WriteString(p.stdin, "what?\nhttps://app.example.com/callback?code=x&state=made-up\n"+back+"\n")
	require.NoError(t, err)
	code, rest := p.end(t)
	require.Equal(t, exitDone, code, rest)
	assert.Contains(t, rest, `{"event":"connected",`)
	assert.Contains(t, p.errOut.String(), "paste the URL")
	assert.NotContains(t, rest+p.errOut.String(), "code=")
}

func TestConnectListensAtTheRedirectURLThatIsRegistered(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	p := c.beginConnect(t, "notes="+world.Server("notes").MCPURL, "--no-browser", "--redirect-url", "http://localhost/signed/in")
	redirect, err := url.Parse(p.url.Query().Get("redirect_uri"))
	require.NoError(t, err)
	assert.Equal(t, "localhost", redirect.Hostname())
	assert.NotEmpty(t, redirect.Port(), "a free one")
	assert.Equal(t, "/signed/in", redirect.Path)
	browse(t, browse(t, p.url.String()))
	code, rest := p.end(t)
	assert.Equal(t, exitDone, code, rest)

	for _, bad := range []string{"http://app.example.com/callback", "nonsense", "https://app.example.com/#x"} {
		f := c.fails(t, exitConfig, "connect", "notes", "--no-browser", "--allow-loopback", "--redirect-url", bad)
		assert.Equal(t, mcptools.KindMisconfigured, f.Kind, bad)
	}
}

func TestConnectAsksForTheGivenScopes(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	name := "notes=" + world.Server("notes").MCPURL
	code, rest := c.consent(t, name, "--scope", "mcp:read")
	require.Equal(t, exitDone, code, rest)
	assert.Contains(t, rest, `"scopes":["mcp:read"]`)
	code, rest = c.consent(t, name, "--scope", "mcp:read", "--scope", "mcp:write")
	require.Equal(t, exitDone, code, rest)
	assert.Contains(t, rest, `"scopes":["mcp:read","mcp:write"]`)
	code, rest = c.consent(t, name, "--scope", "mcp:nonsense")
	assert.Equal(t, exitConfig, code, rest)
	assert.Contains(t, rest, `"kind":"misconfigured"`)
}

func TestConnectIsKnownByItsDocument(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	document := world.ClientDocument()
	code, rest := c.consent(t, "notes="+world.Server("notes").MCPURL, "--client-metadata-url", document)
	require.Equal(t, exitDone, code, rest)
	assert.Contains(t, rest, `"client_id":"`+document+`"`)
	for _, r := range world.Requests() {
		assert.NotContains(t, r.Path, "register")
	}
	f := c.fails(t, exitConfig, "connect", "linear", "--client-metadata-url", document)
	assert.Equal(t, mcptools.KindMisconfigured, f.Kind, "loopback is for tests")
}

func TestConnectGetsATokenForTheApplicationItself(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	s := world.Server("tasks")
	args := []string{"connect", "tasks=" + s.MCPURL, "--allow-loopback", "--client-credentials", "--client-id", s.ClientID}
	f := c.fails(t, exitConfig, append(args, "--client-secret-file", tokenFile(t, "made-up-secret"))...)
	assert.Equal(t, mcptools.KindMisconfigured, f.Kind)
	f = c.fails(t, exitUsage, args...)
	assert.EqualValues(t, kindUsage, f.Kind, "without its secret")
	f = c.fails(t, exitUsage, append(args, "--client-secret-file", filepath.Join(t.TempDir(), "none"))...)
	assert.EqualValues(t, kindUsage, f.Kind)
	c.fails(t, exitReconnect, "status", "tasks")

	done := c.run(t.Context(), append(args, "--json", "--client-secret-file", tokenFile(t, s.ClientSecret+"\n"))...)
	require.Equal(t, exitDone, done.code, done.out)
	first, last, _ := strings.Cut(done.out, "\n")
	assert.JSONEq(t, `{"event":"issuer","url":"`+s.Issuer+`"}`, first)
	var connected map[string]any
	require.NoError(t, json.Unmarshal([]byte(last), &connected))
	assert.Equal(t, "connected", connected["event"])
	assert.Equal(t, "active", connected["state"])
	assert.NotNil(t, connected["verified_at"])

	var token tokenView
	c.ok(t, &token, "token", "tasks", "--allow-loopback", "--reveal")
	assert.True(t, world.Active(token.AccessToken))
	assert.Equal(t, 2, world.Count("appauth", "client_credentials"))
}
