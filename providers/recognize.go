package providers

import "regexp"

// A TokenKind names a recognisable kind of token, such as "github_classic".
type TokenKind string

// A Certainty is the confidence of a recognition.
type Certainty string

// Certainties. None proves that a server takes the token.
const (
	Certain Certainty = "certain" // a documented prefix and length
	Likely  Certainty = "likely"  // a short prefix, which others may use too
	Hint    Certainty = "hint"    // a shape that its vendor does not document or announces to change
)

// A Recognition describes a token by its shape. It holds no part of the token
// except the claims of a JWT.
type Recognition struct {
	Kind      TokenKind // such as "github_classic"
	Vendor    string    // such as "GitHub"; "" for a JWT of an unknown issuer
	Name      string    // for sentences: "GitHub personal access token (classic)"
	Certainty Certainty
	// Never is not empty if no MCP server takes it as a bearer: a sentence with
	// its purpose.
	Never string
	JWT   *JWT // its unverified claims, if it is a JSON Web Token
}

// Recognize returns the vendor and the kind of a token, by its shape alone. It
// sends no request. A match does not prove that the token is valid; use
// matches to refuse tokens for other servers. ok is false for a text without a known shape,
// such as most OAuth access tokens.
func Recognize(token string) (r Recognition, ok bool) {
	for i := range shapes {
		s := &shapes[i]
		if len(token) >= len(s.prefix) && token[:len(s.prefix)] == s.prefix && s.matches(token) {
			return s.Recognition, true
		}
	}
	return recognizeJWT(token)
}

// A shape is one row of the table of known shapes.
type shape struct {
	Recognition
	prefix string // prefix of every token of this shape; may be ""
	re     *regexp.Regexp
	fits   func(token string) bool // if not nil, in place of re
}

func (s *shape) matches(token string) bool {
	return (s.re == nil || s.re.MatchString(token)) && (s.fits == nil || s.fits(token))
}

// knownKind reports whether Recognize can return that kind.
func knownKind(k TokenKind) bool {
	_, ok := kindOf(k)
	return ok
}

// kindOf returns the recognition of tokens of a kind.
func kindOf(k TokenKind) (Recognition, bool) {
	for i := range shapes {
		if shapes[i].Kind == k {
			return shapes[i].Recognition, true
		}
	}
	for _, r := range jwtKinds {
		if r.Kind == k {
			return r, true
		}
	}
	return Recognition{}, false
}
