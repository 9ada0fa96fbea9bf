package doctor

import (
	"encoding/json"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
)

// Verdicts of a [Report].
const (
	VerdictOK      = "ok"      // the server takes the token, seen from this machine
	VerdictFailing = "failing" // it does not work
	VerdictUnknown = "unknown" // it can't be told from here
)

// Verdicts of a [Hypothesis].
const (
	Confirmed = "confirmed" // it is so
	Likely    = "likely"    // it explains what was seen, and little else does
	Possible  = "possible"  // it would explain what was seen
	RuledOut  = "ruled_out" // what was seen contradicts it
)

// A Report is what [Examine] found out. It holds no secret; texts of servers
// in it are bounded and printable, so it can be attached to a bug report.
type Report struct {
	Provider  string `json:"provider"`
	ServerURL string `json:"server_url"`
	Verdict   string `json:"verdict"` // one of the Verdict constants
	// Cause is the id of the hypothesis that explains a failure best; "" (null
	// in JSON) if nothing fails, or nothing is even likely.
	Cause      string          `json:"-"`
	Action     mcptools.Action `json:"action"`     // what to do about the cause
	Hypotheses []Hypothesis    `json:"hypotheses"` // all that were weighed, the strongest first
	Steps      []Step          `json:"steps"`      // what was done, in order
	Checked    time.Time       `json:"checked_at"`
}

// A Hypothesis is one possible reason why it does not work.
type Hypothesis struct {
	ID      string          `json:"id"`      // see the package comment
	Verdict string          `json:"verdict"` // Confirmed, Likely, Possible or RuledOut
	Action  mcptools.Action `json:"action"`  // what to do if it is so
	Detail  string          `json:"detail"`  // a sentence: why it is thought so
}

// A Step is one thing that was looked at.
type Step struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // a sentence
}

// MarshalJSON implements [json.Marshaler]: no cause is null.
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report
	var cause *string
	if r.Cause != "" {
		cause = &r.Cause
	}
	return json.Marshal(struct {
		plain
		Cause *string `json:"cause"`
	}{plain(r), cause})
}
