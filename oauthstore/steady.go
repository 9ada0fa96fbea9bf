package oauthstore

import (
	"math"
	"time"
)

// A steady is what can be told of a snapshot beforehand, so that most calls of
// [Store.Token] compare one duration and no more: until which age it is fresh
// for the default policy, and whether its verdict stands until then.
type steady struct {
	until  time.Duration // 0: it has to be looked at each time
	judged bool          // no verifier would be asked
}

// settle derives what stays true of the snapshot while it is fresh.
func (sn *snapshot) settle() steady {
	r := sn.rec
	if r.Rejected == r.Generation || r.refused() || sn.phase(&RefreshPolicy{}, sn.now) != phaseFresh {
		return steady{}
	}
	st := steady{until: math.MaxInt64, judged: r.Judged == r.Generation && r.Verdict.Outcome == VerdictAccepted ||
		r.Judged != r.Generation && r.Accepted && r.Generation-r.First > 1}
	if left, ok := sn.left(sn.now); ok {
		w := r.window(&RefreshPolicy{}, sn.spread)
		st.until = left - max(w.can, w.ahead)
	}
	return st
}

// serves reports whether the token is to be handed out as it is at that age.
func (st *steady) serves(need *Need, age time.Duration) bool {
	return age < st.until && (st.judged || need.Verify == nil) && need.RefreshPolicy == (RefreshPolicy{})
}
