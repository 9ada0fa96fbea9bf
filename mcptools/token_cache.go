package mcptools

import (
	"crypto/sha256"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A shapeCache remembers for a minute which tokens passed the check of their
// shape: to match shapes and to decode JWTs costs more than the rest of an entry.
// It holds a hash of the token with a secret seed. If two tokens have the same
// slot, the later one replaces the earlier one.
type shapeCache struct {
	seed  maphash.Seed
	slots *[shapeSlots]atomic.Pointer[shape]
}

const (
	shapeSlots = 4096
	// shapeTTL is short, since a JWT may expire meanwhile: that is checked with a
	// tolerance of a minute.
	shapeTTL = time.Minute
)

// A shape is the result for one token that passed.
type shape struct {
	way     string
	hash    uint64
	warning string
	until   time.Time
}

func newShapeCache() shapeCache {
	return shapeCache{seed: maphash.MakeSeed(), slots: new([shapeSlots]atomic.Pointer[shape])}
}

// get returns the warning about a token that passed within the last minute; ok is
// false if it must be checked.
func (c *shapeCache) get(way string, token oauthstore.Secret, now time.Time) (warning string, ok bool) {
	hash := maphash.String(c.seed, token.Expose())
	s := c.slots[hash%shapeSlots].Load()
	if s == nil || s.hash != hash || s.way != way || !now.Before(s.until) {
		return "", false
	}
	return s.warning, true
}

// put records that a token passed.
func (c *shapeCache) put(way string, token oauthstore.Secret, now time.Time, warning string) {
	hash := maphash.String(c.seed, token.Expose())
	c.slots[hash%shapeSlots].Store(&shape{way, hash, warning, now.Add(shapeTTL)})
}

const (
	acceptedFor = 10 * time.Minute
	maxAccepted = 10_000
)

// acceptedTokens remembers which tokens of an [oauthstore.SourceFunc] a server has
// accepted. A store records that itself; without it, each build would ask the
// server. It holds only digests and starts no goroutine. Safe for concurrent use.
type acceptedTokens struct {
	// until has the time until which a token counts as accepted.
	until func() *otter.Cache[[sha256.Size]byte, time.Time]
}

func newAcceptedTokens() *acceptedTokens {
	return &acceptedTokens{sync.OnceValue(func() *otter.Cache[[sha256.Size]byte, time.Time] {
		return otter.Must(&otter.Options[[sha256.Size]byte, time.Time]{
			MaximumSize: maxAccepted,
			Executor:    func(evict func()) { evict() },
		})
	})}
}

func acceptedDigest(url string, token oauthstore.Secret) [sha256.Size]byte {
	return sha256.Sum256([]byte(url + "\x00" + token.Expose()))
}

func (a *acceptedTokens) remember(url string, token oauthstore.Secret) {
	a.until().Set(acceptedDigest(url, token), time.Now().Add(acceptedFor))
}

func (a *acceptedTokens) has(url string, token oauthstore.Secret) bool {
	until, _ := a.until().GetIfPresent(acceptedDigest(url, token))
	return time.Now().Before(until)
}

func (a *acceptedTokens) forget(url string, token oauthstore.Secret) {
	a.until().Invalidate(acceptedDigest(url, token))
}
