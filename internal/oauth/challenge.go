package oauth

import (
	"net/http"
	"slices"
	"strings"
)

const maxChallenges = 32

// A Challenge is one challenge of a WWW-Authenticate header (RFC 9110 section
// 11.6.1) with its OAuth parameters (RFC 6750 section 3, RFC 9728 section 5.1).
// Its texts come from the server and are limited in length.
type Challenge struct {
	Scheme           string   // lower case, such as "bearer", "dpop", "basic"
	Error            string   // error code, such as "insufficient_scope", or ""
	Description      string   // error_description, at most 200 bytes on one line
	Scopes           []string // scopes that the request needs, sorted; nil if absent
	ResourceMetadata string   // URL of the protected-resource metadata, or ""
}

// ParseChallenges parses all challenges of all WWW-Authenticate lines, in
// order. It skips malformed parts and keeps the challenges before them.
func ParseChallenges(h http.Header) []Challenge {
	var all []Challenge
	for _, line := range h.Values("WWW-Authenticate") {
		all = parseLine(all, line)
	}
	return all
}

// BearerChallenge returns the challenge that a client with a bearer token uses:
// the first bearer challenge with metadata, else the first bearer challenge. It
// reports whether there is one.
func BearerChallenge(all []Challenge) (Challenge, bool) {
	first := -1
	for i, c := range all {
		if c.Scheme != "bearer" {
			continue
		}
		if c.ResourceMetadata != "" {
			return c, true
		}
		if first < 0 {
			first = i
		}
	}
	if first < 0 {
		return Challenge{}, false
	}
	return all[first], true
}

// DemandsDPoP reports whether the challenges accept DPoP-bound tokens (RFC 9449
// section 7.1) but not bearer tokens. OpenAI can't use such a token.
func DemandsDPoP(all []Challenge) bool {
	has := func(scheme string) bool {
		return slices.ContainsFunc(all, func(c Challenge) bool { return c.Scheme == scheme })
	}
	return has("dpop") && !has("bearer")
}

func parseLine(all []Challenge, line string) []Challenge {
	s := scanner{rest: line}
	current := -1 // index of the challenge that parameters belong to
	for {
		s.skip(" \t,")
		name := s.token()
		if name == "" {
			if s.rest == "" {
				return all
			}
			// Not a token: skip to the next comma.
			_, s.rest, _ = strings.Cut(s.rest, ",")
			current = -1
			continue
		}
		spaced := s.skip(" \t")
		if strings.HasPrefix(s.rest, "=") {
			s.rest = s.rest[1:]
			s.skip(" \t")
			value := s.value()
			if current >= 0 {
				all[current].set(strings.ToLower(name), value)
			}
			continue
		}
		if len(all) == maxChallenges {
			return all
		}
		all = append(all, Challenge{Scheme: strings.ToLower(name)})
		current = len(all) - 1
		if spaced {
			s.skipToken68()
		}
	}
}

// set stores the parameters that OAuth defines. Of a repeated parameter the
// first value is kept.
func (c *Challenge) set(name, value string) {
	switch name {
	case "error":
		if c.Error == "" {
			c.Error = oauthCode(value)
		}
	case "error_description":
		if c.Description == "" {
			c.Description = oneLine(value, maxDescription)
		}
	case "scope":
		if c.Scopes == nil {
			c.Scopes = sortedScopes(splitScopes(value))
		}
	case "resource_metadata":
		if c.ResourceMetadata == "" && len(value) <= maxURL {
			c.ResourceMetadata = value
		}
	}
}

// A scanner reads a header line.
type scanner struct{ rest string }

// skip skips the characters of set and reports whether there were any.
func (s *scanner) skip(set string) bool {
	before := len(s.rest)
	s.rest = strings.TrimLeft(s.rest, set)
	return len(s.rest) < before
}

// token reads a token (RFC 9110 section 5.6.2), or "".
func (s *scanner) token() string {
	n := 0
	for n < len(s.rest) && isTokenChar(s.rest[n]) {
		n++
	}
	t := s.rest[:n]
	s.rest = s.rest[n:]
	return t
}

// value reads a quoted string or, since some servers send URLs without quotes,
// the text up to the next comma or space.
func (s *scanner) value() string {
	if !strings.HasPrefix(s.rest, `"`) {
		n := strings.IndexAny(s.rest, ", \t")
		if n < 0 {
			n = len(s.rest)
		}
		v := s.rest[:n]
		s.rest = s.rest[n:]
		return v
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String()
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	s.rest = "" // unterminated quote: ignore its content
	return ""
}

// skipToken68 skips a token68, which may replace the parameters: it is followed
// by the end or a comma, unlike a parameter's name.
func (s *scanner) skipToken68() {
	n := 0
	for n < len(s.rest) && isToken68Char(s.rest[n]) {
		n++
	}
	if n == 0 {
		return
	}
	after := strings.TrimLeft(strings.TrimLeft(s.rest[n:], "="), " \t")
	if after == "" || after[0] == ',' {
		s.rest = after
	}
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isTokenChar(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isToken68Char(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("-._~+/", c) >= 0
}
