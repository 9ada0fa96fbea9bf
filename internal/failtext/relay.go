package failtext

import (
	"slices"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// relayKinds are the kinds of a relay's own answers.
var relayKinds = []Kind{
	KindUnauthorized, KindForbidden, KindBadRequest, KindNotFound, KindWrongEndpoint, KindRateLimited, KindTimeout, KindServerError,
	KindUnreachable, KindProtocol, KindUnsupported, KindNotConnected,
	"reauth_required", "wrong_audience", "wrong_token_kind", "temporarily_unavailable", "misconfigured",
}

// relayAnswer classifies an answer of package relay: its error has a kind and a
// message, and no other member. It does not tell which request it answers, so a
// tool may have been called.
func relayAnswer(o *loosejson.Object) Finding {
	kind := Kind(str(o, "kind"))
	if len(o.Keys) != 2 || !o.Has("message") || !slices.Contains(relayKinds, kind) {
		return Finding{}
	}
	if kind == "temporarily_unavailable" { // a word of builders
		kind = KindServerError
	}
	return Finding{score: scoreFailed, Kind: kind, Stage: StageListTools, MayHaveRun: true}
}
