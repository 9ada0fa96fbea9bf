package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConnectTakesAPastedURLWhileItListens(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	p := c.beginConnect(t, "notes="+world.Server("notes").MCPURL, "--no-browser")
	back := browse(t, p.url.String())
	require.True(t, strings.HasPrefix(back, "http://127.0.0.1:"), back)
	_, err := io.WriteString(p.stdin, "\nwhat?\n"+back+"\n")
	require.NoError(t, err)
	code, rest := p.end(t)
	require.Equal(t, exitDone, code, rest)
	assert.Contains(t, rest, `{"event":"connected",`)
	assert.Contains(t, p.errOut.String(), "Waiting for the browser. If it can't reach this machine at the end, paste the URL that it shows and press Enter.\n")
	assert.Equal(t, 1, strings.Count(p.errOut.String(), "That is not the URL at the end of this consent"), "an empty line is ignored")
	assert.NotContains(t, p.errOut.String(), "browser could be opened")
}

func TestConnectSaysWhenNoBrowserOpens(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("xdg-open is Linux's")
	}
	world := startLab(t, nil)
	for name, script := range map[string]string{"there is none": "", "it fails": "#!/bin/sh\nexit 3\n"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if script != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700))
			}
			t.Setenv("PATH", dir)
			c := newCLI(t)
			c.env = append(c.env, "SSH_CONNECTION=10.0.0.1 2 10.0.0.2 22", "DISPLAY=:0")
			p := c.beginConnect(t, "notes="+world.Server("notes").MCPURL)
			notes := &p.errOut
			require.Eventually(t, func() bool {
				return strings.Contains(notes.String(), "No browser could be opened: open the URL yourself.\n")
			}, 30*time.Second, time.Millisecond)
			browse(t, browse(t, p.url.String()))
			code, rest := p.end(t)
			assert.Equal(t, exitDone, code, rest)
		})
	}
}

func TestConnectOpensNoBrowserOverSSH(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	c.env = append(c.env, "SSH_CONNECTION=10.0.0.1 2 10.0.0.2 22")
	p := c.beginConnect(t, "notes="+world.Server("notes").MCPURL)
	_, err := io.WriteString(p.stdin, browse(t, p.url.String())+"\n")
	require.NoError(t, err)
	code, rest := p.end(t)
	require.Equal(t, exitDone, code, rest)
	assert.Contains(t, p.errOut.String(), "This is an SSH session without a display")
	assert.Contains(t, p.errOut.String(), "copy the URL that it shows then, paste it here")
	assert.NotContains(t, p.errOut.String(), "No browser could be opened")
}

// deviceWorld starts an MCP server with an authorization server that supports the
// device flow. The returned function is the user's consent on the device.
func deviceWorld(t *testing.T) (serverURL string, consent func()) {
	t.Helper()
	var base string
	var consented atomic.Bool
	answer := func(w http.ResponseWriter, status int, body map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		data, err := json.Marshal(body)
		assert.NoError(t, err)
		_, _ = w.Write(data)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /mcp", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer made-up-access" {
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+base+`/.well-known/oauth-protected-resource/mcp"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var m struct {
			ID     any    `json:"id"`
			Method string `json:"method"`
		}
		_ = json.NewDecoder(r.Body).Decode(&m)
		results := map[string]any{
			"initialize": map[string]any{"protocolVersion": "2025-06-18", "capabilities": map[string]any{"tools": map[string]any{}}, "serverInfo": map[string]any{"name": "x", "version": "1"}},
			"tools/list": map[string]any{"tools": []any{map[string]any{"name": "search", "inputSchema": map[string]any{"type": "object"}}}},
		}
		switch result, ok := results[m.Method]; {
		case m.ID == nil:
			w.WriteHeader(http.StatusAccepted)
		case ok:
			answer(w, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result})
		default:
			answer(w, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": m.ID, "error": map[string]any{"code": -32601, "message": "no"}})
		}
	})
	mux.HandleFunc("GET /.well-known/oauth-protected-resource/mcp", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"resource": base + "/mcp", "authorization_servers": []string{base}})
	})
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{
			"issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token", "registration_endpoint": base + "/register",
			"device_authorization_endpoint": base + "/device", "code_challenge_methods_supported": []string{"S256"}, "response_types_supported": []string{"code"},
			"token_endpoint_auth_methods_supported": []string{"none"},
		})
	})
	mux.HandleFunc("POST /register", func(w http.ResponseWriter, r *http.Request) {
		var asked map[string]any
		_ = json.NewDecoder(r.Body).Decode(&asked)
		asked["client_id"] = "made-up-client"
		answer(w, http.StatusCreated, asked)
	})
	mux.HandleFunc("POST /device", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"device_code": "made-up-device", "user_code": "ABCD-EFGH", "verification_uri": base + "/activate", "expires_in": 600, "interval": 1})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if !consented.Load() || r.PostFormValue("device_code") != "made-up-device" {
			answer(w, http.StatusBadRequest, map[string]any{"error": "authorization_pending"})
			return
		}
		answer(w, http.StatusOK, map[string]any{"access_token": "made-up-access", "token_type": "Bearer", "expires_in": 3600})
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	base = srv.URL
	return base + "/mcp", func() { consented.Store(true) }
}

func TestConnectTakesAConsentOnAnotherDevice(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"--device", "ssh"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			server, consent := deviceWorld(t)
			c := newCLI(t)
			args := []string{"wiki=" + server, "--no-browser"}
			if how == "ssh" {
				c.env = append(c.env, "SSH_TTY=/dev/pts/1")
			} else {
				args = append(args, how)
			}
			p := c.beginConnect(t, args...)
			line, err := p.out.ReadString('\n')
			require.NoError(t, err)
			assert.JSONEq(t, fmt.Sprintf(`{"event":"device","url":%q,"user_code":"ABCD-EFGH","complete_url":null}`, strings.TrimSuffix(server, "/mcp")+"/activate"), line)
			consent()
			code, rest := p.end(t)
			require.Equal(t, exitDone, code, rest)
			assert.Contains(t, rest, `"event":"connected"`)
			assert.NotContains(t, rest+p.errOut.String(), "made-up-access")
		})
	}
}

func TestConnectRefusesDeviceWhereTheServerDoesNotSupportIt(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	got := c.run(t.Context(), "connect", "notes="+world.Server("notes").MCPURL, "--allow-loopback", "--no-browser", "--device", "--timeout", "5s", "--json")
	assert.Equal(t, exitConfig, got.code, got.out)
	assert.Contains(t, got.out, `"kind":"unsupported"`)
}
