package connect

import (
	"slices"

	"github.com/toolgrant/toolgrant/providers"
)

const offlineAccess = "offline_access"

// chooseScopes returns the scopes to request: those of the caller, else of the
// challenge, which is authoritative, else of the resource's metadata, else of
// the provider's data, else none (MCP 2026-07-28). The result is sorted, so that
// equal choices are equal requests.
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

// wantRefresh adds the scope for a refresh token, only if the authorization
// server lists it, since it is an error elsewhere (MCP 2026-07-28). As the only
// scope it would narrow the request to itself.
func (p *plan) wantRefresh(ask *Ask) {
	if len(p.Scopes) > 0 && len(ask.Scopes) == 0 && slices.Contains(p.Server.Scopes, offlineAccess) {
		p.Scopes = union(p.Scopes, []string{offlineAccess})
	}
}

// sorted returns the scopes without duplicates; nil if there are none.
func sorted(scopes []string) []string {
	out := slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == "" })
	slices.Sort(out)
	return slices.Clip(slices.Compact(out))
}

// union returns the scopes of all lists.
func union(lists ...[]string) []string { return sorted(slices.Concat(lists...)) }
