package mcpprobe

import (
	"net/http"
	"strings"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

// A challenge holds what an answer says of a bearer token (RFC 6750 section
// 3). Its texts are the server's.
type challenge struct {
	code, description, scope string
}

// challengeIn reads the first Bearer challenge that names an error, else the
// first one.
func challengeIn(h http.Header) challenge {
	var found challenge
	seen := false
	for _, c := range oauth.ParseChallenges(h) {
		if c.Scheme != "bearer" || seen && c.Error == "" {
			continue
		}
		found, seen = challenge{c.Error, c.Description, strings.Join(c.Scopes, " ")}, true
		if c.Error != "" {
			break
		}
	}
	return found
}
