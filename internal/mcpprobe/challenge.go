package mcpprobe

import (
	"net/http"
	"strings"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

// A challenge has the bearer parameters of a response (RFC 6750 section 3). Its
// texts are from the server.
type challenge struct {
	code, description, scope string
}

// challengeIn returns the first Bearer challenge with an error, else the first
// one.
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
