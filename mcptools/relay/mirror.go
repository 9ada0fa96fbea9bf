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
	var arguments map[string]bool
	for header, values := range h {
		if !strings.HasPrefix(header, headerParam) {
			continue
		}
		if arguments == nil {
			arguments = leaves(params.Get("arguments"))
		}
		if m.method != methodCall || len(values) != 1 || !isLeaf(arguments, decoded(values[0])) {
			return headerParam + "* does not match an argument of the call"
		}
	}
	return ""
}

func isLeaf(leaves map[string]bool, text string) bool {
	n, err := strconv.ParseFloat(text, 64)
	return leaves[text] || err == nil && integer(n) != "" && leaves[integer(n)]
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

// leaves returns the texts, booleans and integers in objects, as headers mirror
// them.
func leaves(object json.RawMessage) map[string]bool {
	var value any
	if json.Unmarshal(object, &value) != nil {
		return nil
	}
	found := make(map[string]bool)
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, member := range v {
				walk(member)
			}
		case string:
			found[v] = true
		case bool:
			found[strconv.FormatBool(v)] = true
		case float64:
			found[integer(v)] = true
		}
	}
	walk(value)
	return found
}

// integer returns the digits of an integer. Headers mirror no other numbers.
func integer(n float64) string {
	if n != math.Trunc(n) || math.Abs(n) > 1<<53-1 {
		return ""
	}
	return strconv.FormatInt(int64(n), 10)
}
