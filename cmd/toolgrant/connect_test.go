package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// consent runs connect and goes where it says, as a browser does. It returns
// the exit code and what came after the first line.
func (c *cli) consent(t *testing.T, args ...string) (int, string) {
	t.Helper()
	r, w := io.Pipe()
	var errOut bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(t.Context(), append([]string{"connect", "--json", "--no-browser", "--allow-loopback"}, args...), strings.NewReader(c.stdin), w, &errOut, c.env)
		_ = w.Close()
	}()
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	require.NoError(t, err)
	var event authorizeEvent
	require.NoError(t, json.Unmarshal([]byte(line), &event), line)
	require.Equal(t, "authorize", event.Event, line)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, event.URL, nil)
	require.NoError(t, err)
	resp, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(req)
	require.NoError(t, err)
	_ = resp.Body.Close()
	back, err := http.NewRequestWithContext(t.Context(), http.MethodGet, resp.Header.Get("Location"), nil)
	require.NoError(t, err)
	page, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(back)
	require.NoError(t, err)
	_ = page.Body.Close()
	rest, err := io.ReadAll(out)
	require.NoError(t, err)
	return <-code, string(rest)
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
