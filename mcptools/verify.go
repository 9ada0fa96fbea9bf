package mcptools

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// acceptedTokens remembers which tokens of a [oauthstore.SourceFunc] a server
// has accepted, since nothing else does: without it every build would ask the
// server. It holds digests only.
type acceptedTokens struct {
	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time // guarded by mu
}

const (
	acceptedFor  = 10 * time.Minute
	maxRemembers = 10_000
)

func acceptedDigest(url string, token oauthstore.Secret) [sha256.Size]byte {
	return sha256.Sum256([]byte(url + "\x00" + token.Expose()))
}

func (a *acceptedTokens) remember(url string, token oauthstore.Secret) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.until) >= maxRemembers {
		for d, t := range a.until {
			if !now.Before(t) {
				delete(a.until, d)
			}
		}
	}
	if a.until == nil || len(a.until) >= maxRemembers {
		a.until = make(map[[sha256.Size]byte]time.Time)
	}
	a.until[acceptedDigest(url, token)] = now.Add(acceptedFor)
}

func (a *acceptedTokens) has(url string, token oauthstore.Secret) bool {
	d := acceptedDigest(url, token)
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Before(a.until[d])
}

func (a *acceptedTokens) forget(url string, token oauthstore.Secret) {
	d := acceptedDigest(url, token)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.until, d)
}
