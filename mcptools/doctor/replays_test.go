package doctor_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/replay"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/providers"
)

// verifyReplay compares a record with the replay of its server.
func verifyReplay(t *testing.T, s *replay.Server) doctor.Verification {
	t.Helper()
	p, ok := providers.Lookup(s.ID)
	require.True(t, ok)
	v := doctor.VerifyCatalogue(t.Context(), []providers.Provider{p}, &doctor.VerifyOptions{InsecureTransport: replay.NewNet(s)})
	require.Len(t, v, 1)
	return v[0]
}

func TestReplaysDoNotDrift(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, s := range replay.Servers() {
		v := verifyReplay(t, s)
		if v.Outcome == doctor.OutcomeSkipped {
			assert.NotEmpty(t, v.Detail, s.ID)
			continue
		}
		p, _ := providers.Lookup(s.ID)
		if p.Server.URL != s.URL { // its OAuth is at another of its URLs
			continue
		}
		compared++
		assert.Equal(t, doctor.OutcomeSame, v.Outcome, "%s: %+v", s.ID, v.Drifts)
	}
	assert.Greater(t, compared, 80)
}

// TestDriftForgivesNothingThatConnectDoesNot has the changes with which a consent
// fails in package connect, and one with which it works.
func TestDriftForgivesNothingThatConnectDoesNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		id, member string // of the document that changes
		change     func(doc map[string]any)
		fact       string // that drifts; "": none
	}{
		"a slash after an issuer with a path": {"stripe", "issuer", func(d map[string]any) { d["issuer"] = "https://access.stripe.com/mcp/" }, "oauth.issuer"},
		"a slash after a listed issuer with a path": {"stripe", "resource", func(d map[string]any) {
			d["authorization_servers"] = []any{"https://access.stripe.com/mcp/"}
		}, "oauth.issuer"},
		"a slash after an issuer without a path": {"linear", "resource", func(d map[string]any) {
			d["authorization_servers"] = []any{"https://mcp.linear.app/"}
		}, ""},
		"another issuer": {"linear", "resource", func(d map[string]any) {
			d["authorization_servers"] = []any{"https://mcp.linear.app/as"}
		}, "oauth.issuer"},
		"no issuer":        {"linear", "resource", func(d map[string]any) { d["authorization_servers"] = []any{} }, "oauth.issuer"},
		"another resource": {"notion", "resource", func(d map[string]any) { d["resource"] = "https://mcp.notion.com/v2" }, "oauth.resource"},
		"bound tokens": {"notion", "resource", func(d map[string]any) {
			d["dpop_bound_access_tokens_required"] = true
		}, "oauth.resource"},
		"PKCE that is not advertised": {"sentry", "issuer", func(d map[string]any) { delete(d, "code_challenge_methods_supported") }, "oauth.pkce"},
		"PKCE plain only": {"zapier", "issuer", func(d map[string]any) {
			d["code_challenge_methods_supported"] = []any{"plain"}
		}, "oauth.pkce"},
		"no registration endpoint":              {"neon", "issuer", func(d map[string]any) { delete(d, "registration_endpoint") }, "oauth.registration_endpoint"},
		"another issuer than the pinned record": {"planetscale", "issuer", func(d map[string]any) { d["issuer"] = "https://as.example.com" }, "oauth.issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := replay.Servers()
			s := all[slices.IndexFunc(all, func(s *replay.Server) bool { return s.ID == c.id })]
			changed := 0
			for _, doc := range s.Documents {
				if doc[c.member] != nil {
					c.change(doc)
					changed++
				}
			}
			require.Equal(t, 1, changed)
			v := verifyReplay(t, s)
			if c.fact == "" {
				assert.Equal(t, doctor.OutcomeSame, v.Outcome, "%+v", v.Drifts)
				return
			}
			assert.Equal(t, doctor.OutcomeDiffers, v.Outcome)
			assert.True(t, slices.ContainsFunc(v.Drifts, func(d doctor.Drift) bool { return d.Fact == c.fact }), "%+v", v.Drifts)
		})
	}
}
