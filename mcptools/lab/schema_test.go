package lab_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3/packages/param"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// official compiles schemas of OpenAI's own specification.
func official(t *testing.T) func(name string) *jsonschema.Schema {
	t.Helper()
	dir := os.Getenv("TOOLGRANT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(dir, "schema", "openai-mcp.schema.json"))
	if os.IsNotExist(err) && os.Getenv("CI") == "" {
		t.Skip("the shared schema is missing")
	}
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	return func(name string) *jsonschema.Schema {
		c := jsonschema.NewCompiler()
		require.NoError(t, c.AddResource("openai.json", doc))
		s, err := c.Compile("openai.json#/components/schemas/" + name)
		require.NoError(t, err)
		return s
	}
}

// Every item and error of the lab matches OpenAI's own schema.
func TestOutputMatchesTheOfficialSchema(t *testing.T) {
	t.Parallel()
	schema := official(t)
	names := map[string]string{
		"mcp_list_tools": "MCPListTools", "mcp_call": "MCPToolCall", "mcp_approval_request": "MCPApprovalRequest",
	}
	seen := map[string]int{}
	check := func(name, raw string) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(raw))
		require.NoError(t, err)
		assert.NoError(t, schema(name).Validate(v), raw)
		seen[name]++
	}
	w := start(t, nil)
	c := openaiClient(t, w)
	for _, tool := range []string{"whoami", "fail", "plain"} {
		for _, fault := range []string{"", "notes:session_lost", "notes:call_401", "notes:call_error"} {
			for _, approval := range []string{"always", "never"} {
				w.Clear()
				if fault != "" {
					require.NoError(t, w.Fault(fault))
				}
				require.NoError(t, w.SetScript(script(t, `{"turns":[{"steps":[{"call":{"server_label":"notes","tool":"`+tool+`"}}]}]}`)))
				e := entry(w, "notes", w.Key("notes", "mia"))
				e.OfMcp.RequireApproval.OfMcpToolApprovalSetting = param.NewOpt(approval)
				resp, err := c.Responses.New(t.Context(), ask("go", e))
				require.NoError(t, err)
				for _, it := range resp.Output {
					if name := names[it.Type]; name != "" {
						check(name, it.RawJSON())
					}
				}
				for _, echoed := range resp.Tools {
					check("MCPTool", withoutNulls(t, echoed.RawJSON()))
				}
			}
		}
	}
	for _, fault := range []string{"401", "429", "quota", "500", "503", "model", "context_length", "unsupported"} {
		w.Clear()
		require.NoError(t, w.Fault("openai:"+fault))
		_, err := c.Responses.New(t.Context(), ask("go"))
		check("Error", apiError(t, err).RawJSON())
	}
	w.Clear()
	_, err := c.Responses.New(t.Context(), ask("go", entry(w, "notes", "synthetic")))
	check("Error", apiError(t, err).RawJSON())
	for _, name := range []string{"MCPListTools", "MCPToolCall", "MCPApprovalRequest", "MCPTool", "Error"} {
		assert.Positive(t, seen[name], name)
	}
}

// withoutNulls removes the null members of an echoed tool: the schema is that
// of a request, which omits them.
func withoutNulls(t *testing.T, raw string) string {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(raw), &v))
	for key, value := range v {
		if value == nil {
			delete(v, key)
		}
	}
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return string(out)
}
