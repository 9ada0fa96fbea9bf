package oauth

import (
	"slices"
	"strings"
)

// splitScopes reads scopes that are parted by spaces, as RFC 6749 has it, or
// by commas, as some servers write it. More than a list may hold give none.
func splitScopes(text string) []string {
	var list []string
	for {
		text = strings.TrimLeft(text, scopeSeparators)
		if text == "" {
			return list
		}
		if len(list) == maxList {
			return nil
		}
		end := strings.IndexAny(text, scopeSeparators)
		if end < 0 {
			end = len(text)
		}
		list = append(list, text[:end])
		text = text[end:]
	}
}

const scopeSeparators = " ,\t\r\n"

// sortedScopes returns the scopes sorted, each once; nil for none.
func sortedScopes(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// ScopeOffline is the scope that some servers want before they issue a refresh
// token (OpenID Connect Core section 11).
const ScopeOffline = "offline_access"

// A ScopeChoice holds what is known of scopes before an authorization.
type ScopeChoice struct {
	Challenge []string        // of the server's challenge: what it needs now
	Resource  []string        // of the resource's metadata
	Default   []string        // of somebody who knows the server; for where neither of them says
	Before    []string        // asked for before; they are kept when more is asked for
	Server    *ServerMetadata // nil: unknown
	Offline   bool            // a refresh token is wanted
}

// Scopes returns what to ask for, sorted (MCP 2026-07-28): what the challenge
// says, else what the resource's metadata lists, else the default, else
// nothing, which is nil; always with what was asked for before.
// [ScopeOffline] is added, and kept where only a list names it, if the
// authorization server lists it.
func (c ScopeChoice) Scopes() []string {
	listed := c.Server != nil && slices.Contains(c.Server.Scopes, ScopeOffline)
	chosen := c.Challenge
	for _, list := range [][]string{c.Resource, c.Default} {
		if len(chosen) > 0 {
			break
		}
		chosen = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == ScopeOffline && !listed })
	}
	chosen = slices.Concat(chosen, c.Before)
	if c.Offline && listed {
		chosen = append(chosen, ScopeOffline)
	}
	return sortedScopes(chosen)
}
