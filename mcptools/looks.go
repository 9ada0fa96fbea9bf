package mcptools

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// looks remembers which tokens look right for the provider: to match shapes and
// to read JWTs costs more than all the rest of an entry. Of a token it holds a
// hash with a secret seed. Where two tokens want the same place, the later one
// has it.
type looks struct {
	seed  maphash.Seed
	known *[knownLooks]atomic.Pointer[look]
}

const (
	knownLooks = 4096
	// lookLasts is for how long: a JWT may end meanwhile, which is looked at
	// with a tolerance of a minute.
	lookLasts = time.Minute
)

// A look is what was found of one token that may be used.
type look struct {
	way     string
	hash    uint64
	warning string
	until   time.Time
}

func newLooks() looks {
	return looks{seed: maphash.MakeSeed(), known: new([knownLooks]atomic.Pointer[look])}
}

// of returns the warning that there was for a token that looked right within
// the last minute; ok is false where it has to be looked at.
func (l *looks) of(way string, token oauthstore.Secret, now time.Time) (warning string, ok bool) {
	hash := maphash.String(l.seed, token.Expose())
	k := l.known[hash%knownLooks].Load()
	if k == nil || k.hash != hash || k.way != way || !now.Before(k.until) {
		return "", false
	}
	return k.warning, true
}

// remember notes that a token looks right.
func (l *looks) remember(way string, token oauthstore.Secret, now time.Time, warning string) {
	hash := maphash.String(l.seed, token.Expose())
	l.known[hash%knownLooks].Store(&look{way, hash, warning, now.Add(lookLasts)})
}
