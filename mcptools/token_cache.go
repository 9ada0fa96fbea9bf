package mcptools

import (
	"crypto/sha256"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A shapeCache remembers which tokens passed the check of their shape: to match
// shapes and to decode JWTs costs more than the rest of an entry. A JWT is checked
// again after a minute, since it may have expired; the shape of any other token
// depends on its text alone, so that no clock is read. The cache holds a hash of the
// token with a secret seed. If two tokens have the same slot, the later one replaces
// the earlier one.
type shapeCache struct {
	seed  maphash.Seed
	slots *[shapeSlots]atomic.Pointer[shape]
	start time.Time // since which times count: the monotonic clock alone is read in half the time
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
	until   time.Duration // since the start of the cache; 0: for ever
}

func newShapeCache() shapeCache {
	return shapeCache{seed: maphash.MakeSeed(), slots: new([shapeSlots]atomic.Pointer[shape]), start: time.Now()}
}

// get returns the warning about a token that passed within the last minute; ok is
// false if it must be checked.
func (c *shapeCache) get(way string, token oauthstore.Secret) (warning string, ok bool) {
	hash := maphash.String(c.seed, token.Expose())
	s := c.slots[hash%shapeSlots].Load()
	if s == nil || s.hash != hash || s.way != way || s.until > 0 && time.Since(c.start) >= s.until {
		return "", false
	}
	return s.warning, true
}

// put records that a token passed.
func (c *shapeCache) put(way string, token oauthstore.Secret, warning string) {
	text := token.Expose()
	var until time.Duration
	if strings.Count(text, ".") >= 2 { // a JWT, as far as is known here
		until = time.Since(c.start) + shapeTTL
	}
	hash := maphash.String(c.seed, text)
	c.slots[hash%shapeSlots].Store(&shape{way, hash, warning, until})
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
