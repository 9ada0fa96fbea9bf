package mcptools_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3/responses"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// officialSchema compiles MCPTool of OpenAI's own specification, without its
// network: nil where it is not there, which only CI forbids.
var officialSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	dir := os.Getenv("TOOLGRANT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	file, err := os.Open(filepath.Join(dir, "schema", "openai-mcp.schema.json"))
	if os.IsNotExist(err) && os.Getenv("CI") == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("openai.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("openai.json#/components/schemas/MCPTool")
})

// The rules that OpenAI enforces, or warns of in prose, and its schema misses.
var (
	labelRule = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	knownKeys = map[string]bool{
		"type": true, "server_label": true, "server_url": true, "connector_id": true, "tunnel_id": true,
		"authorization": true, "headers": true, "server_description": true, "allowed_tools": true,
		"allowed_callers": true, "require_approval": true, "defer_loading": true,
	}
)

// entryFaults returns everything that is wrong with an entry as it is sent.
func entryFaults(raw []byte) []string {
	var bad []string
	faultf := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }

	schema, err := officialSchema()
	if err != nil {
		faultf("schema: %v", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return append(bad, err.Error())
	}
	if schema != nil {
		if err := schema.Validate(doc); err != nil {
			faultf("schema: %v", err)
		}
	}

	entry := doc.(map[string]any)
	targets := 0
	for key := range entry {
		if !knownKeys[key] {
			faultf("unknown key %s", key)
		}
		if key == "server_url" || key == "connector_id" || key == "tunnel_id" {
			targets++
		}
	}
	if targets != 1 {
		faultf("%d targets", targets)
	}
	if label, _ := entry["server_label"].(string); !labelRule.MatchString(label) {
		faultf("label %q", label)
	}
	if names, ok := entry["allowed_tools"].([]any); ok && len(names) == 0 {
		faultf("allowed_tools is empty")
	}
	if filter, ok := entry["require_approval"].(map[string]any); ok && len(filter) == 0 {
		faultf("require_approval is empty")
	}
	if entry["require_approval"] == nil {
		faultf("require_approval is left to OpenAI's default")
	}
	authorization, hasToken := entry["authorization"].(string)
	if hasToken && (authorization == "" || strings.ContainsAny(authorization, " \r\n\t") || strings.HasPrefix(strings.ToLower(authorization), "bearer")) {
		faultf("authorization is no bare token")
	}
	headers, _ := entry["headers"].(map[string]any)
	for name, value := range headers {
		text, _ := value.(string)
		if strings.ContainsAny(name+text, "\r\n\x00") || name == "" || text == "" {
			faultf("header %q", name)
		}
		if strings.EqualFold(name, "authorization") && (hasToken || entry["connector_id"] != nil) {
			faultf("header %s beside authorization or a connector", name)
		}
	}
	if url, ok := entry["server_url"].(string); ok && strings.ContainsAny(url, "@# ") {
		faultf("server_url with user name, fragment or space")
	}
	return bad
}

// requireValid checks an entry by the official schema, by the rules that it
// misses and by a round trip through openai-go, which drops what it does not
// know. It returns the entry as it is sent.
func requireValid(tb testing.TB, tool responses.ToolUnionParam) []byte {
	tb.Helper()
	raw, err := json.Marshal(tool)
	require.NoError(tb, err)
	require.Empty(tb, entryFaults(raw))

	var back responses.ToolUnionParam
	require.NoError(tb, json.Unmarshal(raw, &back))
	again, err := json.Marshal(back)
	require.NoError(tb, err)
	require.JSONEq(tb, string(raw), string(again))
	return raw
}

func TestEntryFaultsFindsWhatTheSchemaMisses(t *testing.T) {
	t.Parallel()
	if schema, err := officialSchema(); schema == nil && err == nil {
		t.Log("the official schema is not there: only the rules that it misses are checked")
	}
	for name, raw := range map[string]string{
		"no target":        `{"type":"mcp","server_label":"a","require_approval":"always"}`,
		"two targets":      `{"type":"mcp","server_label":"a","require_approval":"always","server_url":"https://a.example","connector_id":"connector_gmail"}`,
		"illegal label":    `{"type":"mcp","server_label":"1a","require_approval":"always","server_url":"https://a.example"}`,
		"no label":         `{"type":"mcp","require_approval":"always","server_url":"https://a.example"}`,
		"unknown key":      `{"type":"mcp","server_label":"a","require_approval":"always","server_url":"https://a.example","token":"x"}`,
		"no approval":      `{"type":"mcp","server_label":"a","server_url":"https://a.example"}`,
		"scheme in token":  `{"type":"mcp","server_label":"a","require_approval":"always","server_url":"https://a.example","authorization":"Bearer x"}`,
		"token twice":      `{"type":"mcp","server_label":"a","require_approval":"always","server_url":"https://a.example","authorization":"x","headers":{"AUTHORIZATION":"Bearer x"}}`,
		"empty tools":      `{"type":"mcp","server_label":"a","require_approval":"always","server_url":"https://a.example","allowed_tools":[]}`,
		"empty approval":   `{"type":"mcp","server_label":"a","require_approval":{},"server_url":"https://a.example"}`,
		"header of a line": `{"type":"mcp","server_label":"a","require_approval":"always","server_url":"https://a.example","headers":{"X-A":"1\r\nX-B: 2"}}`,
		"connector header": `{"type":"mcp","server_label":"a","require_approval":"always","connector_id":"connector_gmail","headers":{"Authorization":"Bearer x"}}`,
		"user name in URL": `{"type":"mcp","server_label":"a","require_approval":"always","server_url":"https://u:p@a.example"}`,
		"not JSON":         `[`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, entryFaults([]byte(raw)))
		})
	}
}
