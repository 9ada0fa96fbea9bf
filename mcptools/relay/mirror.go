package relay

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/toolgrant/toolgrant/internal/exactjson"
)

// Headers that mirror the body of a request (MCP 2026-07-28, Streamable HTTP).
const (
	headerVersion = "Mcp-Protocol-Version"
	headerMethod  = "Mcp-Method"
	headerName    = "Mcp-Name"
)

// firstMirrored is the first version of MCP that requires the headers. Versions
// are dates, so they compare as texts.
const firstMirrored = "2026-07-28"

// mirrored reports whether h has a header that mirrors a body.
func mirrored(h http.Header) bool {
	for name := range h {
		if name == headerMethod || name == headerName || strings.HasPrefix(name, headerParam) {
			return true
		}
	}
	return false
}

// mismatch returns a sentence if the headers do not mirror the request; "" if
// they do. Which argument an Mcp-Param header mirrors is in the schema of the
// tool, which the server knows: here some argument must have its value.
func mismatch(h http.Header, m *message, params exactjson.Object) string {
	if meta, _ := params.Object("_meta"); meta.Has(metaVersion) {
		if version, ok := meta.String(metaVersion); !ok || !mirrors(h, headerVersion, version) {
			return headerVersion + " does not match the protocol version of the request"
		}
	}
	required := m.id != nil && h.Get(headerVersion) >= firstMirrored
	if required && len(h.Values(headerMethod)) == 0 {
		return headerMethod + " is missing"
	}
	if len(h.Values(headerMethod)) > 0 && !mirrors(h, headerMethod, m.method) {
		return headerMethod + " does not match the method of the request"
	}
	member := map[string]string{methodCall: "name", methodPrompt: "name", methodResource: "uri"}[m.method]
	if named := len(h.Values(headerName)) > 0; member != "" && (required || named) {
		if !named {
			return headerName + " is missing"
		}
		if name, ok := params.String(member); !ok || !mirrors(h, headerName, name) {
			return headerName + " does not match the " + member + " of the request"
		}
	}
	return mismatchedParam(h, m, params)
}

func mismatchedParam(h http.Header, m *message, params exactjson.Object) string {
	const reason = headerParam + "* does not match an argument of the call"
	var texts []string
	found := make(map[string]bool)
	for header, values := range h {
		if !strings.HasPrefix(header, headerParam) {
			continue
		}
		if m.method != methodCall || len(values) != 1 {
			return reason
		}
		text := decoded(values[0])
		texts = append(texts, text)
		found[text], found[integer(text)] = false, false
	}
	if len(texts) == 0 {
		return ""
	}
	findLeaves(params.Get("arguments"), found)
	for _, text := range texts {
		if !found[text] && (integer(text) == "" || !found[integer(text)]) {
			return reason
		}
	}
	return ""
}

// mirrors reports whether h has exactly one such header, and it has that text.
func mirrors(h http.Header, header, text string) bool {
	values := h.Values(header)
	return len(values) == 1 && (values[0] == text || decoded(values[0]) == text)
}

// decoded returns the text of a header, which is in Base64 if it is not visible
// ASCII.
func decoded(value string) string {
	if encoded, ok := strings.CutPrefix(value, "=?base64?"); ok {
		if encoded, ok = strings.CutSuffix(encoded, "?="); ok {
			if text, err := base64.StdEncoding.DecodeString(encoded); err == nil {
				return string(text)
			}
		}
	}
	return value
}

// findLeaves sets which of the texts are those of a text, boolean or integer in
// objects, as headers mirror them.
func findLeaves(object json.RawMessage, found map[string]bool) {
	exactjson.Leaves(object, func(leaf json.RawMessage) {
		var text string
		switch leaf[0] {
		case '"':
			text = exactjson.Unquote(leaf)
		case 't', 'f':
			text = string(leaf)
		default:
			if text = integer(string(leaf)); text == "" {
				return
			}
		}
		if _, wanted := found[text]; wanted {
			found[text] = true
		}
	})
}

// integer returns the digits of an integer; "" for another text. Headers mirror no
// other numbers.
func integer(text string) string {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > 1<<53-1 {
		return ""
	}
	return strconv.FormatInt(int64(n), 10)
}
