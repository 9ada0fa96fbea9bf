package lab

import "net/http"

// serveREST is the vendor's REST API, which takes the vendor's REST tokens and
// no other.
func (m *mcpServer) serveREST(rw http.ResponseWriter, r *http.Request) {
	if subject, ok := m.holder(r, ""); ok {
		writeJSON(rw, http.StatusOK, map[string]any{
			"data": map[string]string{"gid": "1299000000000001", "resource_type": "user", "name": subject},
		})
		return
	}
	writeJSON(rw, http.StatusUnauthorized, map[string]any{
		"errors": []map[string]string{{"message": "Not Authorized"}},
	})
}

// serveCheck tells whose token of this MCP server it is, for servers that list
// their tools for anyone.
func (m *mcpServer) serveCheck(rw http.ResponseWriter, r *http.Request) {
	if subject, ok := m.holder(r, m.url); ok {
		writeJSON(rw, http.StatusOK, map[string]string{"sub": subject})
		return
	}
	(&refusal{status: http.StatusUnauthorized, code: "invalid_token", description: "Not a token of this server"}).write(rw, m.metadataURL(m.url))
}

// holder returns whose token it is, if it lives and is for that audience at
// this server's vendor.
func (m *mcpServer) holder(r *http.Request, audience string) (string, bool) {
	token, refused := bearer(r)
	if refused != nil {
		return "", false
	}
	m.as.mu.Lock()
	defer m.as.mu.Unlock()
	t := m.as.access[token]
	if !t.alive(m.w.now()) || t.audience != audience {
		return "", false
	}
	return t.subject, true
}
