package oauth

import "slices"

// ForeignAudience reports whether a token that names its audience is for neither
// the resource nor the server. Without an audience, a token says nothing.
func ForeignAudience(audience []string, resource, server string) bool {
	return len(audience) > 0 && !slices.ContainsFunc(audience, func(aud string) bool {
		return aud == resource || aud == server
	})
}
