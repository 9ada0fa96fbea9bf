package oauthstore

import "time"

// A State is what a credential is fit for. The words are those of the
// command's contract.
type State string

// States of a credential.
const (
	StateActive      State = "active"          // usable
	StateExpiring    State = "expiring"        // usable, ends soon and nothing can refresh it
	StateDegraded    State = "degraded"        // usable or about to be, but its refresh is failing
	StateReauthorize State = "reauth_required" // only the user's new consent helps
	StateRevoked     State = "revoked"         // disconnected; kept for a day as a tombstone
	StateUnknown     State = "unknown"         // it can't be read, or nobody knows whether it still lives
)

// A Reason says why a credential is in its state.
type Reason string

// Reasons of a state.
const (
	ReasonNoRefreshToken Reason = "no_refresh_token"  // it ended and nothing can refresh it
	ReasonInvalidGrant   Reason = "invalid_grant"     // the authorization server refused the refresh token
	ReasonLostRotation   Reason = "lost_rotation"     // the answer to a refresh was lost, and the old refresh token is spent
	ReasonAudience       Reason = "audience_rejected" // the MCP server refuses tokens of this kind, fresh ones too
	ReasonScope          Reason = "scope_missing"     // the MCP server wants a scope that was not granted
	ReasonRefreshFailing Reason = "refresh_failing"   // the authorization server does not answer, or refuses the application
	ReasonKeyUnavailable Reason = "key_unavailable"   // the key that sealed the record is not in the keyset
)

// A Status is what is stored of a credential, without any secret.
type Status struct {
	Key         Key
	State       State
	Reason      Reason // "" if there is none
	Expiry      time.Time
	Generation  uint64
	Grant       string
	Provenance  Provenance
	Verdict     Verdict
	Refreshable bool      // there is a refresh token and a place to send it
	NextAttempt time.Time // no refresh before this; zero: no hold-off
	Failures    int       // refreshes that failed in a row
}
