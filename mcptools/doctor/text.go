package doctor

import (
	"errors"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
)

// maxText is the maximum length of a server's text, in bytes.
const maxText = 300

// withoutQuery removes a URL's query, which may contain secrets.
func withoutQuery(raw string) string {
	raw, _, _ = strings.Cut(raw, "?")
	return raw
}

// sentence formats an error of this library as a sentence.
func sentence(err error) string {
	text := err.Error()
	prefixes := []string{"mcptools: ", "providers: ", "oauthstore: ", "oauth: "}
	if f, ok := errors.AsType[*mcptools.Failure](err); ok {
		prefixes = append(prefixes, string(f.Kind)+": ", f.Provider+": ")
	}
	for _, prefix := range prefixes {
		text = strings.TrimPrefix(text, prefix)
	}
	return sentenceOf(text)
}

// sentenceOf returns a text with a capital letter and a full stop.
func sentenceOf(text string) string {
	if text == "" {
		return ""
	}
	return safetext.Capital(strings.TrimSuffix(text, ".")) + "."
}
