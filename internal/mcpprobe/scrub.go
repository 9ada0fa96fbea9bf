package mcpprobe

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/toolgrant/toolgrant/internal/secret"
)

const (
	maxText = 300 // bytes of a server's text in a result
	maxWord = 100 // bytes of a code or a tool's name
	// window is how many bytes of a secret in a row give it away: a server
	// that quotes the beginning of a token is as bad as one that quotes all.
	window = 8
)

// A scrubber makes a server's text fit to be shown: bounded, printable, and
// without any part of what was sent as a secret.
type scrubber struct {
	parts map[string]bool // every window of every secret, in lower case
	short []string        // secrets shorter than that
}

func newScrubber(h http.Header) scrubber {
	s := scrubber{parts: map[string]bool{}}
	for name, values := range h {
		credential := strings.EqualFold(name, "Authorization")
		for _, v := range values {
			fields := strings.Fields(v)
			if len(fields) > 1 {
				fields = fields[1:] // without the scheme
			}
			for _, f := range fields {
				s.add(f, credential)
				if dec, err := base64.StdEncoding.DecodeString(f); err == nil {
					user, pass, _ := strings.Cut(string(dec), ":")
					s.add(user, false)
					s.add(pass, credential)
				}
			}
		}
	}
	return s
}

// add takes a secret in. Other headers than Authorization hold settings too,
// whose short values are ordinary words.
func (s *scrubber) add(text string, credential bool) {
	for _, form := range []string{text, url.QueryEscape(text), url.PathEscape(text)} {
		form = lower(form)
		if len(form) < window {
			if credential && len(form) >= window/2 {
				s.short = append(s.short, form)
			}
			continue
		}
		for i := 0; i+window <= len(form); i++ {
			s.parts[form[i:i+window]] = true
		}
	}
}

// clean returns text in at most limit bytes, with an ellipsis where it was cut.
func (s *scrubber) clean(text string, limit int) string {
	cut := len(text) > 4*limit
	text = text[:min(len(text), 4*limit)]
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = s.redact(strings.Join(strings.Fields(text), " "))
	if len(text) <= limit && !cut {
		return text
	}
	return strings.ToValidUTF8(text[:min(len(text), limit)], "") + "…"
}

// redact replaces every run of bytes that is part of a secret.
func (s *scrubber) redact(text string) string {
	low := lower(text)
	for _, short := range s.short {
		if strings.Contains(low, short) {
			return secret.Placeholder // too short to be told from ordinary words
		}
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		end := i
		for j := i; j <= end && j+window <= len(low); j++ {
			if s.parts[low[j:j+window]] {
				end = j + window
			}
		}
		if end > i {
			b.WriteString(secret.Placeholder)
			i = end
			continue
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}

// lower maps ASCII letters only, so that positions stay what they were.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
