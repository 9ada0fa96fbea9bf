package health

import (
	"errors"
	"time"
)

// A Report says what a store can do now, and what is wrong. It holds no secret.
type Report struct {
	Backend      error    // of a read; nil if the backend responds
	Keys         error    // of sealing; nil if the keys are there
	Watch        Watch    // of Store.Watch in this process
	Issuers      []Issuer // that fail, as this process sees them; sorted
	UnsavedPairs int      // new token pairs that the backend has not saved yet: do not kill the process
	// PendingRevocations counts disconnected and deleted credentials whose tokens
	// the provider has not revoked yet: those that this process is revoking, and all
	// that were deleted, as its last Store.Sweep found them.
	PendingRevocations int
}

// Ready returns an error if the store can't serve uncached credentials. The other
// parts of a Report concern single issuers, or only the age of the cache.
func (r Report) Ready() error { return errors.Join(r.Backend, r.Keys) }

// An Issuer is an authorization server that fails.
type Issuer struct {
	Name    string    // its issuer; the token endpoint if that is unknown
	Problem Problem   // how it fails
	Since   time.Time // when this process saw it first
}

// A Problem says how an issuer fails.
type Problem string

// Problems of an issuer.
const (
	TokenEndpoint Problem = "token_endpoint" // requests to it fail for several users, and are paused
	Refusals      Problem = "refusals"       // MCP servers refuse the tokens of several of its users at once
	Clients       Problem = "clients"        // oauthstore.Options.Clients fails
)

// A Watch says whether Store.Watch keeps the cache in step.
type Watch string

// States of a watch.
const (
	WatchOff   Watch = ""      // Store.Watch is not running or connects for the first time, or the backend can't watch
	WatchReady Watch = "ready" // notifications arrive
	WatchLost  Watch = "lost"  // it tries to connect again
)
