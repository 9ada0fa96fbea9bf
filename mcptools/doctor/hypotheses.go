package doctor

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A suspicion is a hypothesis that is always weighed.
type suspicion struct {
	id     string
	action mcptools.Action
	// harmless: it explains what can't be told, or what will fail later, but
	// not why the server does not work now.
	harmless bool
	// vague: it is sure and explains little, so that anything likely is the
	// better cause.
	vague bool
	weigh func(e *evidence) (verdict, detail string)
}

// suspicions stand in the order of how much they explain: of two that are
// equally strong the first is the cause.
var suspicions = []suspicion{
	{id: "private_address", action: mcptools.ActionFixConfig, weigh: privateAddress},
	{id: "wrong_endpoint", action: mcptools.ActionFixConfig, weigh: wrongURL},
	{id: "wrong_token_kind", action: mcptools.ActionFixConfig, weigh: wrongTokenKind},
	{id: "wrong_audience", action: mcptools.ActionReconnect, weigh: wrongAudience},
	{id: "reauth_required", action: mcptools.ActionReconnect, weigh: grantEnded},
	{id: "unreachable", action: mcptools.ActionCheckServer, weigh: unreachable},
	{id: "server_error", action: mcptools.ActionWait, weigh: serverFailing},
	{id: "not_connected", action: mcptools.ActionConnect, weigh: notConnected},
	{id: "expired", action: mcptools.ActionRefresh, weigh: expiredToken},
	{id: "scope_missing", action: mcptools.ActionStepUp, weigh: missingScope},
	{id: "unauthorized", action: mcptools.ActionReconnect, vague: true, weigh: tokenRefused},
	{id: "address_blocked", action: mcptools.ActionCheckServer, weigh: addressBlocked},
	{id: "misconfigured", action: mcptools.ActionFixConfig, weigh: misconfigured},
	{id: "openai", action: mcptools.ActionWait, weigh: openAIsSide},
	{id: "untrusted_metadata", action: mcptools.ActionCheckServer, harmless: true, weigh: noConsent},
	{id: "lists_for_anyone", action: mcptools.ActionNone, harmless: true, weigh: listsForAnyone},
}

func (e *evidence) accepted() bool { return e.probe.Outcome == mcpprobe.Accepted }
func (e *evidence) refused() bool  { return e.probe.Outcome == mcpprobe.Refused }

// kind is why no entry can be built of the token.
func (e *evidence) kind() mcptools.Kind {
	if e.entryErr == nil {
		return ""
	}
	return e.entryErr.Kind
}

// openAI reports whether OpenAI said that.
func (e *evidence) openAI(kinds ...mcptools.Kind) bool {
	return e.Failure != nil && slices.Contains(kinds, e.Failure.Kind)
}

func wrongURL(e *evidence) (verdict, detail string) {
	switch {
	case e.urlErr != nil:
		return Confirmed, sentence(e.urlErr)
	case e.at.Server.Connector != "":
		return RuledOut, "A connector has no URL."
	case e.answer == nil:
		return Possible, "Nothing answers there."
	}
	switch status := e.answer.Status; {
	case status/100 == 3:
		return Confirmed, "It redirects to " + printable(withoutQuery(e.answer.Header.Get("Location"))) + ", and a token must not follow."
	case status == http.StatusNotFound, status == http.StatusGone, status == http.StatusMethodNotAllowed,
		status == http.StatusNotAcceptable, status == http.StatusUnsupportedMediaType, status == http.StatusMisdirectedRequest:
		return Confirmed, "What answers there is no MCP endpoint."
	case e.probe.Cause == mcpprobe.CauseWrongEndpoint, e.probe.Cause == mcpprobe.CauseProtocol:
		return Likely, e.probe.Detail
	}
	return RuledOut, "An MCP server answers there."
}

func unreachable(e *evidence) (verdict, detail string) {
	switch {
	case e.askErr != nil:
		return Confirmed, "The server can't be reached from here."
	case e.probe.Cause == mcpprobe.CauseUnreachable, e.probe.Cause == mcpprobe.CauseTLS, e.probe.Cause == mcpprobe.CauseTimeout:
		return Likely, e.probe.Detail
	case e.openAI(mcptools.KindUnreachable, mcptools.KindTimeout):
		return Possible, "It answers from here, but OpenAI could not reach it: it may be down now and then, or open to some networks only."
	}
	return RuledOut, "It answers."
}

func privateAddress(e *evidence) (verdict, detail string) {
	switch {
	case errors.Is(e.askErr, safehttp.ErrBlocked):
		return Confirmed, "The server's address is on this machine or in a private network, where OpenAI can't reach it."
	case e.answer != nil:
		return RuledOut, "The server was reached at a public address."
	}
	return Possible, "Its address is not known to be public."
}

func openAIsSide(e *evidence) (verdict, detail string) {
	switch {
	case e.openAI(mcptools.KindPlatform):
		return Confirmed, sentence(e.Failure)
	case e.Failure == nil:
		return RuledOut, "OpenAI has said nothing."
	case e.accepted():
		return Possible, "The server takes this token from here: the trouble may be on OpenAI's side, or on the way from there."
	}
	return RuledOut, "It does not work from here either."
}

func serverFailing(e *evidence) (verdict, detail string) {
	switch {
	case e.answer != nil && (e.answer.Status >= http.StatusInternalServerError || e.answer.Status == http.StatusTooManyRequests):
		return Confirmed, "The server fails, or asks to slow down, whoever comes."
	case e.probe.Cause == mcpprobe.CauseServerError, e.probe.Cause == mcpprobe.CauseRateLimited:
		return Confirmed, e.probe.Detail
	case e.openAI(mcptools.KindServerError, mcptools.KindRateLimited):
		return Possible, "It answers now, but OpenAI saw it fail."
	}
	return RuledOut, "It does not fail now."
}

func notConnected(e *evidence) (verdict, detail string) {
	switch {
	case e.Token != nil:
		return RuledOut, "There is a credential."
	case e.urlErr == nil && isOpen(e.at):
		return RuledOut, "The server is open to anyone."
	}
	return Confirmed, "The server wants a token, and there is no credential."
}

func wrongTokenKind(e *evidence) (verdict, detail string) {
	switch {
	case e.kind() == mcptools.KindWrongTokenKind:
		return Confirmed, sentence(e.entryErr)
	case e.accepted():
		return RuledOut, "The server takes it."
	case e.refused() && e.at.RESTToken == providers.No && e.foreign():
		return Likely, "The server takes no token of the vendor's REST API, and where this one is from is not known."
	case e.refused() && e.foreign():
		return Possible, "Where this token is from is not known."
	}
	return e.unlessToken()
}

// foreign reports whether nothing proves that the token was issued for this
// server.
func (e *evidence) foreign() bool {
	p := e.Token.Provenance
	return p.Obtained != oauthstore.ObtainedConsent && p.Resource == ""
}

// unlessToken is for suspicions about a token that nothing speaks for.
func (e *evidence) unlessToken() (verdict, detail string) {
	switch {
	case e.Token == nil:
		return RuledOut, "There is no token."
	case e.probe.Outcome == "" || e.probe.Outcome == mcpprobe.Unknown:
		return Possible, "The server did not say."
	}
	return RuledOut, "Nothing speaks for it."
}

func wrongAudience(e *evidence) (verdict, detail string) {
	switch {
	case e.kind() == mcptools.KindWrongAudience:
		return Confirmed, sentence(e.entryErr)
	case e.accepted():
		return RuledOut, "The server takes it."
	case e.refused() && e.probe.Reason == mcpprobe.ReasonAudience && e.foreign():
		return Likely, "The server refuses it, and nothing says that it was issued for this server."
	case e.refused() && e.probe.Reason == mcpprobe.ReasonAudience:
		return Possible, "The server refuses it, although it was obtained for this server."
	}
	return e.unlessToken()
}

func grantEnded(e *evidence) (verdict, detail string) {
	switch {
	case e.Status != nil && (e.Status.State == oauthstore.StateReauthorize || e.Status.State == oauthstore.StateRevoked):
		return Confirmed, "The store says that only the user's new consent helps (" + string(e.Status.Reason) + ")."
	case e.accepted():
		return RuledOut, "The server takes the token."
	case e.refused() && e.probe.Reason == mcpprobe.ReasonAudience:
		return Possible, "The user, an administrator or the vendor may have revoked it."
	}
	return e.unlessToken()
}

func expiredToken(e *evidence) (verdict, detail string) {
	switch {
	case e.Token == nil:
		return RuledOut, "There is no token."
	case e.expired():
		return Confirmed, "It has ended."
	case !e.Token.Expiry.IsZero() && time.Until(e.Token.Expiry) < time.Minute:
		return Likely, "It ends within a minute, and a response takes longer."
	case !e.Token.Expiry.IsZero(), e.accepted():
		return RuledOut, "It still lives."
	}
	return Possible, "When it ends is not known."
}

func missingScope(e *evidence) (verdict, detail string) {
	switch {
	case e.refused() && e.probe.Reason == mcpprobe.ReasonScope:
		return Confirmed, e.probe.Detail
	case e.openAI(mcptools.KindForbidden):
		return Likely, "OpenAI was refused with 403: listing tools may need less than calling them."
	case e.accepted():
		return RuledOut, "It reaches as far as listing the tools."
	}
	return e.unlessToken()
}

func tokenRefused(e *evidence) (verdict, detail string) {
	switch {
	case e.refused():
		return Confirmed, e.probe.Detail
	case e.accepted():
		return RuledOut, "The server takes it."
	}
	return e.unlessToken()
}

func addressBlocked(e *evidence) (verdict, detail string) {
	const list = "an allow-list of addresses, of the vendor's product or of the customer's workspace, may refuse "
	switch {
	case e.probe.Cause == mcpprobe.CauseForbidden:
		return Likely, "The server refuses access and names neither the token nor a scope: " + list + "this machine."
	case e.accepted() && e.openAI(mcptools.KindUnauthorized, mcptools.KindForbidden, mcptools.KindUnreachable, mcptools.KindTimeout, mcptools.KindUpstreamUnknown):
		return Likely, "The server takes this token from here, and OpenAI failed with it: " + list + "OpenAI's addresses (https://openai.com/chatgpt-connectors.json)."
	case e.refused(), e.urlErr != nil:
		return RuledOut, "It fails from here too."
	}
	return Possible, "It can't be told from here: " + list + "OpenAI's addresses (https://openai.com/chatgpt-connectors.json)."
}

func misconfigured(e *evidence) (verdict, detail string) {
	if k := e.kind(); k != "" && k != mcptools.KindWrongTokenKind && k != mcptools.KindWrongAudience {
		return Confirmed, sentence(e.entryErr)
	}
	if e.openAI(mcptools.KindInvalidTool, mcptools.KindUnsupported, mcptools.KindInvalidHistory) {
		return Confirmed, sentence(e.Failure)
	}
	return RuledOut, "The entry is as it must be."
}

func noConsent(e *evidence) (verdict, detail string) {
	switch {
	case e.metadataErr != nil:
		return Confirmed, sentence(e.metadataErr)
	case e.urlErr != nil || e.answer == nil:
		return Possible, "The metadata was not looked at."
	}
	return RuledOut, "Nothing stands in the way of a consent."
}

func listsForAnyone(e *evidence) (verdict, detail string) {
	switch {
	case e.urlErr == nil && e.anyone && e.Token != nil && !e.accepted() && !e.refused():
		return Confirmed, "The server lists its tools for anyone, so that only a tool call would show whether it takes the token."
	case e.answer == nil:
		return Possible, "It was not reached."
	}
	return RuledOut, "It tells who comes with a good token."
}

// strength orders verdicts.
var strength = map[string]int{Confirmed: 0, Likely: 1, Possible: 2, RuledOut: 3}

// report weighs everything.
func (e *evidence) report() Report {
	r := Report{
		Provider: e.Provider.ID, ServerURL: withoutQuery(cmp.Or(e.at.Server.URL, e.ServerURL)), Verdict: VerdictUnknown,
		Action: mcptools.ActionNone, Steps: e.steps, Checked: time.Now().UTC(),
	}
	failing := e.Failure != nil
	var cause Hypothesis
	rank := 3
	for _, s := range suspicions {
		verdict, detail := s.weigh(e)
		h := Hypothesis{ID: s.id, Verdict: verdict, Action: s.action, Detail: detail}
		switch {
		case s.id == "unauthorized", s.id == "expired":
			h.Action = e.renew()
		case s.id == "openai" && e.openAI(mcptools.KindPlatform):
			h.Action = e.Failure.Action
		}
		r.Hypotheses = append(r.Hypotheses, h)
		failing = failing || verdict == Confirmed && !s.harmless
		if at := s.rank(verdict); at < rank {
			cause, rank = h, at
		}
	}
	slices.SortStableFunc(r.Hypotheses, func(a, b Hypothesis) int { return strength[a.Verdict] - strength[b.Verdict] })
	switch {
	case failing:
		r.Verdict = VerdictFailing
	case e.accepted() || e.Token == nil && e.anyone && isOpen(e.at):
		r.Verdict = VerdictOK
		return r
	}
	r.Cause, r.Action = cause.ID, cmp.Or(cause.Action, mcptools.ActionNone)
	return r
}

// rank says how good a cause a suspicion is: 0 the best, 3 none.
func (s *suspicion) rank(verdict string) int {
	switch {
	case verdict == Confirmed && !s.vague && !s.harmless:
		return 0
	case verdict == Likely && !s.harmless:
		return 1
	case verdict == Confirmed: // what is harmless stands last in the table
		return 2
	}
	return 3
}

// renew is how a token that is no longer good is replaced.
func (e *evidence) renew() mcptools.Action {
	if e.Status != nil && e.Status.Refreshable {
		return mcptools.ActionRefresh
	}
	return mcptools.ActionReconnect
}
