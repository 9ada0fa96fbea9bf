package mcptools_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/openai/openai-go/v3/packages/param"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

const (
	notesURL  = "https://mcp.notes.example/mcp"
	notesText = "synthetic-secret-Qm7vT2xK9dLw4Rz8"
)

var ada = oauthstore.Owner{Tenant: "acme", Subject: "ada"}

// notes is a server that the catalogue does not list.
func notes() providers.Provider {
	return providers.Custom("notes", notesURL, &providers.CustomOptions{Name: "Notes"})
}

// has is a credential store that holds one token for everybody.
func has(t oauthstore.Token) oauthstore.SourceFunc {
	return func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) { return t, nil }
}

func notesToken() oauthstore.Token {
	return oauthstore.Token{AccessToken: oauthstore.NewSecret(notesText), Generation: 3, Grant: "g1"}
}

// failsWith is a credential store that can't serve a token.
func failsWith(err error) oauthstore.SourceFunc {
	return func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{}, err
	}
}

// unprobed adds InsecureSkipProbe: these tests have no server.
func unprobed(o mcptools.Options) *mcptools.Options {
	o.InsecureSkipProbe = true
	return &o
}

// sent builds an entry and returns it as JSON, checked by every oracle.
func sent(t *testing.T, p providers.Provider, o mcptools.Options) string {
	t.Helper()
	b, err := mcptools.NewBuilder(p, has(notesToken()), unprobed(o))
	require.NoError(t, err)
	tool, err := b.Build(t.Context(), ada, nil)
	require.NoError(t, err)
	return string(requireValid(t, tool))
}

func TestEntry(t *testing.T) {
	t.Parallel()
	twoKeys := notes()
	twoKeys.Ways = []providers.Way{{ID: "keys", Kind: providers.WayKey, Name: "API key", Carry: []providers.Carry{
		{Header: "DD_API_KEY"}, {Header: "DD_APPLICATION_KEY", Secret: "application_key"},
	}}}
	documented := notes()
	documented.Headers = []providers.Header{{Name: "X-Notes-Version", Value: "2"}}
	gmail := providers.Provider{
		ID: "gmail", Name: "Gmail", Server: providers.Server{Connector: "connector_gmail"},
		Ways: []providers.Way{{ID: "oauth", Kind: providers.WayOAuth, Name: "OAuth"}},
	}

	const head = `{"type":"mcp","server_label":"notes","server_url":"` + notesURL + `","authorization":"` + notesText + `"`
	for name, tt := range map[string]struct {
		provider providers.Provider
		opts     mcptools.Options
		want     string
	}{
		"the zero options ask for approval of every call, and say so": {
			want: head + `,"require_approval":"always"}`,
		},
		"label and description": {
			opts: mcptools.Options{Label: "My_Notes-2", Description: "Notes of the team.\nNothing else."},
			want: `{"type":"mcp","server_label":"My_Notes-2","server_url":"` + notesURL + `","authorization":"` + notesText + `",
				"server_description":"Notes of the team.\nNothing else.","require_approval":"always"}`,
		},
		"approval explicitly": {
			opts: mcptools.Options{Approval: mcptools.ApprovalAlways},
			want: head + `,"require_approval":"always"}`,
		},
		"some tools always": {
			opts: mcptools.Options{Approval: mcptools.Approval{Always: []string{"delete"}}},
			want: head + `,"require_approval":{"always":{"tool_names":["delete"]}}}`,
		},
		"no approval": {
			opts: mcptools.Options{Approval: mcptools.ApprovalNever},
			want: head + `,"require_approval":"never"}`,
		},
		"approval by name": {
			opts: mcptools.Options{Approval: mcptools.Approval{Always: []string{"delete"}, Never: []string{"read", "search"}}},
			want: head + `,"require_approval":{"always":{"tool_names":["delete"]},"never":{"tool_names":["read","search"]}}}`,
		},
		"approval by the server's annotations": {
			opts: mcptools.Options{Approval: mcptools.Approval{InsecureTrustReadOnly: true}},
			want: head + `,"require_approval":{"never":{"read_only":true}}}`,
		},
		"tools by name": {
			opts: mcptools.Options{AllowedTools: []string{"read", "search"}},
			want: head + `,"require_approval":"always","allowed_tools":["read","search"]}`,
		},
		"read-only tools": {
			opts: mcptools.Options{ReadOnly: true},
			want: head + `,"require_approval":"always","allowed_tools":{"read_only":true}}`,
		},
		"read-only tools by name": {
			opts: mcptools.Options{ReadOnly: true, AllowedTools: []string{"read"}},
			want: head + `,"require_approval":"always","allowed_tools":{"read_only":true,"tool_names":["read"]}}`,
		},
		"callers and deferred loading": {
			opts: mcptools.Options{AllowedCallers: []string{"direct", "programmatic"}, DeferLoading: true},
			want: head + `,"require_approval":"always","allowed_callers":["direct","programmatic"],"defer_loading":true}`,
		},
		"further headers stand beside authorization": {
			opts: mcptools.Options{Headers: map[string]string{"X-Notes-Space": "team"}},
			want: head + `,"require_approval":"always","headers":{"X-Notes-Space":"team"}}`,
		},
		"the provider's headers are sent and can be replaced": {
			provider: documented,
			opts:     mcptools.Options{Headers: map[string]string{"x-notes-version": "3"}},
			want:     head + `,"require_approval":"always","headers":{"x-notes-version":"3"}}`,
		},
		"the token in headers has its scheme": {
			opts: mcptools.Options{UseHeaders: true, Headers: map[string]string{"X-Notes-Space": "team"}},
			want: `{"type":"mcp","server_label":"notes","server_url":"` + notesURL + `","require_approval":"always",
				"headers":{"Authorization":"Bearer ` + notesText + `","X-Notes-Space":"team"}}`,
		},
		"keys that are no bearer travel in their own headers": {
			provider: twoKeys,
			want: `{"type":"mcp","server_label":"notes","server_url":"` + notesURL + `","require_approval":"always",
				"headers":{"DD_API_KEY":"` + notesText + `","DD_APPLICATION_KEY":"synthetic-secret-application"}}`,
		},
		"a tunnel in place of the URL": {
			opts: mcptools.Options{TunnelID: "tunnel_0123456789abcdefghijklmnopqrstuv"},
			want: `{"type":"mcp","server_label":"notes","tunnel_id":"tunnel_0123456789abcdefghijklmnopqrstuv",
				"authorization":"` + notesText + `","require_approval":"always"}`,
		},
		"a connector": {
			provider: gmail,
			want:     `{"type":"mcp","server_label":"gmail","connector_id":"connector_gmail","authorization":"` + notesText + `","require_approval":"always"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tt.provider
			if p.ID == "" {
				p = notes()
			}
			b, err := mcptools.NewBuilder(p, has(oauthstore.Token{
				AccessToken: oauthstore.NewSecret(notesText),
				Secrets:     map[string]oauthstore.Secret{"application_key": oauthstore.NewSecret("synthetic-secret-application")},
			}), unprobed(tt.opts))
			require.NoError(t, err)
			e, err := b.Entry(t.Context(), ada, nil)
			require.NoError(t, err)
			assert.JSONEq(t, tt.want, string(requireValid(t, e.Tool())))
			raw, err := json.Marshal(e.Realtime())
			require.NoError(t, err)
			assert.JSONEq(t, tt.want, string(raw), "as a tool of a Realtime session")
		})
	}
}

func TestServerWithoutAuthenticationNeedsNoCredentials(t *testing.T) {
	t.Parallel()
	open := notes()
	open.Ways = []providers.Way{{ID: "none", Kind: providers.WayNone, Name: "nothing"}}
	never := failsWith(errors.New("was asked"))
	for name, creds := range map[string]oauthstore.Credentials{"none given": nil, "given but not wanted": never} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := mcptools.NewBuilder(open, creds, nil)
			require.NoError(t, err)
			tool, err := b.Build(t.Context(), ada, nil)
			require.NoError(t, err)
			assert.JSONEq(t, `{"type":"mcp","server_label":"notes","server_url":"`+notesURL+`","require_approval":"always"}`,
				string(requireValid(t, tool)))
		})
	}
	_, err := mcptools.NewBuilder(notes(), nil, nil)
	assert.ErrorContains(t, err, "Notes is not open to anyone")
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := mcptools.NewBuilder(notes(), nil, &mcptools.Options{
		Label:          "2 fast",
		Description:    "a\x00b",
		TunnelID:       "tunnel_SHORT",
		Approval:       mcptools.Approval{Always: []string{"x"}, Never: []string{"x", "y"}, InsecureTrustReadOnly: true},
		AllowedTools:   []string{"x", "x", ""},
		AllowedCallers: []string{"anyone"},
		Headers: map[string]string{
			"AUTHORIZATION": "Bearer x", "Proxy-Authorization": "x", "content-type": "text/plain", "Connection": "close",
			"bad name": "x", "X-Line": "a\r\nX-B: b", "X-Twice": "1", "x-twice": "2", "Mcp-Session-Id": "1", "X-Nul": "a\x00",
		},
	})
	require.Error(t, err)
	for _, want := range []string{
		`label "2 fast"`, "description", `TunnelID "tunnel_SHORT"`, `"x" in both Always and Never`, "both Never and InsecureTrustReadOnly",
		`names "y", which AllowedTools excludes`, `names "x" twice`, "not a valid tool name", `"anyone"`,
		"AUTHORIZATION", "Proxy-Authorization", "content-type", "Connection", `"bad name"`, "value of header X-Line", "set twice",
		"Mcp-Session-Id", "value of header X-Nul", "no credentials",
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestEmptyListIsRefused(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]mcptools.Options{
		"tools":   {AllowedTools: []string{}},
		"callers": {AllowedCallers: []string{}},
		"names":   {Approval: mcptools.Approval{Never: []string{}, InsecureTrustReadOnly: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mcptools.NewBuilder(notes(), has(notesToken()), &o)
			assert.ErrorContains(t, err, "empty")
		})
	}
}

func TestApprovalNeverCannotBeNarrowedAfterwards(t *testing.T) {
	t.Parallel()
	a := mcptools.ApprovalNever
	a.Always = []string{"delete"}
	_, err := mcptools.NewBuilder(notes(), has(notesToken()), &mcptools.Options{Approval: a})
	assert.ErrorContains(t, err, "ApprovalNever and selects tools too")
}

func TestLabels(t *testing.T) {
	t.Parallel()
	for label, ok := range map[string]bool{
		"a": true, "Z": true, "a1-_": true, "notes": true,
		"1a": false, "-a": false, "_a": false, "a b": false, "a.b": false, "ä": false, "a\n": false, "@": false, "a[": false,
	} {
		_, err := mcptools.NewBuilder(notes(), has(notesToken()), &mcptools.Options{Label: label})
		assert.Equal(t, ok, err == nil, "label %q: %v", label, err)
	}
}

func TestConnectors(t *testing.T) {
	t.Parallel()
	gmail := providers.Provider{
		ID: "gmail", Name: "Gmail", Server: providers.Server{Connector: "connector_gmail"},
		Ways: []providers.Way{{ID: "oauth", Kind: providers.WayOAuth, Name: "OAuth"}},
	}
	b, err := mcptools.NewBuilder(gmail, has(notesToken()), nil)
	require.NoError(t, err)
	e, err := b.Entry(t.Context(), ada, nil)
	require.NoError(t, err)
	require.Len(t, e.Warnings, 1)
	assert.Contains(t, e.Warnings[0], "deprecated")
	assert.Empty(t, e.ServerURL)
	_, err = b.Build(t.Context(), ada, &mcptools.BuildOptions{ServerURL: notesURL})
	require.ErrorIs(t, err, mcptools.KindMisconfigured)

	_, err = mcptools.NewBuilder(gmail, has(notesToken()), &mcptools.Options{UseHeaders: true})
	require.ErrorContains(t, err, "authorization only")
	gmail.Server.Connector = "connector_nope"
	_, err = mcptools.NewBuilder(gmail, has(notesToken()), nil)
	require.ErrorContains(t, err, "connector_nope")
}

func TestReturnedEntryBelongsToTheCaller(t *testing.T) {
	t.Parallel()
	o := mcptools.Options{
		AllowedTools: []string{"read", "write"}, AllowedCallers: []string{"direct"}, ReadOnly: true,
		Headers:  map[string]string{"X-Notes-Space": "team"},
		Approval: mcptools.Approval{Always: []string{"write"}, Never: []string{"read"}},
	}
	b, err := mcptools.NewBuilder(notes(), has(notesToken()), unprobed(o))
	require.NoError(t, err)
	e, err := b.Entry(t.Context(), ada, nil)
	require.NoError(t, err)
	want := requireValid(t, e.Tool())

	// The caller writes into everything that it has been given or has given.
	m := e.Tool().OfMcp
	m.ServerLabel, m.Authorization, m.ServerURL = "x", param.NewOpt("y"), param.NewOpt("z")
	m.AllowedTools.OfMcpToolFilter.ToolNames[0] = "x"
	m.AllowedTools.OfMcpToolFilter.ReadOnly = param.NewOpt(false)
	m.AllowedCallers[0] = "x"
	m.Headers["X-Notes-Space"], m.Headers["X-New"] = "x", "x"
	m.RequireApproval.OfMcpToolApprovalFilter.Always.ToolNames[0] = "x"
	m.RequireApproval.OfMcpToolApprovalFilter.Never.ToolNames[0] = "x"
	e.Warnings[0] = "x"
	o.AllowedTools[0], o.AllowedCallers[0], o.Headers["X-Notes-Space"] = "x", "x", "x"
	o.Approval.Always[0], o.Approval.Never[0] = "x", "x"

	next, err := b.Entry(t.Context(), ada, nil)
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(requireValid(t, next.Tool())))
	assert.NotContains(t, next.Warnings, "x")
}

func TestEntryDescribesItsCredential(t *testing.T) {
	t.Parallel()
	ends := time.Now().Add(time.Hour)
	var asked oauthstore.Key
	var ttl time.Duration
	source := oauthstore.SourceFunc(func(_ context.Context, k oauthstore.Key, d time.Duration) (oauthstore.Token, error) {
		asked, ttl = k, d
		tok := notesToken()
		tok.Expiry = ends
		return tok, nil
	})
	b, err := mcptools.NewBuilder(notes(), source, unprobed(mcptools.Options{Label: "n", Need: oauthstore.Need{MinTTL: time.Minute}}))
	require.NoError(t, err)
	assert.Equal(t, "n", b.Label())
	assert.Equal(t, "notes", b.ProviderID())

	e, err := b.Entry(t.Context(), ada, &mcptools.BuildOptions{Account: "work", MinTTL: 2 * time.Hour})
	require.NoError(t, err)
	want := oauthstore.Key{Owner: ada, Provider: "notes", Account: "work", Server: notesURL}
	assert.Equal(t, want, asked)
	assert.Equal(t, 2*time.Hour, ttl)
	assert.Equal(t, want, e.Key)
	assert.Equal(t, "n", e.Label)
	assert.Equal(t, "notes", e.Provider)
	assert.Equal(t, notesURL, e.ServerURL)
	assert.Equal(t, uint64(3), e.Generation)
	assert.Equal(t, "g1", e.Grant)
	assert.Equal(t, ends, e.Expiry)
	assert.True(t, e.Short)

	again, err := e.Renew(t.Context())
	require.NoError(t, err)
	assert.Equal(t, e.Key, again.Key)
	assert.Equal(t, 2*time.Hour, ttl)

	_, err = b.Entry(t.Context(), ada, nil)
	require.NoError(t, err)
	assert.Equal(t, time.Minute, ttl)

	_, err = b.Entry(t.Context(), ada, &mcptools.BuildOptions{MinTTL: 2 * time.Hour, RequireTTL: true})
	require.ErrorIs(t, err, mcptools.KindUnavailable)
}

func TestServerURLPerOwner(t *testing.T) {
	t.Parallel()
	p := notes()
	p.Server.URL = "https://{space}.notes.example/mcp"
	p.Server.Params = []providers.Param{{Name: "space", Pattern: `[a-z]+`, Example: "team"}}
	b, err := mcptools.NewBuilder(p, has(notesToken()), unprobed(mcptools.Options{}))
	require.NoError(t, err)

	e, err := b.Entry(t.Context(), ada, &mcptools.BuildOptions{ServerURL: "https://team.notes.example/mcp"})
	require.NoError(t, err)
	assert.Equal(t, "https://team.notes.example/mcp", e.Key.Server)
	assert.Equal(t, "https://team.notes.example/mcp", e.Tool().OfMcp.ServerURL.Value)

	for name, url := range map[string]string{
		"none":          "",
		"another host":  "https://evil.example/mcp",
		"a user name":   "https://u:" + notesText + "@team.notes.example/mcp",
		"another slash": "https://team.notes.example/mcp/",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.Build(t.Context(), ada, &mcptools.BuildOptions{ServerURL: url})
			require.ErrorIs(t, err, mcptools.KindMisconfigured)
			assert.NotContains(t, err.Error(), notesText)
		})
	}
}

func TestLoopbackIsForTests(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://127.0.0.1:8080/mcp", "https://localhost/mcp", "http://[::1]:1/mcp", "http://a.localhost/mcp"} {
		p := providers.Custom("local", url, nil)
		_, err := mcptools.NewBuilder(p, has(notesToken()), nil)
		require.ErrorContains(t, err, "InsecureAllowLoopback", url)
		_, err = mcptools.NewBuilder(p, has(notesToken()), &mcptools.Options{InsecureAllowLoopback: true})
		require.NoError(t, err, url)
	}
}

func TestHeadersPerOwner(t *testing.T) {
	t.Parallel()
	p := notes()
	p.Headers = []providers.Header{{Name: "X-Notes-Project", Doc: "The project's number.", Required: true}}
	b, err := mcptools.NewBuilder(p, has(notesToken()), unprobed(mcptools.Options{}))
	require.NoError(t, err)

	_, err = b.Build(t.Context(), ada, nil)
	require.ErrorIs(t, err, mcptools.KindMisconfigured)
	require.ErrorContains(t, err, "X-Notes-Project: The project's number.")

	tool, err := b.Build(t.Context(), ada, &mcptools.BuildOptions{Headers: map[string]string{"X-Notes-Project": "7"}})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"X-Notes-Project": "7"}, tool.OfMcp.Headers)
	requireValid(t, tool)

	_, err = b.Build(t.Context(), ada, &mcptools.BuildOptions{Headers: map[string]string{"X-Notes-Project": "7", "authorization": "Bearer x"}})
	require.ErrorIs(t, err, mcptools.KindMisconfigured)
}

// The four attempts of the report that started it: each is impossible to
// build, corrected, or refused with its reason. The first, with a token of the
// wrong kind, needs a server: see TestTokenOfTheRESTAPIIsRefusedBeforeOpenAISeesIt.
func TestTheFourAttempts(t *testing.T) {
	t.Parallel()
	t.Run("1 the bare token in authorization is what is built", func(t *testing.T) {
		t.Parallel()
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(sent(t, notes(), mcptools.Options{})), &entry))
		assert.Equal(t, notesText, entry["authorization"])
		assert.NotContains(t, entry, "headers")
	})
	t.Run("2 a scheme before the token is refused with its reason", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"Bearer " + notesText, "bearer " + notesText} {
			b, err := mcptools.NewBuilder(notes(), has(oauthstore.Token{AccessToken: oauthstore.NewSecret(text)}), unprobed(mcptools.Options{}))
			require.NoError(t, err)
			tool, err := b.Build(t.Context(), ada, nil)
			require.ErrorIs(t, err, mcptools.KindWrongTokenKind)
			assert.Contains(t, err.Error(), "earer")
			assert.NotContains(t, err.Error(), notesText)
			assert.Nil(t, tool.OfMcp)
		}
	})
	t.Run("3 headers are written by an option, with the scheme", func(t *testing.T) {
		t.Parallel()
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(sent(t, notes(), mcptools.Options{UseHeaders: true})), &entry))
		assert.Equal(t, map[string]any{"Authorization": "Bearer " + notesText}, entry["headers"])
		assert.NotContains(t, entry, "authorization")
	})
	t.Run("4 both at once can't be built", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"Authorization", "authorization", "AUTHORIZATION", "aUtHorization"} {
			for _, use := range []bool{false, true} {
				_, err := mcptools.NewBuilder(notes(), has(notesToken()), &mcptools.Options{
					UseHeaders: use, Headers: map[string]string{name: "Bearer " + notesText},
				})
				require.ErrorContains(t, err, "OpenAI refuses both together")
				assert.NotContains(t, err.Error(), notesText)
			}
		}
	})
}
