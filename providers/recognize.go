package providers

import "regexp"

// A TokenKind names a recognisable kind of token, such as "github_classic".
type TokenKind string

// A Certainty says how sure a recognition is.
type Certainty string

// Certainties. None of them is proof that a server takes the token.
const (
	Certain Certainty = "certain" // a documented prefix and length
	Likely  Certainty = "likely"  // a short prefix, which others may use too
	Hint    Certainty = "hint"    // a shape that its vendor does not document or vows to change
)

// A Recognition says what a token looks like. It holds no part of the token,
// save what a JWT says of itself.
type Recognition struct {
	Kind      TokenKind // such as "github_classic"
	Vendor    string    // such as "GitHub"; "" for a JWT of nobody known
	Name      string    // for sentences: "GitHub personal access token (classic)"
	Certainty Certainty
	// Never is not empty if no MCP server at all takes it as a bearer: a
	// sentence that says what it is for.
	Never string
	JWT   *JWT // what it says of itself, if it is a JSON Web Token; unverified
}

// Recognize tells whose token a text is and of what kind, by its shape alone
// and without asking anyone. It never means that a token is valid: shapes
// serve to refuse what is surely something else. ok is false for anything that
// has no known shape, such as most OAuth access tokens.
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
	prefix string // of every token of this shape; may be ""
	re     *regexp.Regexp
	fits   func(token string) bool // where a regular expression can't tell
}

func (s *shape) matches(token string) bool {
	return (s.re == nil || s.re.MatchString(token)) && (s.fits == nil || s.fits(token))
}

// knownKind reports whether Recognize can give that kind.
func knownKind(k TokenKind) bool {
	_, ok := kindOf(k)
	return ok
}

// kindOf returns what Recognize says of tokens of a kind.
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
