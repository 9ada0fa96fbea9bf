package mcpprobe

import "net/http"

// ParseChallenge returns error, error_description and scope.
func ParseChallenge(values ...string) (code, description, scope string) {
	c := parseChallenge(values)
	return c.code, c.description, c.scope
}

// Clean makes a server's text fit to be shown beside those headers.
func Clean(h http.Header, text string, limit int) string {
	s := newScrubber(h)
	return s.clean(text, limit)
}
