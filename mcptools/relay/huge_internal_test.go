package relay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// members returns n members, each with the value.
func members(n int, value string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%x":%s`, i, value)
	}
	return b.String()
}

// cost returns how many bytes f allocates, in lengths of the text.
func cost(text string, f func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / float64(len(text))
}

const many = 300_000

func TestRequestsOfManyMembersCostLittle(t *testing.T) { //nolint:paralleltest // measures the process
	tiny := members(many, "0")
	for name, tc := range map[string]struct {
		format string
		limit  float64
		ok     bool
	}{
		"arguments":           {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"n":"v",%s}}}`, 7, true},
		"the client's result": {`{"jsonrpc":"2.0","id":1,"result":{%s}}`, 6, true},
		"the message":         {`{"jsonrpc":"2.0","id":1,"method":"tools/call",%s}`, 5, false},
		"params":              {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x",%s}}`, 5, false},
	} {
		text := fmt.Sprintf(tc.format, tiny)
		body, h := []byte(text), http.Header{}
		if tc.ok {
			h.Set(headerParam+"N", "v")
		}
		if name == "the client's result" {
			h = http.Header{}
		}
		var refused *refusal
		c := cost(text, func() { _, refused = parseMessage(body, h) })
		assert.Equal(t, tc.ok, refused == nil, name)
		t.Logf("%s: %.2f", name, c)
		assert.Less(t, c, tc.limit, name)
	}
}

func TestAnswersOfManyMembersCostLittle(t *testing.T) { //nolint:paralleltest // measures the process
	r := newPolicies(newStore(t), PinOff, nil).rules(policyKey, []string{"search"}, false, nil)
	tiny, zeros := members(many, "0"), strings.Repeat("0,", 10*many)+"0"
	for name, text := range map[string]string{
		"the message":        `{"jsonrpc":"2.0","id":3,` + tiny + `}`,
		"a result":           `{"jsonrpc":"2.0","id":3,"result":{"tools":[],` + tiny + `}}`,
		"a list":             `{"jsonrpc":"2.0","id":3,"result":{"tools":[` + zeros + `]}}`,
		"requests for input": `{"jsonrpc":"2.0","id":3,"result":{"inputRequests":{` + tiny + `}}}`,
	} {
		data, out := []byte(text), []byte(nil)
		c := cost(text, func() { out = r.filter(t.Context(), data) })
		_, id := codeOf(t, out)
		assert.Equal(t, "3", id, name)
		t.Logf("%s: %.2f", name, c)
		assert.Less(t, c, 0.3, name)
	}
	text := `{"jsonrpc":"2.0","id":"toolgrant-list","result":{"tools":[` + zeros + `]}}`
	page, err := []byte(text), error(nil)
	c := cost(text, func() { _, _, err = toolsIn(page) })
	require.ErrorIs(t, err, errList)
	t.Logf("a page: %.2f", c)
	assert.Less(t, c, 2.0)
}

func TestPageMayHaveNoTools(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]error{
		`{"result":{"tools":[{"name":"a"},{"name":"\ud800"}],"nextCursor":"c"}}`:            nil,
		`{"result":{"tools":[],"nextCursor":"c"}}`:                                          nil,
		`{"result":{"tools":null,"nextCursor":"c"}}`:                                        nil,
		`{"result":{"nextCursor":"c"}}`:                                                     nil,
		`{"result":{"tools":{},"nextCursor":"c"}}`:                                          errList,
		`{"result":{"tools":[` + strings.Repeat("0,", maxTools-1) + `0],"nextCursor":"c"}}`: nil,
		`{"result":{"tools":[` + strings.Repeat("0,", maxTools) + `0],"nextCursor":"c"}}`:   errList,
		`{"error":{"code":1}}`:                                                              errList, `{"result":null}`: errList, `{"result":{"tools":[}}`: errList,
		"{\"result\":{\"tools\":[{\"name\":\"\xff\"}],\"nextCursor\":\"c\"}}": nil,
	} {
		_, next, err := toolsIn([]byte(page))
		require.ErrorIs(t, err, want, page[:min(len(page), 60)])
		if want == nil {
			assert.Equal(t, "c", next)
		}
	}
}

func TestObjectWithTooManyMembersIsNotPassedUnjudged(t *testing.T) {
	t.Parallel()
	many := members(1000, "0")
	for name, result := range map[string]string{
		"tools":    `{"tools":[{"name":"write"}],` + many + `}`,
		"sampling": `{"inputRequests":{"a":{"method":"sampling/createMessage"}},` + many + `}`,
	} {
		r := newPolicies(newStore(t), PinOff, nil).rules(policyKey, []string{"search"}, false, nil)
		code, id := codeOf(t, r.filter(t.Context(), []byte(`{"jsonrpc":"2.0","id":3,"result":`+result+`}`)))
		assert.Equal(t, codeInternal, code, name)
		assert.Equal(t, "3", id)
	}
	for _, params := range []string{
		`"_meta":{` + many + `,"io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}`,
		`"_meta":{"io.modelcontextprotocol/clientCapabilities":{"sampling":{},` + many + `}}`,
		`"capabilities":{"sampling":{},` + many + `}`,
		`"capabilities":{"tasks":{"requests":{"sampling":{}},` + many + `}}`,
		`"capabilities":{"tasks":{"requests":{"sampling":{},` + many + `}}}`,
	} {
		_, refused := parseMessage([]byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{`+params+`}}`), http.Header{})
		require.NotNil(t, refused, params)
		assert.Equal(t, codeRequest, refused.code)
	}
}

func TestLargeCallsAndSchemasPass(t *testing.T) {
	t.Parallel()
	call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{` + members(5000, `{"a":[1,2],"A":"t"}`) + `,"z":{"n":7}}}}`
	m, refused := parseMessage([]byte(call), http.Header{headerParam + "N": {"7.0"}})
	require.Nil(t, refused)
	assert.Equal(t, call, string(m.body))
	_, refused = parseMessage([]byte(call), http.Header{headerParam + "N": {"1"}})
	require.NotNil(t, refused, "1 is an element of an array only")

	schema := `{"name":"big","inputSchema":{"type":"object","properties":{` + members(5000, `{"type":"string"}`) + `}},"annotations":{"readOnlyHint":true}}`
	p := newPolicies(newStore(t), PinBlock, nil)
	tool, ok := p.tools.read(json.RawMessage(schema))
	require.True(t, ok)
	assert.True(t, tool.readOnly)
	assert.NotEmpty(t, tool.print.Schema, "it can be pinned")
}
