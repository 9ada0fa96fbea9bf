package doctor

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A suspicion is a hypothesis that every examination evaluates.
type suspicion struct {
	id     string
	action mcptools.Action
	// harmless: it explains a missing result or a later failure, but not why the
	// server fails now.
	harmless bool
	// vague: when confirmed it explains little, so that any likely hypothesis is
	// the better cause.
	vague bool
	// consent: it explains why a consent can't begin, which matters now only
	// without a credential.
	consent  bool
	evaluate func(e *evidence) (verdict, detail string)
}

// suspicions are sorted by how much they explain: of two with the same verdict
// the first is the cause.
var suspicions = []suspicion{
	{id: "private_address", action: mcptools.ActionFixConfig, evaluate: privateAddress},
	{id: "wrong_endpoint", action: mcptools.ActionFixConfig, evaluate: wrongURL},
	{id: "wrong_token_kind", action: mcptools.ActionFixConfig, evaluate: wrongTokenKind},
	{id: "reauth_required", action: mcptools.ActionReconnect, evaluate: reauthRequired},
	{id: "expired", action: mcptools.ActionRefresh, evaluate: expiredToken},
	{id: "revoked", action: mcptools.ActionReconnect, evaluate: revokedToken},
	{id: "wrong_audience", action: mcptools.ActionReconnect, evaluate: wrongAudience},
	{id: "unreachable", action: mcptools.ActionCheckServer, evaluate: unreachable},
	{id: "rate_limited", action: mcptools.ActionWait, evaluate: rateLimited},
	{id: "server_error", action: mcptools.ActionWait, evaluate: serverFailing},
	{id: "no_metadata", action: mcptools.ActionFixConfig, consent: true, evaluate: noConsent("no_metadata")},
	{id: "no_registration", action: mcptools.ActionFixConfig, consent: true, evaluate: noConsent("no_registration")},
	{id: "untrusted_metadata", action: mcptools.ActionCheckServer, consent: true, evaluate: noConsent("untrusted_metadata")},
	{id: "not_connected", action: mcptools.ActionConnect, evaluate: notConnected},
	{id: "scope_missing", action: mcptools.ActionStepUp, evaluate: missingScope},
	{id: "unauthorized", action: mcptools.ActionReconnect, vague: true, evaluate: tokenRefused},
	{id: "address_blocked", action: mcptools.ActionCheckServer, evaluate: addressBlocked},
	{id: "forbidden", action: mcptools.ActionCheckServer, evaluate: denied},
	{id: "no_tools", action: mcptools.ActionCheckServer, evaluate: noTools},
	{id: "tool_limits", action: mcptools.ActionFixConfig, evaluate: toolLimits},
	{id: "misconfigured", action: mcptools.ActionFixConfig, evaluate: misconfigured},
	{id: "openai", action: mcptools.ActionWait, evaluate: openAIFailing},
	{id: "lists_for_anyone", action: mcptools.ActionNone, harmless: true, evaluate: listsForAnyone},
}

func (e *evidence) accepted() bool { return e.probe.Outcome == mcpprobe.Accepted }
func (e *evidence) refused() bool  { return e.probe.Outcome == mcpprobe.Refused }

// kind returns the kind of the failure to build an entry, or "".
func (e *evidence) kind() mcptools.Kind {
	if e.entryErr == nil {
		return ""
	}
	return e.entryErr.Kind
}

// openAI reports whether OpenAI reported a failure of one of the kinds.
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
		return Possible, "There is no response from this URL."
	case e.accepted(), e.anyone:
		return RuledOut, "The URL is an MCP endpoint."
	case e.probe.Cause == mcpprobe.CauseVersion:
		return Confirmed, e.probe.Detail
	case e.plain.Cause == mcpprobe.CauseVersion:
		return Confirmed, e.plain.Detail
	}
	switch status := e.answer.Status; {
	case status/100 == 3:
		return Confirmed, "It redirects to " + safetext.Excerpt(withoutQuery(e.answer.Header.Get("Location")), maxText) + "; tokens are not sent to redirect targets."
	case status == http.StatusNotFound, status == http.StatusGone, status == http.StatusMethodNotAllowed,
		status == http.StatusNotAcceptable, status == http.StatusUnsupportedMediaType, status == http.StatusMisdirectedRequest:
		return Confirmed, "The URL is not an MCP endpoint."
	case e.probe.Cause == mcpprobe.CauseWrongEndpoint, e.probe.Cause == mcpprobe.CauseProtocol:
		return Likely, e.probe.Detail
	case e.plain.Cause == mcpprobe.CauseProtocol, e.plain.Cause == mcpprobe.CauseWrongEndpoint:
		return Likely, e.plain.Detail
	}
	return RuledOut, "The URL is an MCP endpoint."
}

// movedTo returns the target of a redirect within the server's origin, without a
// query; "" if there is none.
func (e *evidence) movedTo() string {
	if e.answer == nil || e.answer.Status/100 != 3 {
		return ""
	}
	from, err := url.Parse(e.at.Server.URL)
	if err != nil {
		return ""
	}
	to, err := from.Parse(e.answer.Header.Get("Location"))
	if err != nil || !safehttp.SameOrigin(from, to) || to.User != nil || to.RawQuery != "" || to.Fragment != "" || to.Path == from.Path {
		return ""
	}
	return to.String()
}

// noResponse are the causes of a probe without a response.
var noResponse = []string{
	mcpprobe.CauseUnreachable, mcpprobe.CauseNoSuchHost, mcpprobe.CauseConnRefused, mcpprobe.CauseConnReset, mcpprobe.CauseTLS, mcpprobe.CauseTimeout,
}

func unreachable(e *evidence) (verdict, detail string) {
	switch {
	case errors.Is(e.askErr, safehttp.ErrBlocked):
		return RuledOut, "No request was sent."
	case e.askErr != nil:
		return Confirmed, e.silence()
	case slices.Contains(noResponse, e.probe.Cause):
		return Likely, e.probe.Detail
	case e.Relayed && e.openAI(mcptools.KindUnreachable, mcptools.KindTimeout):
		return Possible, "It responds to this machine: OpenAI may not reach the relay at its public URL, or the relay may not have reached the server."
	case e.openAI(mcptools.KindUnreachable, mcptools.KindTimeout):
		return Possible, "It responds to this machine, but OpenAI could not reach it: it may be down intermittently, or restricted to some networks."
	}
	return RuledOut, "The server responds."
}

func privateAddress(e *evidence) (verdict, detail string) {
	switch {
	case errors.Is(e.askErr, safehttp.ErrBlocked):
		return Confirmed, "The server's address is on this machine or in a private network, where OpenAI can't reach it."
	case e.answer != nil && e.opts.InsecureAllowLoopback:
		return RuledOut, "The server was reached, and loopback addresses are allowed for tests."
	case e.answer != nil:
		return RuledOut, "The server was reached at a public address."
	}
	return Possible, "It is unknown whether the server's address is public."
}

func openAIFailing(e *evidence) (verdict, detail string) {
	switch {
	case e.openAI(mcptools.KindPlatform):
		return Confirmed, sentence(e.Failure)
	case e.Failure == nil:
		return RuledOut, "OpenAI reported no failure."
	case e.accepted():
		return Possible, "The server accepts this token from here: the cause may be OpenAI's service or its connection to the server."
	}
	return RuledOut, "It fails from here too."
}

func serverFailing(e *evidence) (verdict, detail string) {
	switch {
	case e.answer != nil && e.answer.Status >= http.StatusInternalServerError:
		return Confirmed, fmt.Sprintf("The server fails with status %d, even without a token.", e.answer.Status)
	case e.probe.Cause == mcpprobe.CauseServerError:
		return Confirmed, e.probe.Detail
	case e.openAI(mcptools.KindServerError):
		return Possible, "It responds now, but it failed for OpenAI."
	}
	return RuledOut, "It does not fail now."
}

func rateLimited(e *evidence) (verdict, detail string) {
	switch {
	case e.answer != nil && e.answer.Status == http.StatusTooManyRequests:
		return Confirmed, "The server limits the request rate (429), even without a token."
	case e.probe.Cause == mcpprobe.CauseRateLimited:
		return Confirmed, e.probe.Detail
	case e.openAI(mcptools.KindRateLimited):
		return Possible, "It responds now, but it limited OpenAI's requests."
	}
	return RuledOut, "It does not limit the request rate now."
}

func notConnected(e *evidence) (verdict, detail string) {
	switch {
	case e.Token != nil:
		return RuledOut, "There is a credential."
	case e.urlErr == nil && e.openServer():
		return RuledOut, "The server requires no token."
	}
	return Confirmed, "The server requires a token, and there is no credential."
}

func wrongTokenKind(e *evidence) (verdict, detail string) {
	switch {
	case e.kind() == mcptools.KindWrongTokenKind:
		return Confirmed, sentence(e.entryErr)
	case e.accepted():
		return RuledOut, "The server accepts it."
	case e.refused() && (e.probe.Reason == mcpprobe.ReasonExpired || e.probe.Reason == mcpprobe.ReasonRevoked):
		return RuledOut, "The server gives another reason."
	case e.refused() && e.at.RESTToken == providers.No && e.foreign():
		return Likely, "The server does not accept tokens of the vendor's REST API, and the origin of this one is unknown."
	case e.refused() && e.foreign():
		return Possible, "The origin of this token is unknown."
	}
	return e.unlessToken()
}

// foreign reports whether there is no proof that the token was issued for this
// server.
func (e *evidence) foreign() bool {
	p := e.Token.Provenance
	return p.Obtained != oauthstore.ObtainedConsent && p.Resource == ""
}

// unlessToken is the verdict on a hypothesis about the token without evidence
// for it.
func (e *evidence) unlessToken() (verdict, detail string) {
	switch {
	case e.Token == nil:
		return RuledOut, "No token was examined."
	case e.probe.Outcome == "" || e.probe.Outcome == mcpprobe.Unknown:
		return Possible, "The server gave no clear response."
	}
	return RuledOut, "There is no evidence for it."
}

func wrongAudience(e *evidence) (verdict, detail string) {
	switch {
	case e.kind() == mcptools.KindWrongAudience:
		return Confirmed, sentence(e.entryErr)
	case e.accepted():
		return RuledOut, "The server accepts it."
	case e.refusedAs(mcpprobe.ReasonAudience):
		return Confirmed, e.probe.Detail
	case e.refusedAs(mcpprobe.ReasonInvalid) && e.foreign():
		return Likely, "The server rejects it, and there is no proof that it was issued for this server."
	case e.refusedAs(mcpprobe.ReasonInvalid):
		return Possible, "The server rejects it, although it was obtained for this server."
	case e.refused():
		return RuledOut, "The server gives another reason."
	}
	return e.unlessToken()
}

// refusedAs reports whether the server rejects the token for that reason.
func (e *evidence) refusedAs(reason string) bool { return e.refused() && e.probe.Reason == reason }

func reauthRequired(e *evidence) (verdict, detail string) {
	ended := e.Status != nil && (e.Status.State == oauthstore.StateReauthorize || e.Status.State == oauthstore.StateRevoked)
	switch {
	case ended && e.accepted() && !e.expired():
		return Likely, "According to the store, the user must consent again (" + string(e.Status.Reason) + "), but the server still accepts the token."
	case ended && e.expired() && e.Status.Reason == oauthstore.ReasonNoRefreshToken, ended && e.Status.Reason == oauthstore.ReasonExpired:
		return Likely, "The token has expired and can't be refreshed, so the user must consent again."
	case ended && (e.refusedAs(mcpprobe.ReasonRevoked) || e.refusedAs(mcpprobe.ReasonKey)):
		return Likely, "According to the store, the user must consent again (" + string(e.Status.Reason) + "), and the server says why."
	case ended:
		return Confirmed, "According to the store, the user must consent again (" + string(e.Status.Reason) + ")."
	case e.accepted():
		return RuledOut, "The server accepts the token."
	case e.refusedAs(mcpprobe.ReasonInvalid):
		return Possible, "The user, an administrator or the vendor may have revoked it."
	}
	return e.unlessToken()
}

func revokedToken(e *evidence) (verdict, detail string) {
	switch {
	case e.refusedAs(mcpprobe.ReasonRevoked):
		return Confirmed, e.probe.Detail
	case e.accepted():
		return RuledOut, "The server accepts the token."
	case e.refusedAs(mcpprobe.ReasonInvalid):
		return Possible, "The server does not say why it rejects the token."
	}
	return e.unlessToken()
}

func expiredToken(e *evidence) (verdict, detail string) {
	switch {
	case e.Token == nil:
		return RuledOut, "No token was examined."
	case e.expired():
		return Confirmed, "The token has expired."
	case e.refusedAs(mcpprobe.ReasonExpired):
		return Confirmed, e.probe.Detail
	case !e.Token.Expiry.IsZero() && time.Until(e.Token.Expiry) < time.Minute:
		return Likely, "It expires within a minute, which can be too short for a response."
	case !e.Token.Expiry.IsZero(), e.accepted():
		return RuledOut, "It has not expired."
	}
	return Possible, "Its expiry is unknown."
}

func missingScope(e *evidence) (verdict, detail string) {
	switch {
	case e.refused() && e.probe.Reason == mcpprobe.ReasonScope:
		return Confirmed, e.probe.Detail
	case e.openAI(mcptools.KindForbidden):
		return Likely, "OpenAI's request failed with 403: listing tools may need fewer scopes than calling them."
	case e.accepted():
		return RuledOut, "Its scopes allow listing the tools."
	}
	return e.unlessToken()
}

func tokenRefused(e *evidence) (verdict, detail string) {
	switch {
	case e.refused():
		return Confirmed, e.probe.Detail
	case e.accepted():
		return RuledOut, "The server accepts it."
	}
	return e.unlessToken()
}

func addressBlocked(e *evidence) (verdict, detail string) {
	const list = "an IP allow-list of the vendor or of the customer's workspace may block "
	switch {
	case e.probe.Cause == mcpprobe.CauseForbidden:
		return Likely, "The server denies access without naming the token or a scope: " + list + "this machine."
	case e.Relayed:
		return RuledOut, "Requests come from the relay, and not from OpenAI."
	case e.accepted() && e.openAI(mcptools.KindUnauthorized, mcptools.KindForbidden, mcptools.KindUnreachable, mcptools.KindTimeout, mcptools.KindUpstreamUnknown):
		return Likely, "The server accepts this token from here, but not from OpenAI: " + list + "OpenAI's addresses (https://openai.com/chatgpt-connectors.json)."
	case e.refused(), e.urlErr != nil:
		return RuledOut, "It fails from here too."
	}
	return Possible, "This can't be checked from here: " + list + "OpenAI's addresses (https://openai.com/chatgpt-connectors.json)."
}

func denied(e *evidence) (verdict, detail string) {
	switch {
	case e.probe.Cause == mcpprobe.CauseForbidden:
		return Likely, e.probe.Detail
	case e.probe.Outcome == "" && e.answer != nil && e.answer.Status == http.StatusForbidden:
		return Likely, "The server denies access (403) even to a request without a token."
	case e.openAI(mcptools.KindForbidden):
		return Possible, "It denied access to OpenAI."
	}
	return RuledOut, "The server does not deny access."
}

// listed returns the result with the tools that the server lists, or nil.
func (e *evidence) listed() *mcpprobe.Result {
	switch {
	case e.probe.Outcome == mcpprobe.Accepted, e.probe.Cause == mcpprobe.CauseAnonymous:
		return &e.probe
	case e.anyone:
		return &e.plain
	}
	return nil
}

func noTools(e *evidence) (verdict, detail string) {
	switch list := e.listed(); {
	case list == nil && e.openAI(mcptools.KindNoTools):
		return Likely, "OpenAI got an empty list of tools."
	case list == nil:
		return Possible, "The tools are unknown."
	case list.Unread:
		return Possible, "The list of tools could not be read."
	case list.Tools == 0:
		return Confirmed, "The server lists no tools, so a model has nothing to call. The account may lack a permission, or a feature may be off."
	}
	return RuledOut, "The server lists tools."
}

// maxName is the longest tool name that OpenAI accepts.
const maxName = 64

func toolLimits(e *evidence) (verdict, detail string) {
	list := e.listed()
	if list == nil {
		return Possible, "The tools are unknown."
	}
	if len(list.Names) == 0 {
		return RuledOut, "The names of the tools are within OpenAI's limits."
	}
	if i := slices.IndexFunc(list.Names, func(name string) bool { return utf8.RuneCountInString(name) > maxName }); i >= 0 {
		return Confirmed, fmt.Sprintf("The tool name %s is longer than the %d characters that OpenAI accepts.", strconv.Quote(list.Names[i]), maxName)
	}
	return Possible, fmt.Sprintf("The tool name %s has characters other than letters, digits, _ and -, which OpenAI may reject.", strconv.Quote(list.Names[0]))
}

func misconfigured(e *evidence) (verdict, detail string) {
	if k := e.kind(); k != "" && k != mcptools.KindWrongTokenKind && k != mcptools.KindWrongAudience {
		return Confirmed, sentence(e.entryErr)
	}
	if e.openAI(mcptools.KindInvalidTool, mcptools.KindUnsupported, mcptools.KindInvalidHistory) {
		return Confirmed, sentence(e.Failure)
	}
	if e.Relayed && e.accepted() && e.openAI(mcptools.KindUnauthorized, mcptools.KindNotFound, mcptools.KindWrongEndpoint) {
		return Likely, "The server accepts the token, so the relay refused the request: it must use the same credential store and keyset as the builder, and its public URL must lead to it."
	}
	return RuledOut, "The entry is valid."
}

func listsForAnyone(e *evidence) (verdict, detail string) {
	switch {
	case e.urlErr == nil && e.anyone && e.Token != nil && !e.accepted() && !e.refused():
		return Confirmed, "The server lists its tools without a token, so only a tool call would show whether it accepts the token."
	case e.answer == nil:
		return Possible, "The server was not reached."
	}
	return RuledOut, "Listing tools checks the token."
}
