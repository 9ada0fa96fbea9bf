package errtext

import (
	"slices"
	"strings"
)

// packages of this module whose errors begin with their name.
var packages = []string{"oauthstore", "keyset", "connect", "mcptools", "session", "doctor", "lab", "providers", "oauth"}

// Sentence returns the text of err without the name of its package: that of its
// method Sentence, if it has one. Joined errors are separated by "; ".
func Sentence(err error) string {
	switch e := err.(type) { //nolint:errorlint // of err itself, not of its cause
	case interface{ Sentence() string }:
		return e.Sentence()
	case interface{ Unwrap() []error }:
		joined := e.Unwrap()
		texts := make([]string, len(joined))
		for i, one := range joined {
			texts[i] = one.Error()
		}
		if strings.Join(texts, "\n") == err.Error() { // errors.Join, and not fmt.Errorf with two errors
			for i, one := range joined {
				texts[i] = Sentence(one)
			}
			return strings.Join(texts, "; ")
		}
	}
	name, rest, ok := strings.Cut(err.Error(), ": ")
	if ok && slices.Contains(packages, name) {
		return rest
	}
	return err.Error()
}
