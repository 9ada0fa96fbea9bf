package mcptools_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// pageOf links to the page for a key.
func pageOf(key oauthstore.Key) string {
	return "/connect/" + key.Provider + "?account=" + key.Account
}

func TestRefusalsThatTheOwnerCanFixCarryTheLink(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		class  error
		reason oauthstore.Reason
		want   string
	}{
		"not connected":            {oauthstore.ErrNotFound, "", "/connect/notes?account=work"},
		"spent":                    {oauthstore.ErrReauthorize, oauthstore.ReasonInvalidGrant, "/connect/notes?account=work"},
		"refused for its audience": {oauthstore.ErrRefused, oauthstore.ReasonAudience, "/connect/notes?account=work"},
		"without a scope":          {oauthstore.ErrRefused, oauthstore.ReasonScope, ""},
		"unavailable":              {oauthstore.ErrUnavailable, oauthstore.ReasonRefreshFailing, ""},
		"misconfigured":            {oauthstore.ErrMisconfigured, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := mcptools.NewBuilder(notes(), failsWith(&oauthstore.Error{Op: "token", Reason: tt.reason, Err: tt.class}), nil)
			require.NoError(t, err)
			_, err = b.Build(t.Context(), ada, &mcptools.BuildOptions{Account: "work", ConsentURL: pageOf})
			f, ok := mcptools.AsFailure(err)
			require.True(t, ok)
			assert.Equal(t, tt.want, f.ConsentURL)
		})
	}
}

func TestASkippedProviderNamesTheLinkInJSON(t *testing.T) {
	t.Parallel()
	var builders []*mcptools.Builder
	for _, id := range []string{"notes", "tasks"} {
		b, err := mcptools.NewBuilder(providers.Custom(id, "https://"+id+".example.com/mcp", nil), failsWith(oauthstore.ErrNotFound), nil)
		require.NoError(t, err)
		builders = append(builders, b)
	}
	set, err := mcptools.NewSet(builders...)
	require.NoError(t, err)
	r, err := set.Build(t.Context(), ada, &mcptools.SetBuildOptions{
		ConsentURL: pageOf,
		Each:       map[string]mcptools.BuildOptions{"tasks": {ConsentURL: func(oauthstore.Key) string { return "https://app.example.com/tasks" }}},
	})
	require.NoError(t, err)
	raw, err := json.Marshal(r.Skipped)
	require.NoError(t, err)
	assert.JSONEq(t, `[
		{"provider": "notes", "label": "notes", "kind": "not_connected", "action": "connect", "consent_url": "/connect/notes?account="},
		{"provider": "tasks", "label": "tasks", "kind": "not_connected", "action": "connect", "consent_url": "https://app.example.com/tasks"}
	]`, string(raw))
}

func TestUnsafeLinksAreDropped(t *testing.T) {
	t.Parallel()
	b, err := mcptools.NewBuilder(notes(), failsWith(oauthstore.ErrNotFound), nil)
	require.NoError(t, err)
	for link, safe := range map[string]bool{
		"/connect/notes": true, "https://app.example.com/connect/notes": true, "http://127.0.0.1:8080/connect/notes": true,
		"http://app.example.com/connect": false, "//evil.example.com": false, `/\evil.example.com`: false, "javascript:alert(1)": false,
		"connect/notes": false, "https:///connect": false, "https://user:pass@app.example.com/": false, "/connect\n": false, "/\u202econnect": false, "": false,
	} {
		_, err := b.Build(t.Context(), ada, &mcptools.BuildOptions{ConsentURL: func(oauthstore.Key) string { return link }})
		f, ok := mcptools.AsFailure(err)
		require.True(t, ok)
		if !safe {
			link = ""
		}
		assert.Equal(t, link, f.ConsentURL)
	}
}

func TestFailuresOfSentEntriesCarryTheLink(t *testing.T) {
	t.Parallel()
	creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{AccessToken: oauthstore.NewSecret("token-of-notes")}, nil
	})
	b, err := mcptools.NewBuilder(notes(), creds, &mcptools.Options{InsecureSkipProbe: true})
	require.NoError(t, err)
	entry, err := b.Entry(t.Context(), ada, &mcptools.BuildOptions{ConsentURL: pageOf})
	require.NoError(t, err)
	classify := func(raw string) *mcptools.Failure {
		return mcptools.Classify([]byte(raw), &mcptools.ClassifyOptions{Entries: []mcptools.Entry{entry}})
	}
	const list = `{"error": {"message": "Error retrieving tool list from MCP server: 'notes'. Http status code: `
	f := classify(list + `403 (Forbidden)", "code": "http_error"}}`)
	assert.Equal(t, mcptools.ActionReconnect, f.Action)
	assert.Equal(t, "/connect/notes?account=", f.ConsentURL)

	f = classify(list + `401 (Unauthorized)", "code": "http_error"}}`)
	assert.Equal(t, mcptools.ActionRefresh, f.Action)
	assert.Empty(t, f.ConsentURL, "a refresh comes first")

	f = classify(`{"type":"oauth_consent_request","id":"o_1","consent_link":"https://consent.example/login","server_label":"notes"}`)
	assert.Equal(t, mcptools.KindNotConnected, f.Kind)
	assert.Equal(t, "https://consent.example/login", f.ConsentURL, "the platform's own page")
}

func TestAFreshTokenThatIsRefusedTooCarriesTheLink(t *testing.T) {
	t.Parallel()
	h := newHealing(t, mcptools.Options{InsecureSkipProbe: true})
	require.NoError(t, h.Fault("notes:401"))
	sent, err := h.set.Build(t.Context(), ada, &mcptools.SetBuildOptions{ConsentURL: pageOf})
	require.NoError(t, err)
	_, err = h.ask(t, sent)
	f, ok := errors.AsType[*mcptools.Failure](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, mcptools.KindReauthorize, f.Kind)
	assert.Equal(t, "/connect/"+f.Provider+"?account=", f.ConsentURL)
}
