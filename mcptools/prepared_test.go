package mcptools

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// Most entries are copies of a prepared one. Options that name the server's own
// URL make an entry whole, by the same rules.
func TestAPreparedEntryIsTheEntryThatIsMadeWhole(t *testing.T) {
	t.Parallel()
	custom := providers.Custom("notes", "https://mcp.example.com/mcp", nil)
	for name, tc := range map[string]struct {
		p        providers.Provider
		opts     Options
		prepared bool
		copied   bool // no part of it is shared by copies
	}{
		"defaults":         {custom, Options{}, true, true},
		"Asana":            {providers.Asana(), Options{}, true, true},
		"texts":            {custom, Options{Label: "other", Description: "Notes", DeferLoading: true, Approval: ApprovalNever}, true, true},
		"bearer in header": {custom, Options{UseHeaders: true}, true, true},
		"tools":            {custom, Options{AllowedTools: []string{"a", "b"}}, true, false},
		"read-only":        {custom, Options{ReadOnly: true}, true, false},
		"approval by tool": {custom, Options{Approval: Approval{Never: []string{"a"}}}, true, false},
		"callers":          {custom, Options{AllowedCallers: []string{"direct"}}, true, false},
		"headers":          {custom, Options{Headers: map[string]string{"X-Team": "7"}}, false, false},
		"another platform": {custom, Options{Platform: platform.Groq()}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
				return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic-access-1")}, nil
			})
			tc.opts.InsecureSkipProbe = true
			b, err := NewBuilder(tc.p, source, &tc.opts)
			require.NoError(t, err)
			assert.Equal(t, tc.prepared, b.prepared.server != "")
			assert.Equal(t, tc.copied, b.prepared.tool != nil)

			owner := oauthstore.Owner{Tenant: "acme", Subject: "u_42"}
			build := func(opts *BuildOptions) responses.ToolUnionParam {
				tool, err := b.Build(t.Context(), owner, opts)
				require.NoError(t, err)
				return tool
			}
			want, err := json.Marshal(build(&BuildOptions{ServerURL: tc.p.Server.URL}))
			require.NoError(t, err)
			first := build(nil)
			have, err := json.Marshal(first)
			require.NoError(t, err)
			require.JSONEq(t, string(want), string(have))

			spoil(first.OfMcp)
			have, err = json.Marshal(build(nil))
			require.NoError(t, err)
			assert.JSONEq(t, string(want), string(have), "a change of one entry changes no other")

			_, err = b.Build(t.Context(), oauthstore.Owner{Tenant: "acme"}, nil)
			f, ok := AsFailure(err)
			require.True(t, ok)
			assert.Equal(t, KindMisconfigured, f.Kind)
		})
	}
}

// spoil changes everything that an entry holds or refers to.
func spoil(m *responses.ToolMcpParam) {
	for i := range m.AllowedCallers {
		m.AllowedCallers[i] = "spoiled"
	}
	for i := range m.AllowedTools.OfMcpAllowedTools {
		m.AllowedTools.OfMcpAllowedTools[i] = "spoiled"
	}
	if f := m.AllowedTools.OfMcpToolFilter; f != nil {
		f.ReadOnly.Value = false
	}
	if f := m.RequireApproval.OfMcpToolApprovalFilter; f != nil {
		for i := range f.Never.ToolNames {
			f.Never.ToolNames[i] = "spoiled"
		}
	}
	for name := range m.Headers {
		m.Headers[name] = "spoiled"
	}
	*m = responses.ToolMcpParam{ServerLabel: "spoiled"}
}
