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

	"github.com/charmbracelet/lipgloss"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/providers"
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
	fields := []string{"kind", "stage", "server_label", "server_url", "tool_index", "tool_name", "upstream_status", "rpc_code", "action", "consent_url", "retryable", "provider", "advice", "commands"}
	for _, f := range fields {
		assert.Contains(t, have, f)
	}
	assert.Equal(t, "unknown", have["kind"])
	assert.Equal(t, false, have["retryable"])
	assert.Nil(t, have["provider"])
	assert.Equal(t, []any{}, have["advice"])
	assert.Equal(t, []any{}, have["commands"])
}

func TestExplainAnswersTheWholeReport(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.stdin = string(shared(t, "facts", "problem-report.md"))
	var have struct {
		Provider string   `json:"provider"`
		Advice   []string `json:"advice"`
		Commands []string `json:"commands"`
	}
	c.ok(t, &have, "explain")
	assert.Equal(t, "asana", have.Provider)
	said := strings.Join(have.Advice, "\n")
	assert.Contains(t, have.Advice[0], "https://mcp.asana.com/sse is retired")
	assert.Contains(t, said, "most likely a REST token")
	assert.Contains(t, said, "The server_url of Asana is https://mcp.asana.com/v2/mcp.")
	assert.Contains(t, said, "leave out the Authorization header in headers, and keep the field authorization")
	assert.Contains(t, said, "OpenAI adds that word")
	assert.Equal(t, []string{
		"toolgrant connect asana --client-id ID --client-secret-file FILE", "toolgrant doctor asana", "toolgrant entry asana",
	}, have.Commands)

	plain := c.run(t.Context(), "explain").out
	assert.Contains(t, plain, "\nAdvice\n  - The URL https://mcp.asana.com/sse is retired.")
	assert.Contains(t, plain, "\nNext\n  toolgrant connect asana --client-id ID")
	for line := range strings.Lines(plain) {
		assert.LessOrEqual(t, lipgloss.Width(strings.TrimSuffix(line, "\n")), 101, line) // "what to do" is one line
	}
}

func TestEveryCommandThatExplainNamesCanBeParsed(t *testing.T) {
	t.Parallel()
	a := &app{env: map[string]string{}}
	for _, p := range providers.All() {
		for _, text := range []string{
			"Error retrieving tool list from MCP server: '" + p.ID + "'. Http status code: 401 (Unauthorized)",
			"Error retrieving tool list from MCP server: '" + p.ID + "'. Http status code: 404 (Not Found)",
			p.Server.URL + " " + strings.Join(p.Server.Alternates, " ") + " Http status code: 401 (Unauthorized)",
		} {
			for _, line := range doctor.Advise(text, mcptools.Classify([]byte(text), nil)).Commands {
				words := strings.Fields(line)
				require.Equal(t, "toolgrant", words[0])
				cmd, rest, err := a.rootCommand().Find(words[1:])
				require.NoError(t, err, line)
				require.NoError(t, cmd.ParseFlags(rest), line)
				require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), line)
				label, _, _ := strings.Cut(cmd.Flags().Arg(0), "=")
				_, known := providers.Lookup(label)
				assert.True(t, known, line)
			}
		}
	}
}

func TestExplainTellsPeopleWhatToDo(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.stdin = `{"error":{"message":"Error retrieving tool list from MCP server: 'intranet'. Http status code: 401 (Unauthorized)","type":"external_connector_error","param":"tools","code":"http_error"}}`
	got := c.run(t.Context(), "explain")
	assert.Equal(t, exitDone, got.code)
	assert.Equal(t, strings.TrimPrefix(`
unauthorized  The MCP server refuses the token.

stage          list_tools
server         intranet
server status  401
what to do     get a fresh token and retry; if that is rejected too, the user must connect again
retry          no: fix the cause first, or check whether a tool has run

Next
  toolgrant doctor intranet=URL --token-file FILE
  toolgrant connect intranet=URL
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
