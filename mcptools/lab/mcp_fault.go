package lab

import (
	"net/http"
	"strconv"

	"github.com/mark3labs/mcp-go/mcp"
)

// faults responds in place of the server if a fault is active. It reports
// whether the server should handle the request.
func (m *mcpServer) faults(rw http.ResponseWriter, r *http.Request, msg rpcRequest, resource string) bool {
	f := m.w.faults
	if f.strikes(m.Name, "down") {
		drop()
	}
	if !f.stall(r.Context(), m.Name) {
		return false
	}
	switch kind := f.first(m.Name, "400", "404", "405", "415", "429", "500", "503", "504", "html", "redirect", "401", "401_bare", "403", "403_scope"); kind {
	case "":
	case "html":
		writeHTML(rw, http.StatusOK)
		return false
	case "redirect":
		if r.URL.Path == "/"+m.Name+"/moved/mcp" {
			return true
		}
		http.Redirect(rw, r, m.w.base+"/"+m.Name+"/moved/mcp", http.StatusTemporaryRedirect)
		return false
	default:
		m.refuse(rw, kind, resource)
		return false
	}
	switch {
	case msg.Method == string(mcp.MethodServerDiscover) && f.strikes(m.Name, "discover_500"):
		rw.WriteHeader(http.StatusInternalServerError)
		return false
	case msg.Method == string(mcp.MethodToolsList) && f.strikes(m.Name, "list_error"):
		rpcError(rw, msg, mcp.INTERNAL_ERROR, "The tool list is not available")
		return false
	case msg.Method == string(mcp.MethodToolsCall):
		return m.callFaults(rw, r, msg, resource)
	}
	return true
}

func (m *mcpServer) callFaults(rw http.ResponseWriter, r *http.Request, msg rpcRequest, resource string) bool {
	switch kind := m.w.faults.first(m.Name, "session_lost", "call_401", "call_500", "call_error", "call_hang"); kind {
	case "session_lost":
		http.Error(rw, "Session terminated", http.StatusNotFound)
	case "call_401":
		m.refuse(rw, "401", resource)
	case "call_500":
		rw.WriteHeader(http.StatusInternalServerError)
	case "call_error":
		rpcError(rw, msg, mcp.INVALID_PARAMS, "Invalid params")
	case "call_hang":
		<-r.Context().Done()
	default:
		return true
	}
	return false
}

// refuse responds with the status at the start of a fault's name.
func (m *mcpServer) refuse(rw http.ResponseWriter, kind, resource string) {
	status, _ := strconv.Atoi(kind[:3])
	f := &refusal{status: status, bare: true, description: http.StatusText(status)}
	switch kind {
	case "401":
		f.bare, f.code, f.description = false, "invalid_token", "The access token is not accepted"
	case "403_scope":
		f.bare, f.code, f.description, f.scope = false, "insufficient_scope", "The token does not have the required scope", scopeWrite
	case "429":
		rw.Header().Set("Retry-After", "7")
	}
	f.write(rw, m.metadataURL(resource))
}

func rpcError(rw http.ResponseWriter, msg rpcRequest, code int, message string) {
	writeJSON(rw, http.StatusOK, map[string]any{
		"jsonrpc": "2.0", "id": msg.ID, "error": map[string]any{"code": code, "message": message},
	})
}
