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
	// exactly, return [ErrNotFound] for others, and be safe for concurrent use.
	// After ErrNotFound the secret that was saved for the owner at consent is used
	// (connect.App.Keep). After another error it is called again after 5 s, with
	// increasing pauses up to a minute; see [EventClientsFailed]. If nil, only saved
	// secrets are used.
	Clients func(ctx context.Context, issuer, clientID string) (Client, error)

	// PostTimeout is how long one request to a token endpoint may take, including
	// the response body. If zero, 20 s.
	PostTimeout time.Duration
	// SaveBudget is how long callers wait until a new pair is saved. After that
	// they get it from memory, and saving continues. If zero, 5 s.
	SaveBudget time.Duration
	// Lease is how long a process that refreshes a credential keeps other processes
	// from refreshing it. It must be longer than PostTimeout and SaveBudget
	// together. If zero, 30 s.
	Lease time.Duration
	// PeerWait is how long a caller without a valid token waits for a refresh
	// that another process has started, before it gets [ErrUnavailable] with
	// RetryAfter set. It suits interactive programs. If zero, until the other
	// process's lease expires.
	PeerWait time.Duration
	// PerIssuer is how many requests this process sends at once to the token
	// endpoint of one authorization server, for each client; callers beyond that
	// wait for their turn. While the server fails for several users in a row,
	// it gets only one request at a time, with growing pauses. If zero, 32.
	PerIssuer int
	// SweepPerIssuer is how many refreshes of one [Store.Sweep] run at once at one
	// authorization server, within PerIssuer. If zero, 4.
	SweepPerIssuer int

	// CacheAge is how long a cached pair is served without asking the backend:
	// without a [Store.Watch], for so long after another process changed it. "Not
	// connected" is served for at most 5 s of it, since a user may connect in
	// another process. If zero, 30 s; if negative, the cache is off.
	CacheAge time.Duration
	// CacheSize is how many credentials are cached, those that owners have not
	// connected included. If zero, 10,000.
	CacheSize int

	// Journal is a folder on a local disk in which a new pair is kept, sealed,
	// until the backend has saved it, so that a crash while the backend is down
	// loses no pair. [Store.Recover] saves these pairs later. If empty, none.
	Journal string

	// Observer receives the events of credentials; see [Event]. It is called on
	// the goroutine that does the work, must not block and must be safe for
	// concurrent use. If nil, none.
	Observer func(ctx context.Context, e Event)
	// Logger gets one line for each event that needs attention, without any
	// secret. If nil, nothing is logged.
	Logger *slog.Logger

	// InsecureTransport sends requests to token and revocation endpoints in place of
	// the guarded transport: through a proxy, to an intranet, with a private
	// certificate authority. It must not repeat requests, and it decides which addresses may be reached. URLs,
	// redirects, deadlines and body sizes are still guarded. If nil, only public
	// addresses are dialed, over https.
	InsecureTransport http.RoundTripper
	// InsecureAllowLoopback allows http and loopback addresses, for tests. If false,
	// they are refused.
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
	// provenance. If empty, that of the provenance.
	AuthMethod string
	Signer     Signer // for private_key_jwt
	KeyID      string // kid of the assertion
	Algorithm  string // alg of the assertion, such as ES256
}
