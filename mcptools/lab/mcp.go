package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// An mcpServer is one MCP server. It accepts only bearer tokens whose audience
// is this server.
type mcpServer struct {
	Server
	w        *World
	as       *authServer
	url      string // over streamable HTTP
	sseURL   string // over HTTP+SSE
	restURL  string
	checkURL string

	full, empty, changed *server.StreamableHTTPServer // with its tools, without any, and with changed ones
	sse                  *server.SSEServer
}

func newMCPServer(w *World, s Server) *mcpServer {
	base := w.base + "/" + s.Name
	m := &mcpServer{
		Server: s, w: w, as: w.auth,
		url: base + "/mcp", sseURL: base + "/sse", restURL: base + "/api/1.0/users/me", checkURL: base + "/userinfo",
	}
	if s.Confidential {
		m.as = w.appAuth
	}
	if m.Tools == nil {
		m.Tools = defaultTools(s.Name)
	}
	opts := []server.StreamableHTTPOption{server.WithStreamableHTTPLogger(quiet)}
	if !s.Legacy {
		opts = append(opts, server.WithStateLess(true))
	} else {
		opts = append(opts, server.WithStateful(true), server.WithStreamableHTTPProtocolVersions(mcp.LATEST_LEGACY_PROTOCOL_VERSION, mcp.ProtocolVersion20250618))
	}
	full := m.withTools(m.Tools)
	m.full = server.NewStreamableHTTPServer(full, opts...)
	m.empty = server.NewStreamableHTTPServer(m.withTools(nil), opts...)
	m.changed = server.NewStreamableHTTPServer(m.withTools(changedTools(m.Tools)), opts...)
	m.sse = server.NewSSEServer(full, server.WithBaseURL(w.base), server.WithStaticBasePath("/"+s.Name))
	return m
}

var quiet = slog.New(slog.DiscardHandler)

// withTools returns mcp-go's server with those tools.
func (m *mcpServer) withTools(tools []Tool) *server.MCPServer {
	s := server.NewMCPServer("lab-"+m.Name, "1", server.WithToolCapabilities(false), server.WithRecovery())
	for _, t := range tools {
		s.AddTool(t.definition(), t.call)
	}
	return s
}

func (t Tool) definition() mcp.Tool {
	schema := t.Schema
	if schema == nil {
		schema = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	def := mcp.NewToolWithRawSchema(t.Name, t.Description, schema)
	if !t.Bare {
		def.Annotations.ReadOnlyHint = new(t.ReadOnly)
	}
	return def
}

func (t Tool) call(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	text, err := t.Handle(ctx, req.GetArguments())
	if err != nil {
		return mcp.NewToolResultError(err.Error()), nil
	}
	return mcp.NewToolResultText(text), nil
}

func (m *mcpServer) routes(mux *http.ServeMux) {
	path := "/" + m.Name
	handle := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, m.w.part(m.Name, h)) }
	streamable := func(rw http.ResponseWriter, r *http.Request) {
		h := m.full
		if m.w.faults.strikes(m.Name, "no_tools") {
			h = m.empty
		} else if m.w.faults.strikes(m.Name, "changed_tools") {
			h = m.changed
		}
		h.ServeHTTP(rw, r)
	}
	handle(path+"/mcp", m.door(m.url, streamable))
	handle(path+"/moved/mcp", m.door(m.url, streamable))
	handle(path+"/sse", m.door(m.sseURL, m.sse.SSEHandler().ServeHTTP))
	handle(path+"/message", m.door(m.sseURL, m.sse.MessageHandler().ServeHTTP))
	handle("GET /.well-known/oauth-protected-resource"+path+"/mcp", m.serveMetadata(m.url))
	handle("GET /.well-known/oauth-protected-resource"+path+"/sse", m.serveMetadata(m.sseURL))
	handle("GET "+path+"/api/1.0/users/me", m.serveREST)
	handle("GET "+path+"/userinfo", m.serveCheck)
}

func (m *mcpServer) close() {
	m.sse.CloseSessions()
	m.full.CloseSessions(context.Background())
	m.empty.CloseSessions(context.Background())
	m.changed.CloseSessions(context.Background())
}

// serveMetadata responds with the protected-resource metadata (RFC 9728).
func (m *mcpServer) serveMetadata(resource string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		if m.w.faults.strikes(m.Name, "no_metadata") {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		names := resource
		if m.w.faults.strikes(m.Name, "wrong_resource") {
			names = m.w.base + "/other/mcp"
		}
		writeJSON(rw, http.StatusOK, map[string]any{
			"resource":                 names,
			"authorization_servers":    []string{m.as.issuer},
			"scopes_supported":         m.as.scopes(),
			"bearer_methods_supported": []string{"header"},
			"resource_name":            "Lab " + m.Name,
		})
	}
}

// door lets requests with the right token through to h.
func (m *mcpServer) door(resource string, h http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(rw, r.Body, 1<<20)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			rw.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var msg rpcRequest
		_ = json.Unmarshal(body, &msg) // the server rejects a body that is not JSON-RPC
		m.w.log.note(r.Context(), func(seen *Request) {
			seen.RPC = msg.Method
			seen.Token = strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
		})

		if !m.faults(rw, r, msg, resource) {
			return
		}
		subject, refused := m.admit(r, msg.Method, resource)
		if refused != nil {
			refused.write(rw, m.metadataURL(resource))
			return
		}
		h(rw, r.WithContext(context.WithValue(r.Context(), subjectKey{}, subject)))
	}
}

type rpcRequest struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name string `json:"name"`
	} `json:"params"`
}

func (m *mcpServer) metadataURL(resource string) string {
	return m.w.wellKnown("oauth-protected-resource", resource)
}

// A refusal is a response with a challenge (RFC 6750 section 3).
type refusal struct {
	status                   int
	code, description, scope string
	bare                     bool // no challenge at all
}

func (f *refusal) write(rw http.ResponseWriter, metadataURL string) {
	if !f.bare {
		parts := []string{fmt.Sprintf("resource_metadata=%q", metadataURL)}
		if f.code != "" {
			parts = append(parts, fmt.Sprintf("error=%q", f.code), fmt.Sprintf("error_description=%q", f.description))
		}
		if f.scope != "" {
			parts = append(parts, fmt.Sprintf("scope=%q", f.scope))
		}
		rw.Header().Set("WWW-Authenticate", "Bearer "+strings.Join(parts, ", "))
	}
	code := f.code
	if code == "" {
		code = "unauthorized"
	}
	writeJSON(rw, f.status, map[string]string{"error": code, "error_description": f.description})
}

// admit checks the token of a request.
func (m *mcpServer) admit(r *http.Request, method, resource string) (subject string, refused *refusal) {
	if m.Anonymous && method != string(mcp.MethodToolsCall) {
		return "anyone", nil
	}
	token, refused := bearer(r)
	if refused != nil {
		return "", refused
	}
	t, known := m.w.lookup(token)
	switch {
	case !known, t.audience != resource && (t.audience != m.url || t.client != "key"):
		return "", &refusal{
			status: http.StatusUnauthorized, code: "invalid_token",
			description: "Invalid token signature - token was not issued by " + m.vendor() + " OAuth",
		}
	case t.revoked || t.dead:
		return "", &refusal{status: http.StatusUnauthorized, code: "invalid_token", description: "The access token was revoked"}
	case !t.alive(m.w.now()):
		return "", &refusal{status: http.StatusUnauthorized, code: "invalid_token", description: "The access token expired"}
	case !m.as.confidential && !slices.Contains(t.scopes, scopeRead):
		return "", &refusal{
			status: http.StatusForbidden, code: "insufficient_scope", scope: scopeRead,
			description: "The token does not have the required scope",
		}
	}
	return t.subject, nil
}

// vendor is the operator's name in the server's messages.
func (m *mcpServer) vendor() string { return strings.ToUpper(m.Name[:1]) + m.Name[1:] }

// bearer reads the token of a request.
func bearer(r *http.Request) (string, *refusal) {
	h := r.Header.Values("Authorization")
	if len(h) == 0 {
		return "", &refusal{status: http.StatusUnauthorized, description: "Missing authorization header"}
	}
	scheme, token, _ := strings.Cut(h[0], " ")
	if len(h) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " \t") {
		return "", &refusal{
			status: http.StatusUnauthorized, code: "invalid_token",
			description: "Malformed authorization header",
		}
	}
	return token, nil
}
