package oauthstore

import (
	"context"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

// issuers keeps what this process asks of authorization servers within bounds:
// so many requests at once for each client, and hardly any while the server
// fails for one credential after the other. A refresh token that is not sent
// to a server in trouble is not lost there.
type issuers struct {
	limit int // requests at once

	mu    sync.Mutex // guards what follows, and the gates
	gates map[issuerClient]*issuerGate
}

type issuerClient struct{ issuer, client string }

func issuerClientOf(p *Provenance) issuerClient {
	return issuerClient{clientAudience(p), p.ClientID}
}

type issuerGate struct {
	slots   chan struct{}
	users   int              // flights that wait for a slot or have one
	failing map[Key]struct{} // whose last request failed since one succeeded; no more than troubleAt
	retries int              // failures since there are that many
	until   time.Time        // the server is left alone
	trying  bool             // one request finds out whether it works again
}

// Limits of an issuerGate.
const (
	defaultPerIssuer = 32
	troubleAt        = 4           // credentials that fail, and none that succeeds: it is the server
	troubleWait      = time.Minute // at most, between two tries, unless the server asks for more
)

func (g *issuerGate) trouble() bool { return len(g.failing) >= troubleAt }

// An admission is the right to send one request. It is given back with leave.
type admission struct {
	issuers *issuers
	id      issuerClient
	gate    *issuerGate
	key     Key
	trial   bool
}

// enter waits for the right to send a request for key. The error is that the
// server is left alone for now, unless forced, or ctx's, or [ErrClosed].
func (is *issuers) enter(ctx context.Context, key Key, p *Provenance, force bool, done <-chan struct{}) (*admission, error) {
	a := &admission{issuers: is, id: issuerClientOf(p), key: key}
	is.mu.Lock()
	a.gate = is.gates[a.id]
	if a.gate == nil {
		a.gate = &issuerGate{slots: make(chan struct{}, is.limit), failing: make(map[Key]struct{})}
		is.gates[a.id] = a.gate
	}
	a.gate.users++
	is.mu.Unlock()
	select {
	case a.gate.slots <- struct{}{}:
	case <-ctx.Done():
		a.depart()
		return nil, ctx.Err()
	case <-done:
		a.depart()
		return nil, ErrClosed
	}
	if left := a.admit(force); left > 0 {
		a.leave()
		return nil, &Error{
			Err: ErrUnavailable, Reason: ReasonRefreshFailing, RetryAfter: left,
			Detail: "the authorization server fails for several users and is left alone for a while",
		}
	}
	return a, nil
}

// admit returns for how long the server is to be left alone, or 0.
func (a *admission) admit(force bool) time.Duration {
	a.issuers.mu.Lock()
	defer a.issuers.mu.Unlock()
	left := a.gate.closed()
	if left > 0 && !force {
		return left
	}
	a.trial = a.gate.trouble() && !a.gate.trying
	a.gate.trying = a.gate.trying || a.trial
	return 0
}

// closed returns for how long nothing is to be asked; 0: it may.
func (g *issuerGate) closed() time.Duration {
	if left := time.Until(g.until); left > 0 {
		return left
	}
	if g.trouble() && g.trying {
		return time.Second
	}
	return 0
}

// report takes note of what came of the request; class is "" for a pair.
func (a *admission) report(class oauth.Class, retryAfter time.Duration) {
	a.issuers.mu.Lock()
	defer a.issuers.mu.Unlock()
	g := a.gate
	switch class {
	case "", oauth.ClassRefused: // it works
		clear(g.failing)
		g.retries, g.until = 0, time.Time{}
		return
	case oauth.ClassConfig: // which says nothing of other credentials
		return
	case oauth.ClassNotConsumed, oauth.ClassClient, oauth.ClassBlocked, oauth.ClassUnknown:
	}
	if !g.trouble() {
		g.failing[a.key] = struct{}{}
	}
	var wait time.Duration
	if g.trouble() {
		g.retries++
		wait = min(backoff(g.retries, jitter()), troubleWait)
	}
	if len(g.failing) > 1 { // what it asks of one may be about that one
		wait = max(wait, retryAfter)
	}
	if until := time.Now().Add(wait); until.After(g.until) {
		g.until = until
	}
}

// trouble reports whether the server fails for several credentials.
func (a *admission) trouble() bool {
	a.issuers.mu.Lock()
	defer a.issuers.mu.Unlock()
	return a.gate.trouble()
}

// leave gives the right back.
func (a *admission) leave() {
	<-a.gate.slots
	a.depart()
}

// depart forgets a gate that nobody uses and that knows nothing.
func (a *admission) depart() {
	a.issuers.mu.Lock()
	defer a.issuers.mu.Unlock()
	if a.trial {
		a.gate.trying = false
	}
	a.gate.users--
	if a.gate.users == 0 && len(a.gate.failing) == 0 {
		delete(a.issuers.gates, a.id)
	}
}

// spared reports whether the server is left alone now.
func (is *issuers) spared(p *Provenance) bool {
	is.mu.Lock()
	defer is.mu.Unlock()
	g := is.gates[issuerClientOf(p)]
	return g != nil && g.closed() > 0
}
