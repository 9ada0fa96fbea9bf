package lab

import "net/http"

// serveREST is the vendor's REST API. It accepts only the vendor's REST tokens.
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

// serveCheck returns the user of a token of this MCP server. It is for servers
// that list their tools without a token.
func (m *mcpServer) serveCheck(rw http.ResponseWriter, r *http.Request) {
	if subject, ok := m.holder(r, m.url); ok {
		writeJSON(rw, http.StatusOK, map[string]string{"sub": subject})
		return
	}
	(&refusal{status: http.StatusUnauthorized, code: "invalid_token", description: "Not a token of this server"}).write(rw, m.metadataURL(m.url))
}

// holder returns the user of a token, if the token is valid and issued for that
// audience at this server's vendor.
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
