package oauth

import (
	"slices"
	"strings"
)

// splitScopes splits scopes at spaces (RFC 6749) or at commas, which some
// servers use. It returns nil if there are more than a list may have.
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

// sortedScopes returns the scopes sorted and without duplicates, or nil.
func sortedScopes(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// ScopeOffline is the scope that some servers require to issue a refresh token
// (OpenID Connect Core section 11).
const ScopeOffline = "offline_access"

// A ScopeChoice has the sources of the scopes for an authorization.
type ScopeChoice struct {
	Challenge []string        // of the server's challenge: required now
	Resource  []string        // of the resource's metadata
	Default   []string        // configured; used if the other two are empty
	Before    []string        // requested before; always kept
	Server    *ServerMetadata // nil: unknown
	Offline   bool            // request a refresh token
}

// Scopes returns the scopes to request, sorted (MCP 2026-07-28): those of the
// challenge, else of the resource's metadata, else the default, else nil;
// always together with the scopes requested before. [ScopeOffline] is added
// only if the authorization server lists it; likewise it is dropped from the
// metadata's and the default scopes if the server does not.
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
