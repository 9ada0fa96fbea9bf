package oauthstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Options of a [Store]. All processes that share a backend use the same
// PostTimeout, SaveBudget and Lease.
type Options struct {
	// Clients returns how a registered application authenticates at an
	// authorization server. It is asked at each refresh and revocation, so that
	// a rotated secret takes effect at once, and only for credentials whose
	// Provenance.Client is [ClientApplication]: an authorization server chooses
	// the ids of the clients that it registers. It must compare issuer and id
	// exactly, and returns [ErrNotFound] for others: then a secret that was kept
	// for the owner at the consent is used (connect.App.Keep). If nil, only kept
	// ones are.
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
	// PeerWait is for how long a caller without a living token waits for a
	// refresh that another process has begun, before it gets [ErrUnavailable]
	// with RetryAfter set. It suits programs that somebody waits for. Zero means
	// as long as the other's lease lasts.
	PeerWait time.Duration
	// PerIssuer is how many requests this process sends at once to the token
	// endpoint of one authorization server, for each client; callers beyond that
	// wait for their turn. While the server fails for one credential after
	// another, it gets a request now and then and no more. Zero means 32.
	PerIssuer int

	// CacheAge is how long a cached pair is served without asking the backend.
	// Zero means 30 s; a negative value turns the cache off.
	CacheAge time.Duration
	// CacheSize is how many credentials are cached. Zero means 10,000.
	CacheSize int

	// Journal is a folder on a local disk in which a new pair is kept, sealed,
	// until the backend has it, so that a crash while the backend is down loses
	// nothing. Read it back with [Store.Recover]. Empty means none.
	Journal string

	// Observer is told of what happens to credentials; see [Event]. It is
	// called on the goroutine that does the work and must not block. Nil: none.
	Observer func(ctx context.Context, e Event)
	// Logger gets one line for each event that needs attention, without any
	// secret. Nil: none.
	Logger *slog.Logger

	// InsecureTransport sends to token and revocation endpoints in place of the guarded transport: through a
	// proxy, to an intranet, with a certificate authority of its own. It must not
	// repeat requests, and whoever makes it says which addresses may be reached.
	// URLs, redirects, time and bodies are guarded all the same. Nil means that
	// public addresses are dialed over https only.
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
)

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
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

// A Store keeps credentials sealed in a [Backend], hands out their tokens and
// refreshes them so that no crash, race or second machine loses one. It is
// safe for concurrent use; several stores in several processes may share a
// backend. It starts no goroutine until it is used, and [Store.Close] waits
// for those that it started.
type Store struct {
	records *records
	opts    Options
	http    *http.Client

	cache   *otter.Cache[Key, *snapshot]
	watch   watch
	loads   loads              // reads of the backend
	flights singleflight.Group // refreshes
	probes  singleflight.Group // verifications
	breaker breaker
	issuers issuers

	mu       sync.Mutex // guards closed, held, skewTold and the Add of work
	closed   bool
	held     map[Key]*heldPair
	skewTold time.Time
	work     sync.WaitGroup // flights, commits and background refreshes
	done     chan struct{}  // closed by Close

	abandoned chan struct{} // closed when Close gives up waiting
}

// New returns a store on a backend that the caller opened and will close,
// after it has closed the store.
func New(db backend.Backend, sealer Sealer, opts *Options) (*Store, error) {
	if db == nil || sealer == nil {
		return nil, errors.New("oauthstore: a store needs a backend and a sealer")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	o.PostTimeout = orDefault(o.PostTimeout, defaultPostTimeout)
	o.SaveBudget = orDefault(o.SaveBudget, defaultSaveBudget)
	o.Lease = orDefault(o.Lease, defaultLease)
	o.CacheAge = orDefault(o.CacheAge, defaultCacheAge)
	o.CacheSize = orDefault(o.CacheSize, defaultCacheSize)
	o.PerIssuer = orDefault(o.PerIssuer, defaultPerIssuer)
	if o.PerIssuer < 0 {
		return nil, errors.New("oauthstore: PerIssuer must not be negative")
	}
	if o.PostTimeout < 0 || o.SaveBudget < 0 || o.Lease <= o.PostTimeout+o.SaveBudget {
		return nil, fmt.Errorf("oauthstore: Lease (%v) must be longer than PostTimeout (%v) and SaveBudget (%v) together",
			o.Lease, o.PostTimeout, o.SaveBudget)
	}
	cache, err := otter.New(&otter.Options[Key, *snapshot]{MaximumSize: o.CacheSize})
	if err != nil {
		return nil, fmt.Errorf("oauthstore: cache: %w", err)
	}
	hc := safehttp.New(&safehttp.Options{AllowLoopback: o.InsecureAllowLoopback, Timeout: o.PostTimeout, Transport: o.InsecureTransport})
	return &Store{
		records: &records{db: db, sealer: sealer, late: o.SaveBudget}, opts: o, http: hc, cache: cache,
		watch:   watch{seed: maphash.MakeSeed()},
		issuers: issuers{limit: o.PerIssuer, gates: make(map[issuerClient]*issuerGate)},
		held:    make(map[Key]*heldPair), done: make(chan struct{}), abandoned: make(chan struct{}),
	}, nil
}

// Format implements [fmt.Formatter]: no verb prints what a store holds.
func (*Store) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "oauthstore.Store") }

// Close lets no new work begin and waits until refreshes in flight have ended
// and new pairs are saved, or until ctx ends; then it returns ctx's error and
// what could not be saved is lost, unless there is a journal. It does not
// close the backend.
func (s *Store) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() { s.work.Wait(); close(ended) }()
	select {
	case <-ended:
		s.cache.StopAllGoroutines()
		return nil
	case <-ctx.Done():
		s.abandon()
		return &Error{Op: "close", Err: ctx.Err(), Detail: "a refresh is still on its way"}
	}
}

// abandon ends the saving of pairs, once.
func (s *Store) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.abandoned:
	default:
		close(s.abandoned)
	}
}

// begin counts a piece of work that Close waits for; it reports false when
// the store is closed. The caller calls s.work.Done.
func (s *Store) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

// A snapshot is a record as it was read, with what is derived from it. It is
// never changed.
type snapshot struct {
	rec     *record
	version uint64
	token   Token     // of rec, with its expiry by the local clock
	spread  float64   // of rec
	now     time.Time // the store's clock at the read
	read    time.Time // the local clock at the read
	wall    int64     // of read, in nanoseconds: the wall clock only
	steady  steady
	epoch   uint64 // of the watch at the read
	watched bool   // a Watch would have told of any change since
}

func newSnapshot(rec *record, version uint64, now time.Time) *snapshot {
	read := time.Now()
	sn := &snapshot{rec: rec, version: version, spread: rec.spread(), now: now, read: read, wall: read.UnixNano()}
	t := Token{
		AccessToken: NewSecret(rec.Access), TokenType: rec.TokenType, Generation: rec.Generation, Grant: rec.Grant,
		Provenance: rec.Provenance, Profile: rec.Profile, Expiry: rec.Expiry,
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
	sn.steady = sn.settle()
	return sn
}

// clockSlack is a difference between the store's clock and ours that counts
// as none: the time that a read takes is in it.
const clockSlack = 2 * time.Second

// age is how much time has passed since the read. After a suspend the wall
// clock knows better, after a clock change the monotonic one: the greater
// counts.
func (sn *snapshot) age() time.Duration {
	now := time.Now()
	return max(now.Sub(sn.read), time.Duration(now.UnixNano()-sn.wall), 0)
}

// elapsed is the time since t in the same way.
func elapsed(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)), 0)
}

// storeNow is the store's clock now.
func (sn *snapshot) storeNow() time.Time { return sn.now.Add(sn.age()) }

// left is for how long the access token lives at now, by the store's clock; ok
// is false where that is not known.
func (sn *snapshot) left(now time.Time) (d time.Duration, ok bool) {
	if sn.rec.Expiry.IsZero() {
		return 0, false
	}
	return sn.rec.Expiry.Sub(now), true
}

// alive reports whether the access token may be used at all.
func (sn *snapshot) alive(now time.Time) bool {
	left, ok := sn.left(now)
	return sn.rec.Access != "" && (!ok || left > 0)
}

// cached returns the snapshot that may be served without a read, or nil, and
// its age.
func (s *Store) cached(key Key) (*snapshot, time.Duration) {
	sn, ok := s.cache.GetIfPresent(key)
	if !ok || sn.epoch != s.watch.epoch.Load() {
		return nil, 0
	}
	age := sn.age()
	if !(sn.watched && s.watch.connected.Load()) && (sn.rec.Profile.OldAccessDies || age > s.opts.CacheAge) {
		return nil, 0
	}
	return sn, age
}

// remember caches a snapshot, a tombstone too, so that a read that began
// before the disconnect does not bring back what it read. m is of before the
// read or write that the snapshot comes from.
func (s *Store) remember(key Key, sn *snapshot, m moment) {
	sn.epoch = m.epoch
	if s.opts.CacheAge < 0 {
		return
	}
	s.cache.Compute(key, func(old *snapshot, found bool) (*snapshot, otter.ComputeOp) {
		switch {
		case found && old.version > sn.version:
			return old, otter.CancelOp // somebody read later than we did
		case s.watch.told(key, m):
			return nil, otter.InvalidateOp // of a write that may be later than what we have
		}
		sn.watched = s.watch.connected.Load()
		return sn, otter.WriteOp
	})
}

// load reads the record, or the pair that is held for want of a backend. When
// the backend does not answer, what is cached serves until it ends.
func (s *Store) load(ctx context.Context, key Key) (*snapshot, error) {
	if sn := s.heldSnapshot(key); sn != nil {
		return sn, nil
	}
	if err := key.Validate(); err != nil {
		return nil, err
	}
	sn, err := s.loads.do(ctx, key, func(ctx context.Context) (*snapshot, error) {
		if !s.begin() {
			return nil, ErrClosed
		}
		defer s.work.Done()
		ctx, cancel := context.WithTimeout(ctx, s.opts.SaveBudget)
		defer cancel()
		return s.read(ctx, key)
	})
	switch {
	case err == nil:
		return sn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded):
		if sn, ok := s.cache.GetIfPresent(key); ok && sn.alive(sn.storeNow()) && sn.rec.Tombstone.IsZero() {
			return sn, nil
		}
		return nil, errors.Join(ErrUnavailable, err)
	}
	return nil, err
}

// read reads the record from the backend, always.
func (s *Store) read(ctx context.Context, key Key) (*snapshot, error) {
	before := s.watch.moment(key)
	row, err := s.records.get(ctx, credentialID(key))
	if err != nil {
		return nil, err
	}
	rec, err := decodeRecord(row.Data)
	if err != nil {
		return nil, err
	}
	sn := newSnapshot(rec, row.Version, row.Now)
	s.remember(key, sn, before)
	return sn, nil
}

// write seals rec and puts it in place of the record that was read as sn. On
// success the cache knows the new record.
func (s *Store) write(ctx context.Context, key Key, rec *record, sn *snapshot) (*snapshot, error) {
	plain, err := rec.encode()
	if err != nil {
		return nil, err
	}
	next := nextVersion(sn.version, sn.storeNow())
	before := s.watch.moment(key)
	row := backend.Record{Version: next, Data: plain, DueAt: rec.dueAt(), ExpireAt: rec.expireAt()}
	if next, err = s.records.put(ctx, credentialID(key), row, sn.version); err != nil {
		return nil, err
	}
	written := newSnapshot(rec, next, sn.storeNow())
	s.remember(key, written, before)
	s.loads.forget(key) // who asks from now on must not join a read from before
	return written, nil
}

// update reads the record and writes what change makes of a copy of it, again
// and again until no other writer comes between. change reports false to
// leave the record as it is. The snapshot is what then stands.
func (s *Store) update(ctx context.Context, key Key, change func(r *record, now time.Time) bool) (*snapshot, error) {
	for {
		sn, err := s.read(ctx, key)
		if err != nil {
			return nil, err
		}
		rec := sn.rec.clone()
		if !change(rec, sn.storeNow()) {
			return sn, nil
		}
		next, err := s.write(ctx, key, rec, sn)
		if errors.Is(err, backend.ErrConflict) || errors.Is(err, ErrNotFound) {
			continue
		}
		return next, err
	}
}

// flightKey is an unambiguous string of a key, for singleflight.
func flightKey(k Key) string {
	text, _ := credentialID(k).MarshalText() // never fails
	return string(text)
}
