package mcpprobe

import (
	"net/http"

	"github.com/toolgrant/toolgrant/internal/redact"
	"github.com/toolgrant/toolgrant/internal/safetext"
)

const (
	maxText = 300 // bytes of a server's text in a result
	maxWord = 100 // bytes of a code
)

// A scrubber prepares a server's text for display: short, printable, and
// without any part of the secrets that were sent.
type scrubber struct{ secrets *redact.Redactor }

func newScrubber(h http.Header) scrubber { return scrubber{redact.New(redact.Header(h)...)} }

// clean returns text on one line of at most limit bytes.
func (s scrubber) clean(text string, limit int) string {
	return safetext.Excerpt(s.secrets.Redact(text[:min(len(text), 8*limit)]), limit)
}
