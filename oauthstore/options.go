package oauthstore

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// Options of a [Store]. All processes that share a backend use the same
// PostTimeout, SaveBudget and Lease.
type Options struct {
	// Clients returns how a registered application authenticates at an
	// authorization server. It is called at each refresh and revocation, so that
	// a rotated secret takes effect at once, and only for credentials whose
	// Provenance.Client is [ClientApplication]: an authorization server chooses
	// the ids of the clients that it registers. It must compare issuer and id
	// exactly, and return [ErrNotFound] for others: then the secret that was
	// saved for the owner at consent is used (connect.App.Keep). If nil, only
	// saved secrets are used.
	Clients func(ctx context.Context, issuer, clientID string) (Client, error)

	// PostTimeout is how long one request to a token endpoint may take, its
	// body included. Zero means 20 s.
	PostTimeout time.Duration
	// SaveBudget is how long saving the answer may take before callers are
	// served from memory while saving goes on. Zero means 5 s.
	SaveBudget time.Duration
	// Lease is for how long a process that wants to refresh keeps others from
	// it; longer than PostTimeout and SaveBudget together. Zero means 30 s.
	Lease time.Duration
	// PeerWait is how long a caller without a valid token waits for a refresh
	// that another process has started, before it gets [ErrUnavailable] with
	// RetryAfter set. It suits interactive programs. If zero, until the other
	// process's lease expires.
	PeerWait time.Duration
	// PerIssuer is how many requests this process sends at once to the token
	// endpoint of one authorization server, for each client; callers beyond that
	// wait for their turn. While the server fails for one credential after
	// another, it gets a request now and then and no more. Zero means 32.
	PerIssuer int
	// SweepPerIssuer is how many refreshes of one [Store.Sweep] run at once at one
	// authorization server, within PerIssuer. If zero, 4.
	SweepPerIssuer int

	// CacheAge is how long a cached pair is served without asking the backend.
	// Zero means 30 s; a negative value turns the cache off.
	CacheAge time.Duration
	// CacheSize is how many credentials are cached. Zero means 10,000.
	CacheSize int

	// Journal is a folder on a local disk in which a new pair is kept, sealed,
	// until the backend has it, so that a crash while the backend is down loses
	// nothing. Read it back with [Store.Recover]. Empty means none.
	Journal string

	// Observer receives the events of credentials; see [Event]. It is called on
	// the goroutine that does the work and must not block. If nil, none.
	Observer func(ctx context.Context, e Event)
	// Logger gets one line for each event that needs attention, without any
	// secret. Nil: none.
	Logger *slog.Logger

	// InsecureTransport sends to token and revocation endpoints in place of the guarded transport: through a
	// proxy, to an intranet, with a private certificate authority. It must not
	// repeat requests, and it decides which addresses may be reached. URLs,
	// redirects, deadlines and body sizes are still guarded. If nil, only public
	// addresses are dialed, over https.
	InsecureTransport http.RoundTripper
	// InsecureAllowLoopback lets the default client use http and loopback
	// addresses, for tests. False means that it does not.
	InsecureAllowLoopback bool
}

// Defaults of [Options].
const (
	defaultPostTimeout = 20 * time.Second
	defaultSaveBudget  = 5 * time.Second
	defaultLease       = 30 * time.Second
	defaultCacheAge    = 30 * time.Second
	defaultCacheSize   = 10_000

	defaultPerIssuer      = 32
	defaultSweepPerIssuer = 4
)

// withDefaults returns a copy with every zero field set, or why the options
// contradict each other.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	c.PostTimeout = cmp.Or(c.PostTimeout, defaultPostTimeout)
	c.SaveBudget = cmp.Or(c.SaveBudget, defaultSaveBudget)
	c.Lease = cmp.Or(c.Lease, defaultLease)
	c.CacheAge = cmp.Or(c.CacheAge, defaultCacheAge)
	c.CacheSize = cmp.Or(c.CacheSize, defaultCacheSize)
	c.PerIssuer = cmp.Or(c.PerIssuer, defaultPerIssuer)
	c.SweepPerIssuer = cmp.Or(c.SweepPerIssuer, defaultSweepPerIssuer)
	if c.PerIssuer < 0 || c.SweepPerIssuer < 0 {
		return c, errtext.New("oauthstore: PerIssuer and SweepPerIssuer must not be negative")
	}
	if c.PostTimeout < 0 || c.SaveBudget < 0 || c.Lease <= c.PostTimeout+c.SaveBudget {
		return c, errtext.Errorf("oauthstore: Lease (%v) must be longer than PostTimeout (%v) and SaveBudget (%v) together",
			c.Lease, c.PostTimeout, c.SaveBudget)
	}
	return c, nil
}

// A Client is how an OAuth client authenticates at the token endpoint
// (RFC 6749 section 2.3, RFC 7523).
type Client struct {
	Secret Secret // for client_secret_basic and client_secret_post
	// AuthMethod overrides the token_endpoint_auth_method of the credential's
	// provenance. Empty means that of the provenance.
	AuthMethod string
	Signer     Signer // for private_key_jwt
	KeyID      string // kid of the assertion
	Algorithm  string // alg of the assertion, such as ES256
}
