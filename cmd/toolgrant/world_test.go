package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// A smallWorld is an MCP server and its authorization server at one origin. Its
// user consents at once. A test makes it sick with the functions and maps.
type smallWorld struct {
	url string // of the MCP server

	mu        sync.Mutex
	resource  map[string]any    // protected-resource metadata; nil: none
	metadata  map[string]any    // of the authorization server; nil: none
	challenge string            // WWW-Authenticate of a 401; "": none
	accepts   map[string]string // access token → its scopes
	tools     http.Handler
	register  http.HandlerFunc                                  // nil: registers anyone
	mcp       func(w http.ResponseWriter, r *http.Request) bool // may respond first
	codes     map[string]string                                 // code → scope
	serial    int
}

// newWorld starts a healthy world.
func newWorld(t *testing.T) *smallWorld {
	t.Helper()
	s := &smallWorld{accepts: map[string]string{}, codes: map[string]string{}, tools: toolServer("search")}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.url = srv.URL + "/mcp"
	s.resource = map[string]any{"resource": s.url, "authorization_servers": []string{srv.URL}}
	s.metadata = map[string]any{
		"issuer": srv.URL, "authorization_endpoint": srv.URL + "/authorize", "token_endpoint": srv.URL + "/token",
		"registration_endpoint": srv.URL + "/register", "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"},
	}
	s.challenge = `Bearer resource_metadata="` + srv.URL + `/.well-known/oauth-protected-resource/mcp"`
	return s
}

func toolServer(names ...string) http.Handler {
	s := server.NewMCPServer("world", "1", server.WithToolCapabilities(true))
	for _, name := range names {
		s.AddTool(mcp.NewTool(name), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return nil, errors.New("a diagnosis calls no tool")
		})
	}
	return server.NewStreamableHTTPServer(s, server.WithStateLess(true))
}

func (s *smallWorld) origin() string { return strings.TrimSuffix(s.url, "/mcp") }

// ServeHTTP implements [http.Handler].
func (s *smallWorld) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/mcp") || r.URL.Path == "/new/mcp" {
		s.serveMCP(w, r) // may stream
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/oauth-protected-resource/mcp":
		serveDocument(w, s.resource)
	case "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/other":
		serveDocument(w, s.metadata)
	case "/register":
		if s.register != nil {
			s.register(w, r)
			return
		}
		s.registers(w, r)
	case "/authorize":
		s.serial++
		code := fmt.Sprintf("synthetic-code-%d", s.serial)
		q := r.URL.Query()
		s.codes[code] = q.Get("scope")
		back := url.Values{"code": {code}, "state": {q.Get("state")}}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	case "/token":
		s.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

func serveDocument(w http.ResponseWriter, document map[string]any) {
	if document == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	writeDocument(w, http.StatusOK, document)
}

func writeDocument(w http.ResponseWriter, status int, document map[string]any) {
	document = maps.Clone(document)
	maps.DeleteFunc(document, func(_ string, v any) bool { return v == nil })
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) //nolint:errchkjson // a test's own values
}

func (s *smallWorld) registers(w http.ResponseWriter, r *http.Request) {
	var client map[string]any
	if json.NewDecoder(r.Body).Decode(&client) != nil {
		writeDocument(w, http.StatusBadRequest, map[string]any{"error": "invalid_client_metadata"})
		return
	}
	client["client_id"] = "synthetic-client"
	writeDocument(w, http.StatusCreated, client)
}

func (s *smallWorld) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	scope, ok := s.codes[r.PostForm.Get("code")]
	if !ok && r.PostForm.Get("refresh_token") == "" {
		writeDocument(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	s.serial++
	token := fmt.Sprintf("synthetic-access-%d-0123456789", s.serial)
	s.accepts[token] = scope
	writeDocument(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": 3600, "refresh_token": token + "-refresh", "scope": scope,
	})
}

func (s *smallWorld) serveMCP(w http.ResponseWriter, r *http.Request) {
	if s.mcp != nil && s.mcp(w, r) {
		return
	}
	if _, ok := s.scopesOf(r); !ok {
		s.reject(w)
		return
	}
	s.tools.ServeHTTP(w, r)
}

// scopesOf returns the scopes of a request's token; ok is false if the world does
// not accept it.
func (s *smallWorld) scopesOf(r *http.Request) (scopes string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scopes, ok = s.accepts[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	return scopes, ok
}

// reject responds with the world's 401.
func (s *smallWorld) reject(w http.ResponseWriter) {
	if s.challenge != "" {
		w.Header().Set("WWW-Authenticate", s.challenge)
	}
	w.WriteHeader(http.StatusUnauthorized)
}

// says rejects requests with a token that the world does not accept, with the
// words of the server.
func (s *smallWorld) says(status int, challenge, body string) {
	s.mcp = func(w http.ResponseWriter, r *http.Request) bool {
		if _, ok := s.scopesOf(r); ok || r.Header.Get("Authorization") == "" {
			return false
		}
		if challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// always responds to every request in the same way.
func (s *smallWorld) always(status int, mediaType, body string, header ...string) {
	s.mcp = func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// open makes the MCP server serve h for anyone.
func (s *smallWorld) open(h http.Handler) {
	s.mcp = func(w http.ResponseWriter, r *http.Request) bool {
		h.ServeHTTP(w, r)
		return true
	}
	s.resource, s.metadata = nil, nil
}

// rejectsNewer responds with 400 to protocol versions after 2025-06-18.
func rejectsNewer(w http.ResponseWriter, r *http.Request) bool {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		if strings.Contains(string(body), version) || r.Header.Get("Mcp-Protocol-Version") == version {
			w.WriteHeader(http.StatusBadRequest)
			return true
		}
	}
	return false
}

// initializeOnly answers initialize with a version of the protocol, and nothing
// else.
func initializeOnly(version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call struct {
			ID     any    `json:"id"`
			Method string `json:"method"`
		}
		_ = json.NewDecoder(r.Body).Decode(&call)
		if call.Method != "initialize" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		writeDocument(w, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": call.ID, "result": map[string]any{
			"protocolVersion": version, "capabilities": map[string]any{}, "serverInfo": map[string]string{"name": "old", "version": "1"},
		}})
	})
}
