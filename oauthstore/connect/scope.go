package connect

import (
	"slices"

	"github.com/toolgrant/toolgrant/providers"
)

const offlineAccess = "offline_access"

// chooseScopes picks what to ask for: what the caller wants, else what the
// challenge names, which is authoritative, else what the resource's metadata
// offers, else the provider's data, else nothing (MCP 2026-07-28). The result
// is sorted, so that the same choice is the same request.
func chooseScopes(wanted, challenged, offered []string, known *providers.OAuth) []string {
	switch {
	case len(wanted) > 0:
		return sorted(wanted)
	case known.NoScopes:
		return nil
	}
	scopes := known.DefaultScopes
	switch {
	case len(challenged) > 0:
		scopes = challenged
	case len(offered) > 0:
		scopes = offered
	}
	return sorted(scopes)
}

// wantRefresh asks for a refresh token where that takes a scope: only where the
// authorization server lists it, since elsewhere it is an error (MCP
// 2026-07-28). With no other scope it would narrow the request to itself.
func (p *plan) wantRefresh(ask *Ask) {
	if len(p.Scopes) > 0 && len(ask.Scopes) == 0 && slices.Contains(p.Server.Scopes, offlineAccess) {
		p.Scopes = union(p.Scopes, []string{offlineAccess})
	}
}

// sorted returns the scopes without doubles; nil if there are none.
func sorted(scopes []string) []string {
	out := slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == "" })
	slices.Sort(out)
	return slices.Clip(slices.Compact(out))
}

// union returns the scopes of all lists.
func union(lists ...[]string) []string { return sorted(slices.Concat(lists...)) }
