package doctor

import (
	"encoding/json"
	"time"

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
	Provider  string `json:"provider"`
	ServerURL string `json:"server_url"`
	Verdict   string `json:"verdict"` // one of the Verdict constants
	// Cause is the id of the hypothesis that best explains a failure; "" (null in
	// JSON) if nothing fails, or no hypothesis is likely.
	Cause  string          `json:"-"`
	Action mcptools.Action `json:"action"` // fixes the cause
	// Consent reports whether a user can be asked for consent, and why not: one of
	// the Consent constants. The reason is a sentence, "" (null in JSON) if it is
	// possible.
	Consent       string `json:"consent"`
	ConsentReason string `json:"-"`
	// Scope has the scopes that the server requires, separated by spaces, if the
	// cause is scope_missing; else "".
	Scope string `json:"scope,omitempty"`
	// MovedTo is the server's URL after a redirect within its origin, if the cause
	// is wrong_endpoint; else "".
	MovedTo    string       `json:"moved_to,omitempty"`
	Hypotheses []Hypothesis `json:"hypotheses"` // all hypotheses, the strongest first
	Steps      []Step       `json:"steps"`      // in order
	Checked    time.Time    `json:"checked_at"`
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
	Name   string `json:"name"`
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
