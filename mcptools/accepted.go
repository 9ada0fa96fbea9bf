package mcptools

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/toolgrant/toolgrant/oauthstore"
)

const (
	acceptedFor = 10 * time.Minute
	maxAccepted = 10_000
)

// acceptedTokens remembers which tokens of a [oauthstore.SourceFunc] a server
// has accepted, since no store does: without it every build would ask the
// server. It holds digests only, and starts no goroutine. Safe for concurrent
// use.
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
