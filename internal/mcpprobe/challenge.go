package mcpprobe

import "strings"

// A challenge holds what a WWW-Authenticate header says of a bearer token (RFC
// 6750 section 3). Its texts are the server's, as they came.
type challenge struct {
	code, description, scope string
}

// maxChallenge bounds how much of each header value is read, in bytes.
const maxChallenge = 4 << 10

// parseChallenge reads the first Bearer challenge that names an error, else
// the first one, from WWW-Authenticate header values (RFC 9110 section 11.6.1).
// What is malformed is skipped.
func parseChallenge(values []string) challenge {
	var first *challenge
	for _, v := range values {
		for _, c := range bearerChallenges(v[:min(len(v), maxChallenge)]) {
			if c.code != "" {
				return c
			}
			if first == nil {
				first = &c
			}
		}
	}
	if first == nil {
		return challenge{}
	}
	return *first
}

// bearerChallenges splits one header value into challenges and returns those
// of the Bearer scheme. Commas separate both challenges and parameters, so a
// name that is followed by "=" is a parameter of the challenge before it, and
// any other name begins a challenge.
func bearerChallenges(s string) []challenge {
	var out []challenge
	bearer := false
	for s != "" {
		s = strings.TrimLeft(s, " \t,")
		n := strings.IndexFunc(s, func(r rune) bool { return !isTokenRune(r) })
		if n < 0 {
			n = len(s)
		}
		if n == 0 { // no name: skip what can't be read
			if s != "" {
				s = s[1:]
			}
			continue
		}
		name := s[:n]
		s = strings.TrimLeft(s[n:], " \t")
		value, isParam := strings.CutPrefix(s, "=")
		if !isParam {
			if bearer = strings.EqualFold(name, "Bearer"); bearer {
				out = append(out, challenge{})
			}
			continue
		}
		value, s = paramValue(strings.TrimLeft(value, " \t"))
		if !bearer {
			continue
		}
		c := &out[len(out)-1]
		switch strings.ToLower(name) {
		case "error":
			c.code = value
		case "error_description":
			c.description = value
		case "scope":
			c.scope = value
		}
	}
	return out
}

// paramValue reads a token or a quoted string and returns the rest.
func paramValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		n := strings.IndexAny(s, " \t,")
		if n < 0 {
			n = len(s)
		}
		return s[:n], s[n:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:]
		case '\\':
			i++
			if i < len(s) {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

// isTokenRune reports whether r may be part of a token (RFC 9110 section 5.6.2).
func isTokenRune(r rune) bool {
	return r > ' ' && r < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}
