package lab

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
)

// An authServer is an authorization server: OAuth 2.1 with the requirements of
// MCP. The lab has two: one with open registration and one, like Asana's, with
// a single registered application.
type authServer struct {
	w            *World
	part         string // in the log
	issuer       string
	confidential bool
	preset       *oauthClient // the one client of a confidential server
	own          *oauthClient // the public client that World.Grant uses

	mu      sync.Mutex
	clients map[string]*oauthClient // guarded by mu, like the fields below
	codes   map[string]*authCode
	access  map[string]*accessToken
	refresh map[string]*refreshToken
}

// An oauthClient is a client that was registered, or that its metadata document
// describes.
type oauthClient struct {
	id           string
	secret       string // "" for a public one
	method       string // how it authenticates; "" means with its secret, either way
	redirectURIs []string
	name         string
	dynamic      bool
}

func newAuthServer(w *World, part string, confidential bool) *authServer {
	a := &authServer{
		w: w, part: part, issuer: w.base + "/" + part, confidential: confidential,
		clients: map[string]*oauthClient{}, codes: map[string]*authCode{},
		access: map[string]*accessToken{}, refresh: map[string]*refreshToken{},
	}
	loopback := []string{"http://127.0.0.1/callback", "http://localhost/callback"}
	if confidential {
		a.preset = &oauthClient{id: digits(16), secret: hexText(16), redirectURIs: loopback, name: "Registered application"}
		a.clients[a.preset.id] = a.preset
		return a
	}
	a.own = &oauthClient{id: "lab", method: "none", redirectURIs: loopback, name: "Lab"}
	a.clients[a.own.id] = a.own
	return a
}

func (a *authServer) routes(mux *http.ServeMux) {
	path := "/" + a.part
	handle := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, a.w.part(a.part, h)) }
	handle("GET /.well-known/oauth-authorization-server"+path, a.serveMetadata)
	handle("GET /.well-known/openid-configuration"+path, a.serveMetadata)
	handle("GET "+path+"/.well-known/openid-configuration", a.serveMetadata)
	handle("GET "+path+"/authorize", a.serveAuthorize)
	handle("POST "+path+"/token", a.serveToken)
	handle("POST "+path+"/revoke", a.serveRevoke)
	handle("POST "+path+"/introspect", a.serveIntrospect)
	if !a.confidential {
		handle("POST "+path+"/register", a.serveRegister)
		handle("GET /client.json", a.serveClientDocument)
	}
}

// scopes are the scopes that the server supports.
func (a *authServer) scopes() []string {
	if a.confidential {
		return []string{"default"}
	}
	return []string{scopeRead, scopeWrite}
}

const (
	scopeRead  = "mcp:read"  // to list tools, and to call those that read only
	scopeWrite = "mcp:write" // to call the others
)

// serveMetadata responds with the server's metadata (RFC 8414), also at the
// path of OpenID discovery.
func (a *authServer) serveMetadata(rw http.ResponseWriter, _ *http.Request) {
	faults := a.w.faults
	switch faults.first("auth", "metadata_404", "metadata_html") {
	case "metadata_404":
		rw.WriteHeader(http.StatusNotFound)
		return
	case "metadata_html":
		writeHTML(rw, http.StatusOK)
		return
	}
	issuer := a.issuer
	if faults.strikes("auth", "wrong_issuer") {
		issuer = a.w.base + "/other"
	}
	md := map[string]any{
		"issuer":                                         issuer,
		"authorization_endpoint":                         a.issuer + "/authorize",
		"token_endpoint":                                 a.issuer + "/token",
		"revocation_endpoint":                            a.issuer + "/revoke",
		"introspection_endpoint":                         a.issuer + "/introspect",
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token", "client_credentials"},
		"token_endpoint_auth_methods_supported":          a.authMethods(),
		"scopes_supported":                               a.scopes(),
		"authorization_response_iss_parameter_supported": true,
		"subject_types_supported":                        []string{"public"}, // OpenID discovery asks for it
	}
	if !faults.strikes("auth", "no_pkce") {
		md["code_challenge_methods_supported"] = []string{"S256"}
	}
	if !a.confidential {
		md["client_id_metadata_document_supported"] = true
		if !faults.strikes("auth", "no_registration") {
			md["registration_endpoint"] = a.issuer + "/register"
		}
	}
	writeJSON(rw, http.StatusOK, md)
}

func (a *authServer) authMethods() []string {
	methods := []string{"client_secret_basic", "client_secret_post"}
	if a.confidential {
		return methods
	}
	return append([]string{"none"}, methods...)
}

// An oauthError is an error response (RFC 6749 section 5.2).
type oauthError struct {
	status      int
	code        string
	description string
}

func (e *oauthError) write(rw http.ResponseWriter) {
	if e.status == http.StatusUnauthorized {
		rw.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
	}
	writeJSON(rw, e.status, map[string]string{"error": e.code, "error_description": e.description})
}

func badRequest(code, description string) *oauthError {
	return &oauthError{http.StatusBadRequest, code, description}
}

// writeJSON responds with a value that must not be cached.
func writeJSON(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(v) //nolint:errchkjson // the client may be gone
}

// writeHTML responds like a proxy or a sign-in page.
func writeHTML(rw http.ResponseWriter, status int) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, "<!doctype html><title>lab</title><h1>"+http.StatusText(status)+"</h1>\n")
}

// splitScope returns the scopes of a space-separated list.
func splitScope(s string) []string { return strings.Fields(s) }
