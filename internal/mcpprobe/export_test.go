package mcpprobe

import "net/http"

// Clean returns a server's text as it is displayed, given the sent headers.
func Clean(h http.Header, text string, limit int) string {
	s := newScrubber(h)
	return s.clean(text, limit)
}
