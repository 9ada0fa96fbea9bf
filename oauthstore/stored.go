package oauthstore

import (
	"slices"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A storedCredential is the life of one credential, as it is sealed into Record.Data.
// It is the one place, beside the journal, where tokens are written out.
// Times are those of the store's clock.
type storedCredential struct {
	Grant              string
	Generation         uint64
	First              uint64 // generation with which the grant began
	Access             string
	Refresh            string
	TokenType          string
	Secrets            map[string]string
	Issued             time.Time
	Expiry             time.Time
	Provenance         Provenance
	Profile            TokenProfile
	RefreshedElsewhere bool

	Verdict   Verdict // of generation Judged
	VerdictOf uint64  // 0: none
	Accepted  bool    // a pair of this grant was accepted once
	Reported  bool    // the verdict is a report of OpenAI that no server confirmed
	// RefusedSince is when the first of the latest refusals in a row was final.
	RefusedSince time.Time
	Rejected     uint64   // generation that a caller of Reject reported, until it is looked into
	Seen         *Verdict // refusal of generation Rejected that the caller saw; never changed in place
	ForcedAt     time.Time
	Forced       uint64 // generation that a refusal forced to be refreshed
	Warned       bool   // that this pair ends and nothing can refresh it

	Intent  *intent
	Lost    *lostResponse
	Backoff *backoff
	Dead    Reason // of this generation's refresh token

	Tombstone  time.Time
	Revocation *pendingRevocation // of a tombstone; never changed in place

	Imported string // fingerprint of the refresh token with which an imported grant began
}

// A lostResponse records that a refresh token may have been used: the response
// was lost, or the process that sent the request died.
type lostResponse struct {
	Since       time.Time
	Fingerprint string
	Attempts    int // that ended without a word, the first included
}

// A hold puts off refreshes after a failure, for every replica.
type backoff struct {
	NextAttempt time.Time
	Failures    int // in a row
	Class       string
	Code        string
	Same        int       // failures of that class in a row
	First       time.Time // of those
	Alone       int       // of those, while the server failed for no other user
	Client      string    // fingerprint of the client secret that was refused
}

func credentialID(k Key) backend.ID {
	return backend.ID{
		Kind: backend.KindCredential, Tenant: k.Owner.Tenant, Subject: k.Owner.Subject,
		Provider: k.Provider, Account: k.Account, Server: k.Server,
	}
}

func keyOf(id backend.ID) Key {
	return Key{Owner{id.Tenant, id.Subject}, id.Provider, id.Account, id.Server}
}

// clone returns a copy whose parts can be changed.
func (r *storedCredential) clone() *storedCredential {
	c := *r
	if r.Intent != nil {
		v := *r.Intent
		c.Intent = &v
	}
	if r.Lost != nil {
		v := *r.Lost
		c.Lost = &v
	}
	if r.Backoff != nil {
		v := *r.Backoff
		c.Backoff = &v
	}
	return &c
}

// own reports whether the token is the application's own, for which it asks
// again: there is no refresh token in that grant (RFC 6749 section 4.4.3).
func (r *storedCredential) clientCredentials() bool {
	return r.Provenance.Obtained == ObtainedClientCredentials
}

// refreshable reports whether this process may ever refresh the pair.
func (r *storedCredential) refreshable() bool {
	return (r.Refresh != "" || r.clientCredentials()) && r.Provenance.TokenEndpoint != "" && !r.RefreshedElsewhere && r.Dead == ""
}

// ttl is the lifetime that the pair was given; 0 if it is not known.
func (r *storedCredential) ttl() time.Duration {
	if r.Expiry.IsZero() {
		return 0
	}
	return max(r.Expiry.Sub(r.Issued), 0)
}

// tombstoneAge is how long a disconnected credential stays as a tombstone, so
// that a refresh that was in flight finds it and revokes what it got.
const tombstoneAge = 24 * time.Hour

func (r *storedCredential) expireAt() time.Time {
	if r.Tombstone.IsZero() {
		return time.Time{}
	}
	return r.Tombstone.Add(tombstoneAge)
}

// status derives the record's status at now.
func (r *storedCredential) status(key Key, now time.Time) Status {
	s := Status{
		Key: key, State: StateActive, Expiry: r.Expiry, Generation: r.Generation, Grant: r.Grant,
		Provenance: r.Provenance, Refreshable: r.refreshable(),
	}
	if r.VerdictOf == r.Generation {
		s.Verdict = r.Verdict
	} else if r.Verdict.Outcome == OutcomeAccepted {
		s.Verdict = r.Verdict // of an earlier pair of this grant, which holds for the later ones
	}
	if r.Backoff != nil {
		s.NextAttempt, s.Failures = r.Backoff.NextAttempt, r.Backoff.Failures
	}
	ended := !r.Expiry.IsZero() && !now.Before(r.Expiry)
	switch {
	case !r.Tombstone.IsZero():
		s.State = StateRevoked
	case r.Dead != "":
		s.State, s.Reason = StateReauthorize, r.Dead
	case r.refused() && r.Verdict.Reason == ReasonTokenType:
		s.State, s.Reason = StateDegraded, ReasonTokenType // the next pair may be a bearer token; a consent does not change it
	case r.refused():
		s.State, s.Reason = StateReauthorize, r.Verdict.Reason
	case ended && r.RefreshedElsewhere:
		s.State, s.Reason = StateDegraded, ReasonRefreshFailing // the other program has not refreshed it
	case ended && r.Refresh == "" && !r.clientCredentials():
		s.State, s.Reason = StateReauthorize, ReasonNoRefreshToken
	case ended && r.Lost != nil:
		s.State, s.Reason = StateUnknown, ReasonRefreshFailing
	case r.Lost != nil || r.Backoff != nil:
		s.State, s.Reason = StateDegraded, ReasonRefreshFailing
	case !r.Expiry.IsZero() && !s.Refreshable && !r.RefreshedElsewhere && r.Expiry.Sub(now) < expiringSoon:
		s.State, s.Reason = StateExpiring, ReasonNoRefreshToken
	}
	return s
}

// expiringSoon is when a credential that nothing can refresh counts as
// expiring.
const expiringSoon = 24 * time.Hour

// refused reports whether the MCP server refused the current pair.
func (r *storedCredential) refused() bool {
	return r.VerdictOf == r.Generation && r.Verdict.Outcome == OutcomeRefused
}

func sortedScopes(s []string) []string {
	if s == nil {
		return nil
	}
	out := slices.Clone(s)
	slices.Sort(out)
	return slices.Compact(out)
}
