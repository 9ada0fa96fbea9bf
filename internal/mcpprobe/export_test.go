package mcpprobe

import "net/http"

// Clean makes a server's text fit to be shown beside those headers.
func Clean(h http.Header, text string, limit int) string {
	s := newScrubber(h)
	return s.clean(text, limit)
}
