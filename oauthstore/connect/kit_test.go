package connect_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(orderVariable); text != "" { // a process of a test
		if err := obey(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	testServer   = "https://mcp.example.com/mcp"
	testIssuer   = "https://as.example.com"
	testRedirect = "https://app.example.com/callback"
)

var (
	alice = oauthstore.Owner{Tenant: "acme", Subject: "alice"}
	bob   = oauthstore.Owner{Tenant: "acme", Subject: "bob"}
)

// hosts is an internet: handlers by host. As a RoundTripper it calls them
// without a network, so that tests with virtual time can use it.
type hosts map[string]http.Handler

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	handler, ok := h[r.URL.Host]
	if !ok {
		return nil, fmt.Errorf("no such host: %s", r.URL.Host)
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err // as a network does
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

func (h hosts) client() *http.Client {
	return &http.Client{Transport: h, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// An mcpServer answers requests without a token with a challenge and serves its
// metadata. It never looks at a token.
type mcpServer struct {
	Challenge string         // WWW-Authenticate; "" means the usual one
	Metadata  map[string]any // nil: there is none
	Path      string         // of the metadata

	mu   sync.Mutex
	seen []string // methods and paths
}

func newMCPServer(issuers ...string) *mcpServer {
	return &mcpServer{
		Challenge: `Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"`,
		Path:      "/.well-known/oauth-protected-resource/mcp",
		Metadata:  map[string]any{"resource": testServer, "authorization_servers": issuers},
	}
}

func (s *mcpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	switch {
	case r.URL.Path == "/mcp":
		if s.Challenge != "" {
			w.Header().Set("WWW-Authenticate", s.Challenge)
		}
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == s.Path && s.Metadata != nil:
		writeJSON(w, http.StatusOK, s.Metadata)
	default:
		http.NotFound(w, r)
	}
}

func (s *mcpServer) Seen() []string { s.mu.Lock(); defer s.mu.Unlock(); return slices.Clone(s.seen) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // a test's own values
}

// An asClient is a client that an authServer knows.
type asClient struct {
	ID, Secret, Method string
	Redirects          []string
	ManageToken        string
	Metadata           map[string]any // of its registration
}

// An authServer is an authorization server that consents by itself. Its fields
// are set before it is used.
type authServer struct {
	Issuer   string
	Metadata map[string]any // added to its metadata; a nil value takes a member away
	// Resources are protected-resource metadata of MCP servers on its host, by
	// path.
	Resources map[string]any
	// SecretLife, if not 0, is how long the secrets live that it hands out, and
	// makes registrations manageable (RFC 7592).
	SecretLife time.Duration
	Secrets    bool // registered clients get a secret
	// Redirect, if not nil, changes what the user's browser is sent back with.
	Redirect func(back url.Values)
	// Hold, if not nil, may answer in place of the redirect, and reports that.
	Hold func(w http.ResponseWriter, location string) bool
	Deny bool // its user says no
	// Register and Token, if not nil, may answer themselves, and report that.
	Register func(w http.ResponseWriter, r *http.Request) bool
	Token    func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	seen     []string
	serial   int
	clients  map[string]*asClient
	codes    map[string]url.Values // code → the authorization request
	forms    []url.Values          // of the token endpoint
	asked    []url.Values          // authorization requests
	bodies   []map[string]any      // of registrations
	revoked  []string
	pushed   map[string]url.Values // reference → the authorization request
	devices  map[string]bool       // device code → the user has consented
	basics   []string              // user names of HTTP Basic
	consents int
}

func newAuthServer(issuer string) *authServer {
	return &authServer{
		Issuer: issuer, Metadata: map[string]any{}, clients: map[string]*asClient{}, codes: map[string]url.Values{}, devices: map[string]bool{},
	}
}

// Know makes the server know a client.
func (a *authServer) Know(c asClient) { a.mu.Lock(); defer a.mu.Unlock(); a.clients[c.ID] = &c }

// Forget makes it forget all clients.
func (a *authServer) Forget() { a.mu.Lock(); defer a.mu.Unlock(); clear(a.clients) }

func (a *authServer) Forms() []url.Values {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.forms)
}

func (a *authServer) Asked() []url.Values {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.asked)
}

func (a *authServer) Registrations() []map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.bodies)
}

// Count returns how many requests there were to a path.
func (a *authServer) Count(request string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, s := range a.seen {
		if s == request {
			n++
		}
	}
	return n
}

func (a *authServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r.Method+" "+r.URL.Path)
	a.mu.Unlock()
	switch {
	case strings.HasPrefix(r.URL.Path, "/.well-known/oauth-authorization-server"):
		a.metadata(w)
	case a.Resources[strings.TrimPrefix(r.URL.Path, "/.well-known/oauth-protected-resource")] != nil:
		writeJSON(w, http.StatusOK, a.Resources[strings.TrimPrefix(r.URL.Path, "/.well-known/oauth-protected-resource")])
	case r.URL.Path == "/par":
		a.push(w, r)
	case r.URL.Path == "/authorize":
		a.authorize(w, r)
	case r.URL.Path == "/token":
		if a.Token == nil || !a.Token(w, r) {
			a.token(w, r)
		}
	case r.URL.Path == "/register":
		if a.Register == nil || !a.Register(w, r) {
			a.register(w, r)
		}
	case strings.HasPrefix(r.URL.Path, "/clients/"):
		a.manage(w, r)
	case r.URL.Path == "/revoke":
		_ = r.ParseForm()
		a.mu.Lock()
		a.revoked = append(a.revoked, r.PostForm.Get("token"))
		a.mu.Unlock()
	case r.URL.Path == "/device":
		a.device(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (a *authServer) metadata(w http.ResponseWriter) {
	m := map[string]any{
		"issuer": a.Issuer, "authorization_endpoint": a.Issuer + "/authorize", "token_endpoint": a.Issuer + "/token",
		"registration_endpoint": a.Issuer + "/register", "revocation_endpoint": a.Issuer + "/revoke",
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none", "client_secret_basic", "client_secret_post", "private_key_jwt"},

		"authorization_response_iss_parameter_supported": true,
	}
	maps.Copy(m, a.Metadata)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	writeJSON(w, http.StatusOK, m)
}

func (a *authServer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	a.mu.Lock()
	if a.Metadata["require_pushed_authorization_requests"] == true {
		id := q.Get("client_id")
		if q = a.pushed[q.Get("request_uri")]; q.Get("client_id") != id {
			q = nil // of another client, or not pushed
		}
	}
	a.asked = append(a.asked, q)
	client := a.clients[q.Get("client_id")]
	a.serial++
	code := fmt.Sprintf("synthetic-code-%d", a.serial)
	a.codes[code] = q
	a.mu.Unlock()
	if client == nil || client.Redirects != nil && !slices.Contains(client.Redirects, q.Get("redirect_uri")) {
		http.Error(w, "unknown client or redirect URI", http.StatusBadRequest)
		return
	}
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {a.Issuer}}
	if a.Redirect != nil {
		a.Redirect(back)
	}
	if a.Deny {
		back.Del("code")
		back.Set("error", "access_denied")
		back.Set("error_description", "The user pressed Cancel.")
	}
	location := q.Get("redirect_uri") + "?" + back.Encode()
	if a.Hold != nil && a.Hold(w, location) {
		return
	}
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusFound)
}

// push takes an authorization request (RFC 9126).
func (a *authServer) push(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.authenticated(r) {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	a.serial++
	reference := fmt.Sprintf("urn:ietf:params:oauth:request_uri:%d", a.serial)
	if a.pushed == nil {
		a.pushed = map[string]url.Values{}
	}
	a.pushed[reference] = r.PostForm
	writeJSON(w, http.StatusCreated, map[string]any{"request_uri": reference, "expires_in": 60})
}

func (a *authServer) register(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_client_metadata"})
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bodies = append(a.bodies, body)
	a.serial++
	c := &asClient{ID: fmt.Sprintf("client-%d", a.serial), Metadata: body}
	c.Method, _ = body["token_endpoint_auth_method"].(string)
	redirects, _ := body["redirect_uris"].([]any)
	for _, uri := range redirects {
		text, _ := uri.(string)
		c.Redirects = append(c.Redirects, text)
	}
	a.clients[c.ID] = c
	writeJSON(w, http.StatusCreated, a.registration(c))
}

// registration gives a client a fresh secret and describes it.
func (a *authServer) registration(c *asClient) map[string]any {
	answer := maps.Clone(c.Metadata)
	answer["client_id"] = c.ID
	if a.Secrets || c.Method != "none" {
		a.serial++
		c.Secret = fmt.Sprintf("synthetic-secret-%d", a.serial)
		answer["client_secret"] = c.Secret
		answer["client_secret_expires_at"] = 0
	}
	if a.SecretLife != 0 {
		c.ManageToken = "synthetic-manage-" + c.ID
		answer["client_secret_expires_at"] = time.Now().Add(a.SecretLife).Unix()
		answer["registration_client_uri"] = a.Issuer + "/clients/" + c.ID
		answer["registration_access_token"] = c.ManageToken
	}
	return answer
}

func (a *authServer) manage(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.clients[strings.TrimPrefix(r.URL.Path, "/clients/")]
	if c == nil || r.Header.Get("Authorization") != "Bearer "+c.ManageToken {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	if r.Method == http.MethodPut {
		writeJSON(w, http.StatusOK, a.registration(c))
		return
	}
	answer := maps.Clone(c.Metadata)
	answer["client_id"] = c.ID
	writeJSON(w, http.StatusOK, answer)
}

func (a *authServer) device(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	a.mu.Lock()
	a.serial++
	code := fmt.Sprintf("synthetic-device-%d", a.serial)
	a.devices[code] = false
	a.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": "WDJB-MJHT", "verification_uri": a.Issuer + "/activate", "expires_in": 600, "interval": 5,
	})
}

// Activate plays the user of a device flow.
func (a *authServer) Activate() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for code := range a.devices {
		a.devices[code] = true
	}
}

func (a *authServer) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forms = append(a.forms, r.PostForm)
	refuse := func(status int, code string) { writeJSON(w, status, map[string]any{"error": code}) }
	if !a.authenticated(r) {
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	form := r.PostForm
	scope := form.Get("scope")
	switch form.Get("grant_type") {
	case "authorization_code":
		asked, ok := a.codes[form.Get("code")]
		delete(a.codes, form.Get("code"))
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		if !ok || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) ||
			asked.Get("redirect_uri") != form.Get("redirect_uri") || asked.Get("resource") != form.Get("resource") {
			refuse(http.StatusBadRequest, "invalid_grant")
			return
		}
		scope = asked.Get("scope")
	case "urn:ietf:params:oauth:grant-type:device_code":
		consented, ok := a.devices[form.Get("device_code")]
		switch {
		case !ok:
			refuse(http.StatusBadRequest, "expired_token")
			return
		case !consented:
			refuse(http.StatusBadRequest, "authorization_pending")
			return
		}
	case "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer", "refresh_token":
	default:
		refuse(http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	a.serial++
	answer := map[string]any{
		"access_token": fmt.Sprintf("synthetic-access-%d", a.serial), "token_type": "Bearer", "expires_in": 3600,
	}
	if form.Get("grant_type") != "client_credentials" {
		answer["refresh_token"] = fmt.Sprintf("synthetic-refresh-%d", a.serial)
	}
	if scope != "" {
		answer["scope"] = scope
	}
	a.consents++
	writeJSON(w, http.StatusOK, answer)
}

// authenticated checks the client of a token request, by its one method.
func (a *authServer) authenticated(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		a.basics = append(a.basics, id)
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if r.PostForm.Get("client_assertion") != "" {
		return true
	}
	c := a.clients[id]
	return c != nil && c.Secret == secret && (c.Method == "client_secret_basic") == basic
}

// A place is a connector with the servers around it.
type place struct {
	*connect.Connector
	Store   *oauthstore.Store
	Backend backend.Backend
	AS      *authServer
	MCP     *mcpServer
	Net     hosts
	Options connect.Options
	keys    backend.Sealer
}

// newPlace makes a place; change, if not nil, sees it before the connector is
// made.
func newPlace(t *testing.T, change func(p *place)) *place {
	t.Helper()
	keys, err := keyset.New()
	require.NoError(t, err)
	p := &place{AS: newAuthServer(testIssuer), MCP: newMCPServer(testIssuer), Backend: memstore.New(), keys: keys}
	p.Net = hosts{"as.example.com": p.AS, "mcp.example.com": p.MCP}
	p.Options = connect.Options{RedirectURL: testRedirect, InsecureTransport: p.Net}
	if change != nil {
		change(p)
	}
	p.Store = p.openStore(t)
	p.Connector, err = connect.New(p.Store, &p.Options)
	require.NoError(t, err)
	return p
}

// openStore opens the place's backend once more, as another process would.
func (p *place) openStore(t *testing.T) *oauthstore.Store {
	t.Helper()
	store, err := oauthstore.New(p.Backend, p.keys, &oauthstore.Options{
		Clients: p.Options.Apps.Client, InsecureTransport: p.Options.InsecureTransport, Logger: p.Options.Logger,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.Background())) })
	return store
}

// another returns a connector of another process.
func (p *place) another(t *testing.T) *connect.Connector {
	t.Helper()
	c, err := connect.New(p.openStore(t), &p.Options)
	require.NoError(t, err)
	return c
}

func example() providers.Provider { return providers.Custom("example", testServer, nil) }

func keyOf(owner oauthstore.Owner) oauthstore.Key {
	return oauthstore.Key{Owner: owner, Provider: "example", Server: testServer}
}

// browse plays the user's browser and returns where it is sent back to.
func (p *place) browse(t *testing.T, target string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	resp, err := p.Net.client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusFound, resp.StatusCode, "the authorization server shows the user an error")
	return resp.Header.Get("Location")
}

// consent begins and finishes.
func (p *place) consent(t *testing.T, owner oauthstore.Owner, ask *connect.Ask) (connect.Result, error) {
	t.Helper()
	consent, err := p.Begin(t.Context(), example(), owner, ask)
	require.NoError(t, err)
	return p.Finish(t.Context(), owner, consent.Binding, p.browse(t, consent.URL))
}

// faultOf returns the error of this package.
func faultOf(t *testing.T, err error) *connect.Error {
	t.Helper()
	var e *connect.Error
	require.ErrorAs(t, err, &e)
	return e
}

// refusing is a verifier whose server refuses every token.
func refusing(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
	return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience}
}

// accepting is a verifier whose server takes every token; asked tells that it
// was asked.
func accepting(asked *bool) func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
	return func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
		*asked = true
		return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
	}
}
