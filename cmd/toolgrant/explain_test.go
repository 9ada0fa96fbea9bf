package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shared finds a file of the material that lies beside the repository: it is
// required in CI, and its absence a logged skip elsewhere.
func shared(t *testing.T, parts ...string) []byte {
	t.Helper()
	root := os.Getenv("TOOLGRANT_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(append([]string{root}, parts...)...))
	if os.IsNotExist(err) && os.Getenv("CI") == "" {
		t.Skipf("no shared material: %v", err)
	}
	require.NoError(t, err)
	return data
}

type explainCase struct {
	ID         string         `json:"id"`
	Surface    string         `json:"surface"`
	HTTPStatus *int           `json:"http_status"`
	Input      any            `json:"input"`
	SentLabels []string       `json:"sent_labels"`
	Expect     map[string]any `json:"expect"`
}

func TestExplainIsRightOnEveryPublishedFailure(t *testing.T) {
	t.Parallel()
	cases := slices.Concat(shared(t, "fixtures", "errors.jsonl"), shared(t, "fixtures", "errors-2.jsonl"))
	lines := bufio.NewScanner(bytes.NewReader(cases))
	lines.Buffer(nil, 1<<20)
	n := 0
	for lines.Scan() {
		var tt explainCase
		require.NoError(t, json.Unmarshal(lines.Bytes(), &tt))
		n++
		t.Run(tt.ID, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t)
			if text, ok := tt.Input.(string); ok {
				c.stdin = text
			} else {
				data, err := json.Marshal(tt.Input)
				require.NoError(t, err)
				c.stdin = string(data)
			}
			args := []string{"explain"}
			if tt.Surface != "other" {
				args = append(args, "--surface", tt.Surface)
			}
			if tt.HTTPStatus != nil {
				args = append(args, "--http-status", strconv.Itoa(*tt.HTTPStatus))
			}
			for _, l := range tt.SentLabels {
				args = append(args, "--label", l)
			}
			var have map[string]any
			c.ok(t, &have, args...)
			for name, want := range tt.Expect {
				if oneOf, list := want.([]any); list {
					assert.Contains(t, oneOf, have[name], name)
				} else {
					assert.Equal(t, want, have[name], name)
				}
			}
		})
	}
	require.NoError(t, lines.Err())
	assert.Positive(t, n)
}

func TestExplainHasEveryFieldOfTheContract(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.stdin = "nothing that anybody knows"
	var have map[string]any
	c.ok(t, &have, "explain")
	fields := []string{"kind", "stage", "server_label", "server_url", "tool_index", "tool_name", "upstream_status", "rpc_code", "action", "consent_url", "retryable"}
	for _, f := range fields {
		assert.Contains(t, have, f)
	}
	assert.Equal(t, "unknown", have["kind"])
	assert.Equal(t, false, have["retryable"])
}

func TestExplainTellsPeopleWhatToDo(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.stdin = `{"error":{"message":"Error retrieving tool list from MCP server: 'Asana'. Http status code: 401 (Unauthorized)","type":"external_connector_error","param":"tools","code":"http_error"}}`
	got := c.run(t.Context(), "explain")
	assert.Equal(t, exitDone, got.code)
	assert.Equal(t, strings.TrimPrefix(`
unauthorized  The MCP server refuses the token.

stage          list_tools
server         Asana
server status  401
what to do     get a fresh token and retry; if that is rejected too, the user must connect again
retry          no: fix the cause first, or check whether a tool has run
`, "\n"), got.out)
}

func TestExplainNamesTheConsentPage(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.stdin = `{"type":"oauth_consent_request","id":"oauthreq_1","consent_link":"https://consent.example/login?data=x","server_label":"crm"}`
	got := c.run(t.Context(), "explain")
	assert.Equal(t, exitDone, got.code)
	assert.Contains(t, got.out, "not_connected")
	assert.Contains(t, got.out, "https://consent.example/login?data=x")
}

func TestExplainAnswersOnInputsOfAnySize(t *testing.T) {
	t.Parallel()
	for _, input := range []string{"", "\n", strings.Repeat("x", maxInput+1), strings.Repeat("[", 1<<16), "\xff\xfe\x00"} {
		c := newCLI(t)
		c.stdin = input
		var have map[string]any
		c.ok(t, &have, "explain")
		assert.Equal(t, "unknown", have["kind"])
	}
}

func TestExplainRefusesFlagsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	for _, args := range [][]string{{"--surface", "moon"}, {"--http-status", "42"}, {"--http-status", "teapot"}, {"extra"}} {
		assert.EqualValues(t, kindUsage, c.fails(t, exitUsage, append([]string{"explain"}, args...)...).Kind)
	}
}
