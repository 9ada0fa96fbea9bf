package oauthstore

import (
	"math"
	"time"
)

// A snapshot is a stored credential as it was read, with facts derived from it.
// It is immutable once it is in the cache.
type snapshot struct {
	cred      *storedCredential
	version   uint64
	token     Token     // of rec, with its expiry by the local clock
	spread    float64   // of rec
	now       time.Time // the store's clock at the read
	read      time.Time // the local clock at the read
	asked     time.Time // the local clock before the read; zero: the backend may have another record
	wall      int64     // read in nanoseconds: the wall clock only
	freshness freshness

	// Set by the cache.
	key     Key
	epoch   uint64        // of the cache at the read
	changes uint64        // of the key at the read
	watched bool          // a notification would have reported any change since
	maxAge  time.Duration // if none would; negative: it must not be served then
}

func newSnapshot(rec *storedCredential, version uint64, now time.Time) *snapshot {
	read := time.Now()
	sn := &snapshot{cred: rec, version: version, spread: rec.spread(), now: now, read: read, wall: read.UnixNano()}
	t := Token{
		AccessToken: NewSecret(rec.Access), TokenType: rec.TokenType, Generation: rec.Generation, Grant: rec.Grant,
		Provenance: rec.Provenance, Expiry: rec.Expiry,
	}
	if off := now.Sub(read); !t.Expiry.IsZero() && (off > clockSlack || off < -clockSlack) {
		t.Expiry = t.Expiry.Add(-off)
	}
	if len(rec.Secrets) > 0 {
		t.Secrets = make(map[string]Secret, len(rec.Secrets))
		for name, text := range rec.Secrets {
			t.Secrets[name] = NewSecret(text)
		}
	}
	sn.token = t
	sn.freshness = sn.computeFreshness()
	return sn
}

// toleratedLag is the duration of a read from which it counts that the store's clock
// may have been read at its beginning.
const toleratedLag = 50 * time.Millisecond

// readSince notes that the read began at asked.
func (sn *snapshot) readSince(asked time.Time) {
	sn.asked = asked
	lag := sn.lag()
	if lag < toleratedLag {
		return
	}
	if off := sn.now.Sub(sn.read); off < -clockSlack && off+lag >= -clockSlack {
		sn.token.Expiry = sn.cred.Expiry // the clocks agree: the read took that long
	}
	sn.freshness = sn.computeFreshness()
}

// lag is by how much the store's clock may have been ahead of now at the end of
// the read: a process may be stopped before it gets the answer.
func (sn *snapshot) lag() time.Duration {
	if sn.asked.IsZero() {
		return 0
	}
	return max(sn.read.Sub(sn.asked), time.Duration(sn.wall-sn.asked.UnixNano()), 0)
}

// noRecord is the snapshot of a credential without a record, as a tombstone of
// version 0. now is the store's clock.
func noRecord(now time.Time) *snapshot {
	return newSnapshot(&storedCredential{Tombstone: now}, 0, now)
}

func (sn *snapshot) absent() bool { return sn.version == 0 }

// clockSlack is the difference between the store's clock and the local one that
// counts as none: it includes the time that a read takes.
const clockSlack = 2 * time.Second

// age returns how much time has passed since the read. After a suspend, the wall
// clock is right; after a change of the clock, the monotonic one: the greater
// counts.
func (sn *snapshot) age() time.Duration {
	now := time.Now()
	return max(now.Sub(sn.read), time.Duration(now.UnixNano()-sn.wall), 0)
}

// elapsed returns the time since t in the same way.
func elapsed(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)), 0)
}

// storeNow returns the store's clock now.
func (sn *snapshot) storeNow() time.Time { return sn.now.Add(sn.age()) }

// recent reports whether the backend had the record a moment ago, so that a write in
// its place will hardly conflict.
func (sn *snapshot) recent() bool { return !sn.asked.IsZero() && elapsed(sn.asked) < time.Second }

// left returns how long the access token lives at least after now, by the store's
// clock; ok is false if its expiry is unknown.
func (sn *snapshot) left(now time.Time) (d time.Duration, ok bool) {
	if sn.cred.Expiry.IsZero() {
		return 0, false
	}
	return sn.cred.Expiry.Sub(now) - sn.lag(), true
}

// alive reports whether the access token has not expired.
func (sn *snapshot) alive(now time.Time) bool {
	left, ok := sn.left(now)
	return sn.cred.Access != "" && (!ok || left > 0)
}

// tokenFor returns the token, with Short set as need requires.
func (sn *snapshot) tokenFor(need *Need, now time.Time) Token {
	t := sn.token
	if left, ok := sn.left(now); ok && left < sn.cred.window(need, sn.spread).minTTL {
		t.Short = true
	}
	return t
}

// How soon a verdict is asked for again.
const (
	verifyUnknownAgain = time.Minute     // the server could not be asked
	verifyRefusedAgain = 5 * time.Minute // a refusal may have been an outage
	verifyAnyoneAgain  = 24 * time.Hour  // a server that lists for anyone seldom changes that
	verifyRefusedLimit = time.Hour       // for a server that goes on refusing
)

// needsVerification reports whether the pair must be looked into before it is
// served: by need.Verify, or without one by a refresh after a report of OpenAI.
func (sn *snapshot) needsVerification(need *Need, now time.Time) bool {
	r := sn.cred
	verified := r.VerdictOf == r.Generation
	switch {
	case verified && r.Verdict.Outcome == OutcomeUnknown && now.Sub(r.Verdict.At) < verifyUnknownAgain && r.refusalSeen(now) == nil:
		return false // a server that does not answer must not stall every call
	case r.Rejected == r.Generation:
		return true
	case need.Verify == nil:
		return false
	case r.refused() && r.Verdict.Reason == ReasonTokenType:
		return false // the token says so itself
	case !verified:
		return !r.Accepted || r.Generation-r.First <= 1 || r.Verdict.Outcome == OutcomeRefused
	case r.Verdict.Reason == ReasonListsForAnyone:
		return now.Sub(r.Verdict.At) >= verifyAnyoneAgain
	case r.Verdict.Outcome == OutcomeUnknown:
		return true
	case r.Verdict.Outcome == OutcomeRefused:
		return r.Reported || now.Sub(r.Verdict.At) >= r.refusalPause()
	}
	return false
}

// refusalPause is how long a refusal holds until the server is asked again. It
// grows with the time for which the server has been refusing.
func (r *storedCredential) refusalPause() time.Duration {
	return min(max(r.Verdict.At.Sub(r.RefusedSince), verifyRefusedAgain), verifyRefusedLimit)
}

// blocked reports whether a refusal keeps the pair from being served. A report of
// OpenAI alone blocks for a while: without a verifier, the next use of the token
// is the only way to find out whether the server accepts it.
func (sn *snapshot) blocked(need *Need, now time.Time) bool {
	r := sn.cred
	return r.refused() && !(r.Reported && need.Verify == nil && now.Sub(r.Verdict.At) >= r.refusalPause())
}

// servable reports whether the pair may be served without asking the server.
func (sn *snapshot) servable(need *Need, now time.Time) bool {
	return !sn.needsVerification(need, now) && !sn.blocked(need, now)
}

// withRecord returns a copy of the snapshot, as old as sn, with another record of
// the same pair.
func (sn *snapshot) withRecord(r *storedCredential) *snapshot {
	next := *sn
	next.cred, next.asked = r, time.Time{}
	next.freshness = next.computeFreshness()
	return &next
}

// A freshness caches how long a snapshot stays fresh for the default policy, so
// that most calls of [Store.Token] compare one duration and no more.
type freshness struct {
	until    time.Duration // age of the snapshot; 0: it must be examined each time
	verified bool          // no verifier would be called
}

func (sn *snapshot) computeFreshness() freshness {
	r := sn.cred
	if r.Rejected == r.Generation || r.refused() || r.VerdictOf != r.Generation && r.Verdict.Outcome == OutcomeRefused || sn.phase(&Need{}, sn.now) != phaseFresh {
		return freshness{}
	}
	f := freshness{until: math.MaxInt64, verified: r.VerdictOf == r.Generation && r.Verdict.Outcome == OutcomeAccepted ||
		r.VerdictOf != r.Generation && r.Accepted && r.Generation-r.First > 1}
	if left, ok := sn.left(sn.now); ok {
		w := r.window(&Need{}, sn.spread)
		f.until = left - max(w.attainable, w.ahead)
	}
	return f
}

// covers reports whether the token may be served at that age without another
// look.
func (f *freshness) covers(need *Need, age time.Duration) bool {
	return age < f.until && (f.verified || need.Verify == nil) && need.MinTTL == 0 && need.Ahead == 0 && need.Jitter == 0
}
