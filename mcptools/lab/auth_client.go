package lab

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const maxDocument = 64 << 10 // of what the lab itself reads

// client returns the client with that id, which may be the URL of a client ID
// metadata document. It returns nil for an unknown client.
func (a *authServer) client(r *http.Request, id string) *oauthClient {
	a.mu.Lock()
	c := a.clients[id]
	a.mu.Unlock()
	if c != nil || a.confidential || !strings.Contains(id, "://") {
		return c
	}
	return a.fetchClient(r, id)
}

// fetchClient reads a client's document, which must name itself.
func (a *authServer) fetchClient(r *http.Request, id string) *oauthClient {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, id, nil) //nolint:gosec // through the guarded client
	if err != nil {
		return nil
	}
	resp, err := a.w.http.Do(req) //nolint:gosec // the guarded client
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var doc clientMetadata
	err = json.NewDecoder(io.LimitReader(resp.Body, maxDocument)).Decode(&doc)
	if err != nil || resp.StatusCode != http.StatusOK || doc.ClientID != id {
		return nil
	}
	return &oauthClient{id: id, method: "none", redirectURIs: doc.RedirectURIs, name: doc.ClientName}
}

// clientMetadata is the metadata of a client (RFC 7591 section 2).
type clientMetadata struct {
	ClientID        string   `json:"client_id,omitempty"`
	ClientName      string   `json:"client_name,omitempty"`
	ApplicationType string   `json:"application_type,omitempty"`
	RedirectURIs    []string `json:"redirect_uris"`
	GrantTypes      []string `json:"grant_types,omitempty"`
	ResponseTypes   []string `json:"response_types,omitempty"`
	AuthMethod      string   `json:"token_endpoint_auth_method,omitempty"`
	Scope           string   `json:"scope,omitempty"`
}

func (a *authServer) serveClientDocument(rw http.ResponseWriter, _ *http.Request) {
	writeJSON(rw, http.StatusOK, clientMetadata{
		ClientID: a.w.ClientDocument(), ClientName: "Lab document client", ApplicationType: "native",
		RedirectURIs: []string{"http://127.0.0.1/callback", "http://localhost/callback"},
		GrantTypes:   []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"}, AuthMethod: "none",
	})
}

// serveRegister registers a client (RFC 7591).
func (a *authServer) serveRegister(rw http.ResponseWriter, r *http.Request) {
	if a.w.faults.strikes("auth", "no_registration") {
		rw.WriteHeader(http.StatusNotFound)
		return
	}
	var md clientMetadata
	if err := json.NewDecoder(io.LimitReader(r.Body, maxDocument)).Decode(&md); err != nil {
		badRequest("invalid_client_metadata", "The request is not JSON.").write(rw)
		return
	}
	if md.GrantTypes == nil {
		md.GrantTypes = []string{"authorization_code"}
	}
	if md.AuthMethod == "" {
		md.AuthMethod = "client_secret_basic" // RFC 7591 section 2
	}
	if slices.Contains(md.GrantTypes, "authorization_code") && len(md.RedirectURIs) == 0 {
		badRequest("invalid_redirect_uri", "There is no redirect URI.").write(rw)
		return
	}
	for _, uri := range md.RedirectURIs {
		if !fitRedirect(uri) {
			badRequest("invalid_redirect_uri", "Redirect URIs are https, or http to loopback.").write(rw)
			return
		}
	}
	if !slices.Contains(a.authMethods(), md.AuthMethod) {
		badRequest("invalid_client_metadata", "The server does not know this token_endpoint_auth_method.").write(rw)
		return
	}
	c := &oauthClient{id: "dyn-" + hexText(8), method: md.AuthMethod, redirectURIs: md.RedirectURIs, name: md.ClientName, dynamic: true}
	if md.AuthMethod != "none" {
		c.secret = hexText(16)
	}
	a.mu.Lock()
	a.clients[c.id] = c
	a.mu.Unlock()

	md.ClientID = c.id
	answer := map[string]any{"client_id_issued_at": a.w.now().Unix()}
	if c.secret != "" {
		answer["client_secret"], answer["client_secret_expires_at"] = c.secret, 0
	}
	data, err := json.Marshal(md)
	if err == nil {
		err = json.Unmarshal(data, &answer)
	}
	if err != nil {
		rw.WriteHeader(http.StatusInternalServerError)
		return
	}
	writeJSON(rw, http.StatusCreated, answer)
}

// ForgetClients deletes all dynamically registered clients from the
// authorization server.
func (w *World) ForgetClients() {
	w.auth.mu.Lock()
	defer w.auth.mu.Unlock()
	for id, c := range w.auth.clients {
		if c.dynamic {
			delete(w.auth.clients, id)
		}
	}
}

func fitRedirect(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopbackName(u.Hostname())
}

func isLoopbackName(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// mayRedirect reports whether the client registered uri: byte for byte, or on
// loopback with any port (RFC 8252 section 7.3).
func (c *oauthClient) mayRedirect(uri string) bool {
	if slices.Contains(c.redirectURIs, uri) {
		return true
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || !isLoopbackName(u.Hostname()) {
		return false
	}
	return slices.ContainsFunc(c.redirectURIs, func(own string) bool {
		o, err := url.Parse(own)
		return err == nil && o.Scheme == "http" && o.Hostname() == u.Hostname() && o.Path == u.Path && o.RawQuery == u.RawQuery
	})
}

// authenticate returns the client that sent a form. It accepts only the method
// that the client was registered with (RFC 6749 section 2.3).
func (a *authServer) authenticate(r *http.Request) (*oauthClient, *oauthError) {
	refused := &oauthError{http.StatusUnauthorized, "invalid_client", "The client is not known, or its secret is wrong or was sent in another way than agreed."}
	id, secret, method := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"), "none"
	if secret != "" {
		method = "client_secret_post"
	}
	if user, pass, ok := r.BasicAuth(); ok {
		if secret != "" {
			return nil, badRequest("invalid_request", "The client authenticates in two ways.")
		}
		method = "client_secret_basic"
		// Both are form-encoded before they are joined (RFC 6749 section 2.3.1).
		var err1, err2 error
		id, err1 = url.QueryUnescape(user)
		secret, err2 = url.QueryUnescape(pass)
		if err1 != nil || err2 != nil {
			return nil, refused
		}
	}
	c := a.client(r, id)
	switch {
	case c == nil, secret != c.secret:
		return nil, refused
	case c.method != "" && method != c.method:
		return nil, refused
	}
	return c, nil
}
