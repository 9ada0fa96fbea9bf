package mcptools

import (
	"errors"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// newRefusal returns a refusal of Build's own, stage build, with the action
// that the contract gives its kind. provider is the id. sentence is the
// reason, for a log: our own words, without a token, a URL's query or text of
// a server's beyond what is bounded and scrubbed; it is not shown to users.
// err is what it comes from; a RetryAfter of package oauthstore's is kept.
//
// Set name on the result to the provider's name for people.
func newRefusal(kind Kind, provider, label, sentence string, err error) *Failure {
	f := &Failure{
		Kind: kind, Stage: StageBuild, Action: kind.Action(),
		Provider: provider, ServerLabel: label, sent: true,
		sentence: sentence, err: err,
	}
	if stored := (*oauthstore.Error)(nil); errors.As(err, &stored) {
		f.RetryAfter = stored.RetryAfter
	}
	return f
}
