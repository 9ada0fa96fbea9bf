package mcptools

import (
	"maps"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// ownHeaders are headers that callers can't set: they carry credentials, belong to
// the connection (RFC 9110 section 7.6.1), or are set by OpenAI's MCP client.
var ownHeaders = map[string]string{
	"authorization":        "the credential is put there, or into the authorization field, and OpenAI refuses both together",
	"proxy-authorization":  "it is for a proxy",
	"proxy-authenticate":   "it is for a proxy",
	"proxy-connection":     "it belongs to the connection",
	"connection":           "it belongs to the connection",
	"keep-alive":           "it belongs to the connection",
	"te":                   "it belongs to the connection",
	"trailer":              "it belongs to the connection",
	"transfer-encoding":    "it belongs to the connection",
	"upgrade":              "it belongs to the connection",
	"host":                 "it belongs to the URL",
	"content-length":       "it belongs to the body",
	"content-type":         "it belongs to the body",
	"content-encoding":     "it belongs to the body",
	"accept":               "OpenAI's MCP client sets it",
	"last-event-id":        "OpenAI's MCP client sets it",
	"mcp-session-id":       "OpenAI's MCP client sets it",
	"mcp-protocol-version": "OpenAI's MCP client sets it",
	"mcp-method":           "OpenAI's MCP client sets it",
	"mcp-name":             "OpenAI's MCP client sets it",
}

// headers checks extra headers against ownHeaders and the headers of the provider's
// credentials.
func (f *faults) headers(field string, h map[string]string, ways []providers.Way) {
	carried := credentialHeaders(ways)
	seen := make(map[string]bool, len(h))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		lower := strings.ToLower(name)
		switch why := ownHeaders[lower]; {
		case !isToken(name):
			f.addf("%s: header name %q is not valid", field, name)
		case why != "":
			f.addf("%s: header %s can't be set: %s", field, name, why)
		case carried[lower]:
			f.addf("%s: header %s can't be set: the credential travels in it", field, name)
		case !isFieldValue(h[name]):
			f.addf("%s: the value of header %s is not valid", field, name)
		case seen[lower]:
			f.addf("%s: header %s is set twice, in different cases", field, name)
		}
		seen[lower] = true
	}
}

// credentialHeaders returns, in lower case, the headers that credentials of
// those ways can travel in.
func credentialHeaders(ways []providers.Way) map[string]bool {
	headers := map[string]bool{"authorization": true}
	for _, w := range ways {
		for _, c := range w.Carry {
			headers[strings.ToLower(c.Header)] = true
		}
	}
	return headers
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2, as header
// names and schemes are.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s is a field value of RFC 9110 section 5.5 in
// ASCII, without characters that end the header or are ambiguous.
func isFieldValue(s string) bool {
	if s == "" || s != strings.Trim(s, " \t") {
		return false
	}
	for _, c := range []byte(s) {
		if c < ' ' && c != '\t' || c > '~' {
			return false
		}
	}
	return true
}

// carried returns the headers that carry t's secrets, or the reason for a log why
// headers can't carry them.
func carried(way providers.Way, t oauthstore.Token) (headers map[string]string, unfit string) {
	if way.Bearer() {
		headers = map[string]string{"Authorization": "Bearer " + t.AccessToken.Expose()}
	} else {
		var err error
		headers, err = way.Headers(func(name string) string { return secretOf(name, t).Expose() })
		if err != nil {
			return nil, errtext.Sentence(err)
		}
	}
	for name, value := range headers {
		if !isFieldValue(value) {
			return nil, "the credential can't be sent in header " + name
		}
	}
	return headers, ""
}

// secretOf returns the secret with that name; "" is the token itself. It is zero if
// the credential has none.
func secretOf(name string, t oauthstore.Token) oauthstore.Secret {
	if name == "" {
		return t.AccessToken
	}
	return t.Secrets[name]
}

// documentedHeaders returns the headers that the provider's data gives a
// value.
func documentedHeaders(p providers.Provider) map[string]string {
	var h map[string]string
	for _, d := range p.Headers {
		if d.Value != "" {
			h = withHeaders(h, map[string]string{d.Name: d.Value})
		}
	}
	return h
}

// withHeaders returns a new map with the headers of base and of more, which replace
// those of the same name in any case. It returns nil if both are empty.
func withHeaders(base, more map[string]string) map[string]string {
	if len(base)+len(more) == 0 {
		return nil
	}
	h := make(map[string]string, len(base)+len(more))
	maps.Copy(h, base)
	for name, value := range more {
		maps.DeleteFunc(h, func(other, _ string) bool { return strings.EqualFold(other, name) })
		h[name] = value
	}
	return h
}
