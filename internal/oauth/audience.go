package oauth

import "slices"

// ForeignAudience reports whether a token that names its audience is for neither
// the resource nor the server. It returns false for a token without an audience.
func ForeignAudience(audience []string, resource, server string) bool {
	return len(audience) > 0 && !slices.ContainsFunc(audience, func(aud string) bool {
		return aud == resource || aud == server
	})
}
