package relay

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// codeOf returns the code of a JSON-RPC error and its id as JSON.
func codeOf(t *testing.T, body []byte) (code int, id string) {
	t.Helper()
	var m struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	require.NoError(t, json.Unmarshal(body, &m), "%s", body)
	assert.Equal(t, "2.0", m.JSONRPC)
	assert.NotEmpty(t, m.Error.Message)
	return m.Error.Code, string(m.ID)
}

func TestMessageThatAnotherParserReadsDifferentlyIsRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		``: codeParse,
		`{"jsonrpc":"2.0","id":1,"method":"ping"`:                codeParse,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\xff\"}": codeParse,
		`null`:   codeRequest,
		`"ping"`: codeRequest,
		` [{"jsonrpc":"2.0","id":1,"method":"ping"}]`: codeRequest,
		`[]`: codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"ping"} {"jsonrpc":"2.0","id":2,"method":"tools/call"}`:                                    codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}`:                                                             codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}`:                                                             codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call"}`:                                                        codeRequest,
		`{"jsonrpc":"2.0","id":1,"Method":"tools/call"}`:                                                                             codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","param\u017f":{"name":"write"},"params":{"name":"search"}}`:                   codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","name":"write"}}`:                                   codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","NAME":"write"}}`:                                   codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"a":[{"b":1,"b":2}]}}}`:                codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["search"]}`:                                                         codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{"Sampling":{}}}}`:                                   codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"IO.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}}`: codeRequest,
		`{"jsonrpc":"1.0","id":1,"method":"ping"}`:                                                                                   codeRequest,
		`{"id":1,"method":"ping"}`:                                          codeRequest,
		`{"jsonrpc":"2.0","id":null,"method":"ping"}`:                       codeRequest,
		`{"jsonrpc":"2.0","id":{},"method":"ping"}`:                         codeRequest,
		`{"jsonrpc":"2.0","id":true,"method":"ping"}`:                       codeRequest,
		`{"jsonrpc":"2.0","method":"tools/call","params":{"name":"write"}}`: codeRequest, // without an id it would run all the same
		`{"jsonrpc":"2.0","id":1,"method":7}`:                               codeRequest,
		`{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}`:              codeRequest,
		`{"jsonrpc":"2.0","id":1}`:                                          codeRequest,
		`{"jsonrpc":"2.0","result":{}}`:                                     codeRequest,
		`{"jsonrpc":"2.0","id":1,"result":{},"error":{}}`:                   codeRequest,
	} {
		_, refused := parseMessage([]byte(body), http.Header{})
		require.NotNil(t, refused, "%s", body)
		code, _ := codeOf(t, refused.body)
		assert.Equal(t, want, code, "%s", body)
		assert.Equal(t, want, refused.code)
		assert.Equal(t, http.StatusBadRequest, refused.status)
	}
}

func TestForwardedMessageIsTheRelaysOwnEncoding(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		` { "jsonrpc":"2.0", "id" : 12345678901234567890, "m\u0065thod":"tools\/call" , "params":{"name":"s\u0065arch","arguments":{"n":1.10e+5,"N":2,"t":"\ud800"}}, "x":[ 1 ] }`: `{"jsonrpc":"2.0","id":12345678901234567890,"method":"tools/call","params":{"name":"search","arguments":{"n":1.10e+5,"N":2,"t":"\ud800"}},"x":[1]}`, //nolint:gocritic // the white space is tested
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`:          `{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":"a","method":"ping","params":null}`:        `{"jsonrpc":"2.0","id":"a","method":"ping","params":null}`,
		`{"jsonrpc":"2.0","id":-1,"result":{"action":"accept"}}`:          `{"jsonrpc":"2.0","id":-1,"result":{"action":"accept"}}`,
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}`: `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}`,
	} {
		m, refused := parseMessage([]byte(body), http.Header{})
		require.Nil(t, refused, "%s", body)
		assert.Equal(t, want, string(m.body))
	}
}

func TestSamplingIsNotDeclaredToServers(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"sampling":{"tools":{}},"elicitation":{},"tasks":{"list":{},"requests":{"sampling":{"createMessage":{}},"elicitation":{"create":{}}}}}}}`: `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{},"tasks":{"list":{},"requests":{"elicitation":{"create":{}}}}}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"a":1,"io.modelcontextprotocol/clientCapabilities":{"sampling":{},"roots":{}}}}}`:                                                                                               `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"a":1,"io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"sampling":{}}}}`:                                                                                                                                                `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"sampling":{}}}}`,
	} {
		m, refused := parseMessage([]byte(body), http.Header{})
		require.Nil(t, refused, "%s", body)
		assert.Equal(t, want, string(m.body))
	}
}

func TestHeadersMustMirrorTheBody(t *testing.T) {
	t.Parallel()
	const (
		call = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"größe","arguments":{"region":"eu-1","deep":{"n":42.0,"ok":true},"list":["x"]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`
		old  = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search"}}`
		list = `{"jsonrpc":"2.0","id":7,"method":"tools/list"}`
		read = `{"jsonrpc":"2.0","id":7,"method":"resources/read","params":{"uri":"file:///a"}}`
		done = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`
	)
	modern := func(more ...string) http.Header {
		h := http.Header{}
		h.Set("MCP-Protocol-Version", "2026-07-28")
		for i := 0; i < len(more); i += 2 {
			h.Add(more[i], more[i+1])
		}
		return h
	}
	full := func(more ...string) http.Header {
		return modern(append([]string{"Mcp-Method", "tools/call", "Mcp-Name", "=?base64?Z3LDtsOfZQ==?="}, more...)...)
	}
	for _, tt := range []struct {
		name, body string
		h          http.Header
		ok         bool
	}{
		{"everything mirrored", call, full("Mcp-Param-Region", "eu-1", "Mcp-Param-N", "42", "Mcp-Param-OK", "true"), true},
		{"a name that is not encoded", call, modern("Mcp-Method", "tools/call", "Mcp-Name", "größe"), true},
		{"another argument", call, full("Mcp-Param-Region", "us-1"), false},
		{"an element of a list", call, full("Mcp-Param-Region", "x"), false},
		{"an argument twice", call, full("Mcp-Param-Region", "eu-1", "Mcp-Param-Region", "eu-1"), false},
		{"another method", call, modern("Mcp-Method", "tools/list", "Mcp-Name", "größe"), false},
		{"two methods", call, full("Mcp-Method", "tools/call"), false},
		{"no method", call, modern("Mcp-Name", "größe"), false},
		{"another name", call, modern("Mcp-Method", "tools/call", "Mcp-Name", "search"), false},
		{"no name", call, modern("Mcp-Method", "tools/call"), false},
		{"another version", call, http.Header{"Mcp-Protocol-Version": {"2025-11-25"}, "Mcp-Method": {"tools/call"}, "Mcp-Name": {"größe"}}, false},
		{"no version", call, http.Header{"Mcp-Method": {"tools/call"}, "Mcp-Name": {"größe"}}, false},
		{"an older version without headers", old, http.Header{"Mcp-Protocol-Version": {"2025-11-25"}}, true},
		{"no headers", old, http.Header{}, true},
		{"an older version with another name", old, http.Header{"Mcp-Name": {"write"}}, false},
		{"a list", list, modern("Mcp-Method", "tools/list"), true},
		{"a list with an argument", list, modern("Mcp-Method", "tools/list", "Mcp-Param-A", "1"), false},
		{"a resource", read, modern("Mcp-Method", "resources/read", "Mcp-Name", "file:///a"), true},
		{"another resource", read, modern("Mcp-Method", "resources/read", "Mcp-Name", "file:///b"), false},
		{"a notification without headers", done, modern(), true},
	} {
		_, refused := parseMessage([]byte(tt.body), tt.h)
		if tt.ok {
			assert.Nil(t, refused, tt.name)
			continue
		}
		if assert.NotNil(t, refused, tt.name) {
			code, id := codeOf(t, refused.body)
			assert.Equal(t, codeHeaderMismatch, code, tt.name)
			assert.Equal(t, "7", id)
			assert.Equal(t, http.StatusBadRequest, refused.status)
		}
	}
}
