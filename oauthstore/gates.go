package oauthstore

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/health"
)

// issuerGates bound the requests of this process to authorization servers: so
// many at once for each client, and few while the server fails for several
// owners. A refresh token that is not sent to a failing server can't be
// lost there. Safe for concurrent use.
type issuerGates struct {
	limit int // concurrent requests through one gate

	mu    sync.Mutex // guards what follows, and the fields of each gate
	gates map[issuerClient]*issuerGate
	swept time.Time // when idle gates were last deleted
}

// An issuerClient names a gate. The kind keeps the clients that owners import
// apart from an application of the same id.
type issuerClient struct {
	issuer, client string
	kind           ClientKind
}

func issuerClientOf(p *Provenance) issuerClient {
	return issuerClient{clientAudience(p), p.ClientID, p.Client}
}

type issuerGate struct {
	slots   chan struct{}
	users   int // refreshes that wait for a slot or hold one
	breaker breaker
	retries int       // failures since the breaker opened
	since   time.Time // when the breaker opened; zero: it is closed
	until   time.Time // no requests before
	trying  bool      // one request is finding out whether the server works again
	clients clientFailures
}

// clientFailures are the failures of Options.Clients in a row.
type clientFailures struct {
	n     int
	since time.Time // of the first
	until time.Time // it is not called before
}

// gateMemory is how long a failure counts, and how long a gate outlives it.
const gateMemory = time.Hour

// maxGatePause is the longest time between two tries, unless the server asks for
// more.
const maxGatePause = time.Minute

// An admission is the right to send one request. Its holder calls leave.
type admission struct {
	gates *issuerGates
	id    issuerClient
	gate  *issuerGate
	owner Owner
	trial bool
}

// enter waits for the right to send a request for owner. It returns
// [ErrUnavailable] while the gate is paused, unless forced, [backend.ErrClosed] once
// closing is closed, or ctx's error.
func (g *issuerGates) enter(ctx context.Context, owner Owner, p *Provenance, force bool, closing <-chan struct{}) (*admission, error) {
	a := &admission{gates: g, id: issuerClientOf(p), owner: owner}
	g.mu.Lock()
	a.gate = g.gate(a.id)
	a.gate.users++
	g.mu.Unlock()
	select {
	case a.gate.slots <- struct{}{}:
	case <-ctx.Done():
		a.release()
		return nil, ctx.Err()
	case <-closing:
		a.release()
		return nil, backend.ErrClosed
	}
	if pause := a.admit(force); pause > 0 {
		a.leave()
		return nil, &Error{
			Err: ErrUnavailable, Reason: ReasonRefreshFailing, RetryAfter: pause,
			Detail: "the authorization server fails for several users; requests to it are paused",
		}
	}
	return a, nil
}

// gate returns the gate of id. The caller holds mu.
func (g *issuerGates) gate(id issuerClient) *issuerGate {
	gate := g.gates[id]
	if gate != nil {
		return gate
	}
	if now := time.Now(); now.Sub(g.swept) > time.Minute {
		g.swept = now
		maps.DeleteFunc(g.gates, func(_ issuerClient, gate *issuerGate) bool { return gate.idle(now) })
	}
	gate = &issuerGate{slots: make(chan struct{}, g.limit), breaker: breaker{window: gateMemory}}
	if g.gates == nil {
		g.gates = make(map[issuerClient]*issuerGate)
	}
	g.gates[id] = gate
	return gate
}

// idle reports whether a gate is unused and has no recorded failures.
func (g *issuerGate) idle(now time.Time) bool {
	g.breaker.expire(now)
	return g.users == 0 && len(g.breaker.failed) == 0 && !now.Before(g.until) &&
		(g.clients.n == 0 || now.Sub(g.clients.until) > gateMemory)
}

// clientPause returns how long Options.Clients must not be called for a client.
func (g *issuerGates) clientPause(p *Provenance) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	gate := g.gates[issuerClientOf(p)]
	if gate == nil {
		return 0
	}
	return max(time.Until(gate.clients.until), 0)
}

// clientFailed counts a failure of Options.Clients and returns how long it must
// not be called.
func (g *issuerGates) clientFailed(p *Provenance) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := &g.gate(issuerClientOf(p)).clients
	if c.n++; c.n == 1 {
		c.since = time.Now()
	}
	pause := min(backoffDelay(c.n, jitter()), maxGatePause)
	c.until = time.Now().Add(pause)
	return pause
}

// clientFound notes that Options.Clients works, and reports whether it failed
// before.
func (g *issuerGates) clientFound(p *Provenance) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	gate := g.gates[issuerClientOf(p)]
	if gate == nil || gate.clients.n == 0 {
		return false
	}
	gate.clients = clientFailures{}
	return true
}

// health adds the issuers that fail to h.
func (g *issuerGates) health(h *health.Report, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, gate := range g.gates {
		if gate.breaker.expire(now); gate.breaker.open() {
			h.Issuers = append(h.Issuers, health.Issuer{Name: id.issuer, Problem: health.TokenEndpoint, Since: gate.since})
		}
		if gate.clients.n > 0 {
			h.Issuers = append(h.Issuers, health.Issuer{Name: id.issuer, Problem: health.Clients, Since: gate.clients.since})
		}
	}
}

// admit returns how long the gate is still paused, or 0.
func (a *admission) admit(force bool) time.Duration {
	a.gates.mu.Lock()
	defer a.gates.mu.Unlock()
	pause := a.gate.pause()
	if pause > 0 && !force {
		return pause
	}
	a.trial = a.gate.breaker.open() && !a.gate.trying
	a.gate.trying = a.gate.trying || a.trial
	return 0
}

// pause returns how long no request may be sent, or 0.
func (g *issuerGate) pause() time.Duration {
	if left := max(time.Until(g.until), time.Until(g.clients.until)); left > 0 {
		return left
	}
	if g.breaker.open() && g.trying {
		return time.Second
	}
	return 0
}

// report notes the outcome of the request; class is "" for a new pair.
func (a *admission) report(class oauth.Class, retryAfter time.Duration) transition {
	a.gates.mu.Lock()
	defer a.gates.mu.Unlock()
	g := a.gate
	switch class {
	case "", oauth.ClassRefused: // the server works
		failed := !g.since.IsZero()
		g.breaker.succeed()
		g.retries, g.until, g.since = 0, time.Time{}, time.Time{}
		if failed {
			return transitionRecovered
		}
		return transitionNone
	case oauth.ClassConfig: // about this credential only
		return transitionNone
	case oauth.ClassNotConsumed, oauth.ClassClient, oauth.ClassBlocked, oauth.ClassUnknown:
	}
	now, change := time.Now(), transitionNone
	g.breaker.fail(a.owner, now)
	var wait time.Duration
	if !g.breaker.open() {
		g.since = time.Time{}
	} else {
		if g.since.IsZero() {
			g.since, change = now, transitionFailing
		}
		g.retries++
		wait = min(backoffDelay(g.retries, jitter()), maxGatePause)
	}
	if len(g.breaker.failed) > 1 { // a Retry-After to one owner may be about that one
		wait = max(wait, retryAfter)
	}
	if until := now.Add(wait); until.After(g.until) {
		g.until = until
	}
	return change
}

// othersFail reports whether the server fails for other owners too: it has
// refreshed no credential since it failed for one of them.
func (a *admission) othersFail() bool {
	a.gates.mu.Lock()
	defer a.gates.mu.Unlock()
	for owner := range a.gate.breaker.failed {
		if owner != a.owner {
			return true
		}
	}
	return false
}

func (a *admission) leave() {
	<-a.gate.slots
	a.release()
}

// release deletes an idle gate.
func (a *admission) release() {
	a.gates.mu.Lock()
	defer a.gates.mu.Unlock()
	if a.trial {
		a.gate.trying = false
	}
	a.gate.users--
	if a.gate.idle(time.Now()) && a.gates.gates[a.id] == a.gate {
		delete(a.gates.gates, a.id)
	}
}

// paused reports whether no request may be sent now.
func (g *issuerGates) paused(p *Provenance) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	gate := g.gates[issuerClientOf(p)]
	return gate != nil && gate.pause() > 0
}
