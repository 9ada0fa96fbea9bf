package oauthstore

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A flight is one refresh of the pair of one generation: by this process, or by
// another whose result it waits for. It outlives the callers that wait for it,
// since a canceled request may have used up the refresh token.
type flight struct {
	store      *Store
	key        Key
	generation uint64
	force      bool      // ignore back-off
	read       *snapshot // of the caller, if the backend had it a moment ago
}

// maxClaims is how often a flight takes a lease that turns out too short, or that
// it may not have got.
const maxClaims = 3

var (
	errAgain         = errors.New("the record was changed meanwhile")
	errLeaseTooShort = errors.New("the lease is too short for a request")
	errClaimLost     = errors.New("the lease could not be taken")
)

// run returns the snapshot of the next pair.
func (f *flight) run(ctx context.Context) (*snapshot, error) {
	s := f.store
	if !s.life.begin() {
		return nil, backend.ErrClosed
	}
	defer s.life.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Lease+s.opts.PostTimeout+2*s.opts.SaveBudget)
	defer cancel()
	var peer peerLease
	for started, wait, claims := time.Now(), 20*time.Millisecond, 0; ; {
		unsaved := s.unsaved.snapshot(f.key)
		if unsaved != nil && unsaved.cred.Generation != f.generation {
			return unsaved, nil
		}
		sn := f.read
		if f.read = nil; sn == nil || !sn.recent() || unsaved != nil {
			var err error
			if sn, err = s.read(ctx, f.key); err != nil {
				return nil, unavailable(err)
			}
		}
		rec := sn.cred
		switch {
		case !rec.Tombstone.IsZero():
			return nil, ErrNotFound
		case rec.Generation != f.generation && unsaved != nil && unsaved.cred.Grant == rec.Grant:
			return nil, &Error{Err: ErrUnavailable, Detail: "the backend has not saved the last pair yet"}
		case rec.Generation != f.generation:
			return sn, nil // another process was first: adopt its pair
		case !rec.refreshable():
			return nil, rec.unrefreshable()
		}
		if rec.Intent != nil && !s.void.has(f.key, rec.Intent.ID) && peer.holds(rec.Intent, sn.storeNow()) {
			if s.opts.PeerWait > 0 && time.Since(started) >= s.opts.PeerWait {
				return nil, &Error{
					Err: ErrUnavailable, Reason: ReasonRefreshFailing, RetryAfter: min(rec.Intent.Deadline.Sub(sn.storeNow()), s.opts.Lease),
					Detail: "another process is refreshing it",
				}
			}
			if err := sleep(ctx, wait, s.life.closing); err != nil {
				return nil, err
			}
			wait = min(wait*3/2, 250*time.Millisecond)
			continue
		}
		next, err := f.attempt(ctx, sn)
		switch {
		case errors.Is(err, errAgain):
			continue
		case errors.Is(err, errClaimLost):
			if claims++; claims < maxClaims {
				continue
			}
		case errors.Is(err, errLeaseTooShort):
			if claims++; claims < maxClaims {
				continue
			}
			err = &Error{Err: ErrUnavailable, Detail: "the backend is too slow for the lease: see Options.Lease"}
		}
		return next, err
	}
}

// attempt takes the lease and sends the one request that it allows.
func (f *flight) attempt(ctx context.Context, sn *snapshot) (*snapshot, error) {
	s := f.store
	client, err := s.client(ctx, f.key.Owner, &sn.cred.Provenance)
	if err != nil {
		return nil, unavailable(err)
	}
	if !f.force {
		if err := sn.mustWait(client); err != nil {
			return nil, err
		}
	}
	adm, err := s.gates.enter(ctx, f.key.Owner, &sn.cred.Provenance, f.force, s.life.closing)
	if err != nil {
		return nil, unavailable(err)
	}
	defer adm.leave()
	if s.life.isClosed() {
		return nil, backend.ErrClosed // Close waits for sent requests; this one was not sent
	}
	claimed, err := f.claim(ctx, sn)
	if err != nil {
		return nil, err
	}
	return f.send(ctx, claimed, client, adm, func() time.Time { return sn.now.Add(elapsed(sn.asked)) })
}

// mustWait returns an error if a refresh has to wait.
func (sn *snapshot) mustWait(c oauth.Client) error {
	r, now := sn.cred, sn.storeNow()
	if h := r.Backoff; h != nil && now.Before(h.NextAttempt) && (h.Client == "" || h.Client == clientFingerprint(c)) {
		e := &Error{Err: ErrUnavailable, Reason: ReasonRefreshFailing, RetryAfter: h.NextAttempt.Sub(now), Detail: h.detail()}
		if h.operator() {
			e.Err = ErrMisconfigured
		}
		return e
	}
	if left, ok := sn.left(now); ok && left > 0 && r.Lost != nil && !r.Profile.KeepsRefreshToken && r.Rejected != r.Generation {
		return &Error{
			Err: ErrUnavailable, Reason: ReasonRefreshFailing, RetryAfter: left,
			Detail: "the response to the last refresh was lost; the access token serves until it expires",
		}
	}
	return nil
}

// send sends the one request that the intent in sn allows, and stores its
// outcome. latest returns the latest time that the store's clock can show now.
func (f *flight) send(ctx context.Context, sn *snapshot, client oauth.Client, adm *admission, latest func() time.Time) (*snapshot, error) {
	s, rec := f.store, sn.cred
	// A process that was stopped or starved since it began to read the record
	// must not send: its lease may be another's when the response arrives.
	if rec.Intent.Deadline.Sub(latest()) < s.opts.PostTimeout+s.opts.SaveBudget {
		if _, err := f.finish(ctx, rec, func(*storedCredential, time.Time) {}); err != nil {
			s.void.add(f.key, rec.Intent.ID)
			return nil, unavailable(err)
		}
		return nil, errLeaseTooShort
	}
	started, local := sn.storeNow(), time.Now()
	pctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.PostTimeout) // however long the flight has waited
	defer cancel()
	profile := rec.Profile
	resp, err := f.request(pctx, rec, &profile, client)
	e, failed := errors.AsType[*oauth.Error](err)
	adapted := failed && profile.adapt(e, rec)
	if adapted {
		// The server rejected the request and not the refresh token, which is
		// unused: one more request is safe within the same lease.
		resp, err = f.request(pctx, rec, &profile, client)
		if e, failed = errors.AsType[*oauth.Error](err); failed && e.Class == oauth.ClassRefused {
			e.Class = oauth.ClassBlocked // the token may be valid with the parameters that were left out
		}
	}
	if err == nil {
		s.observer.issuer(ctx, adm.report("", 0), clientAudience(&rec.Provenance), f.key, "")
		s.observer.clockSkew(ctx, f.key, rec.Generation, resp.ServerDate, local, time.Now())
		p := newPair(rec, resp, started, local)
		p.noResource, p.refreshScopes = profile.NoRefreshResource, profile.RefreshScopes
		switch {
		case adapted && otherAudience(NewSecret(rec.Access), p.access):
			p.dropAccess(rec, "without the parameters that it rejected, the authorization server issued a token for another audience")
		case rec.foreignAudience(p.access, f.key.Server):
			p.dropAccess(rec, "the authorization server issued a token for another audience than this server")
		}
		return s.commit(ctx, f.key, sn, p)
	}
	if !failed {
		e = &oauth.Error{Class: oauth.ClassUnknown, Err: err}
	}
	s.observer.issuer(ctx, adm.report(e.Class, e.RetryAfter), clientAudience(&rec.Provenance), f.key, "the authorization server fails for several users: "+e.Error())
	return f.failed(ctx, rec, client, e, local, adm.othersFail())
}

// request asks for the next pair: with the refresh token, or with the client
// credentials for an application's own token.
func (f *flight) request(ctx context.Context, rec *storedCredential, profile *TokenProfile, client oauth.Client) (*oauth.TokenResponse, error) {
	p := &rec.Provenance
	shape := oauth.TokenShape{Types: profile.TokenTypes, Member: profile.TokenMember}
	if rec.clientCredentials() {
		return oauth.ClientCredentials(ctx, f.store.http, oauth.ClientCredentialsRequest{
			TokenEndpoint: p.TokenEndpoint, Client: client, Resource: p.Resource, Scopes: p.ScopesAsked, Shape: shape,
		})
	}
	r := oauth.RefreshRequest{
		TokenEndpoint: p.TokenEndpoint, Client: client, RefreshToken: secret.New(rec.Refresh),
		Resource: p.Resource, RefusedCodes: profile.RefusedCodes, Shape: shape,
	}
	if profile.NoRefreshResource {
		r.Resource = ""
	}
	if profile.RefreshScopes {
		r.Scopes = p.ScopesAsked
	}
	return oauth.Refresh(ctx, f.store.http, r)
}
