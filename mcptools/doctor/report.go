package doctor

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/mcptools"
)

// Verdicts of a [Report].
const (
	VerdictOK      = "ok"      // the server accepts the token from this machine
	VerdictFailing = "failing" // the server or credential does not work
	VerdictUnknown = "unknown" // not enough evidence
)

// Verdicts of a [Hypothesis].
const (
	Confirmed = "confirmed" // proven
	Likely    = "likely"    // the best explanation of the evidence
	Possible  = "possible"  // consistent with the evidence
	RuledOut  = "ruled_out" // contradicted by the evidence
)

// A Report is the result of [Examine]. It contains no secret, and server texts
// in it are short and printable, so it can be attached to a bug report.
type Report struct {
	Provider  string `json:"provider"`   // id of the provider
	ServerURL string `json:"server_url"` // URL that was examined
	Verdict   string `json:"verdict"`    // one of the Verdict constants
	// Cause is the id of the hypothesis that best explains a failure; "" (null in
	// JSON) if nothing fails, or no hypothesis is likely.
	Cause  string          `json:"-"`
	Action mcptools.Action `json:"action"` // fixes the cause
	// Consent reports whether a user can be asked for consent, and why not: one of
	// the Consent constants. The reason is a sentence, "" (null in JSON) if it is
	// possible.
	Consent       string `json:"consent"`
	ConsentReason string `json:"-"` // see Consent
	// Scope has the scopes that the server requires, separated by spaces, if the
	// cause is scope_missing; else "".
	Scope string `json:"scope,omitempty"`
	// MovedTo is the server's URL after a redirect within its origin, if the cause
	// is wrong_endpoint; else "".
	MovedTo    string       `json:"moved_to,omitempty"`
	Hypotheses []Hypothesis `json:"hypotheses"` // all hypotheses, the strongest first
	Steps      []Step       `json:"steps"`      // in order
	Checked    time.Time    `json:"checked_at"` // when the examination ended
}

// A Hypothesis is one possible cause.
type Hypothesis struct {
	ID      string          `json:"id"`      // see the package comment
	Verdict string          `json:"verdict"` // Confirmed, Likely, Possible or RuledOut
	Action  mcptools.Action `json:"action"`  // fixes the cause if it is true
	Detail  string          `json:"detail"`  // a sentence: the reason for the verdict
}

// A Step is one check of [Examine].
type Step struct {
	Name   string `json:"name"`   // such as "metadata" or "probe"
	OK     bool   `json:"ok"`     // no problem was found
	Detail string `json:"detail"` // a sentence
}

// MarshalJSON implements [json.Marshaler]. An empty cause is null.
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report
	orNull := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	return json.Marshal(struct {
		plain
		Cause         *string `json:"cause"`
		ConsentReason *string `json:"consent_reason"`
	}{plain(r), orNull(r.Cause), orNull(r.ConsentReason)})
}

// strength orders verdicts.
var strength = map[string]int{Confirmed: 0, Likely: 1, Possible: 2, RuledOut: 3}

// report evaluates all hypotheses.
func (e *evidence) report() Report {
	r := Report{
		Provider: e.Provider.ID, ServerURL: withoutQuery(cmp.Or(e.at.Server.URL, e.ServerURL)), Verdict: VerdictUnknown,
		Action: mcptools.ActionNone, Steps: e.steps, Checked: time.Now().UTC(),
	}
	r.Consent, r.ConsentReason = cmp.Or(e.consent, ConsentUnknown), e.consentReason()
	failing := e.Failure != nil
	var cause Hypothesis
	rank := noCause
	for _, s := range suspicions {
		verdict, detail := s.evaluate(e)
		s.harmless = s.harmless || s.consent && e.Token != nil
		s.vague = s.vague && !e.refusedAs(mcpprobe.ReasonKey)
		h := Hypothesis{ID: s.id, Verdict: verdict, Action: s.action, Detail: detail}
		switch {
		case s.id == "unauthorized", s.id == "expired":
			h.Action = e.renew()
		case s.id == "wrong_endpoint" && (e.probe.Cause == mcpprobe.CauseVersion || e.plain.Cause == mcpprobe.CauseVersion):
			h.Action = mcptools.ActionCheckServer
		case s.id == "openai" && e.openAI(mcptools.KindPlatform):
			h.Action = e.Failure.Action
		}
		if slices.Contains([]mcptools.Action{mcptools.ActionConnect, mcptools.ActionReconnect, mcptools.ActionStepUp}, h.Action) {
			h.Action = e.consentAction(h.Action)
		}
		r.Hypotheses = append(r.Hypotheses, h)
		failing = failing || verdict == Confirmed && !s.harmless
		if at := s.rank(verdict); at < rank {
			cause, rank = h, at
		}
	}
	slices.SortStableFunc(r.Hypotheses, func(a, b Hypothesis) int {
		first := func(h Hypothesis) int { // of the same strength
			if h.ID == cause.ID {
				return 0
			}
			return 1
		}
		return cmp.Or(strength[a.Verdict]-strength[b.Verdict], first(a)-first(b))
	})
	switch {
	case failing:
		r.Verdict = VerdictFailing
	case e.accepted() || e.Token == nil && e.anyone && e.openServer():
		r.Verdict = VerdictOK
		return r
	}
	r.Cause, r.Action = cause.ID, cmp.Or(cause.Action, mcptools.ActionNone)
	switch r.Cause {
	case "scope_missing":
		r.Scope = e.probe.Scope
	case "wrong_endpoint":
		r.MovedTo = e.movedTo()
	}
	return r
}

// rank returns how good a cause a suspicion is: from 0, the best, to noCause.
func (s *suspicion) rank(verdict string) int {
	switch {
	case verdict == Confirmed && s.harmless:
		return 3
	case verdict == Confirmed && s.vague:
		return 2
	case verdict == Confirmed:
		return 0
	case verdict == Likely && !s.harmless:
		return 1
	}
	return noCause
}

const noCause = 4

// renew returns the action that replaces an invalid token.
func (e *evidence) renew() mcptools.Action {
	if e.Status != nil && e.Status.Refreshable {
		return mcptools.ActionRefresh
	}
	return mcptools.ActionReconnect
}
