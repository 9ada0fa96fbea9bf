package oauthstore

import (
	"context"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// issuerGates bound the requests of this process to authorization servers: so
// many at once for each client, and few while the server fails for several
// credentials. A refresh token that is not sent to a failing server can't be
// lost there. Safe for concurrent use.
type issuerGates struct {
	limit int // concurrent requests through one gate

	mu    sync.Mutex // guards gates, and the fields of each
	gates map[issuerClient]*issuerGate
}

type issuerClient struct{ issuer, client string }

func issuerClientOf(p *Provenance) issuerClient {
	return issuerClient{clientAudience(p), p.ClientID}
}

type issuerGate struct {
	slots   chan struct{}
	users   int // refreshes that wait for a slot or hold one
	breaker breaker
	retries int       // failures since the breaker opened
	until   time.Time // no requests before
	trying  bool      // one request is finding out whether the server works again
}

// maxGatePause is the longest time between two tries, unless the server asks for
// more.
const maxGatePause = time.Minute

// An admission is the right to send one request. Its holder calls leave.
type admission struct {
	gates *issuerGates
	id    issuerClient
	gate  *issuerGate
	key   Key
	trial bool
}

// enter waits for the right to send a request for key. It returns
// [ErrUnavailable] while the gate is paused, unless forced, [backend.ErrClosed] once
// closing is closed, or ctx's error.
func (g *issuerGates) enter(ctx context.Context, key Key, p *Provenance, force bool, closing <-chan struct{}) (*admission, error) {
	a := &admission{gates: g, id: issuerClientOf(p), key: key}
	g.mu.Lock()
	a.gate = g.gates[a.id]
	if a.gate == nil {
		a.gate = &issuerGate{slots: make(chan struct{}, g.limit)}
		if g.gates == nil {
			g.gates = make(map[issuerClient]*issuerGate)
		}
		g.gates[a.id] = a.gate
	}
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
	if left := time.Until(g.until); left > 0 {
		return left
	}
	if g.breaker.open() && g.trying {
		return time.Second
	}
	return 0
}

// report notes the outcome of the request; class is "" for a new pair.
func (a *admission) report(class oauth.Class, retryAfter time.Duration) {
	a.gates.mu.Lock()
	defer a.gates.mu.Unlock()
	g := a.gate
	switch class {
	case "", oauth.ClassRefused: // the server works
		g.breaker.succeed()
		g.retries, g.until = 0, time.Time{}
		return
	case oauth.ClassConfig: // about this credential only
		return
	case oauth.ClassNotConsumed, oauth.ClassClient, oauth.ClassBlocked, oauth.ClassUnknown:
	}
	g.breaker.fail(a.key, time.Now())
	var wait time.Duration
	if g.breaker.open() {
		g.retries++
		wait = min(backoffDelay(g.retries, jitter()), maxGatePause)
	}
	if len(g.breaker.failed) > 1 { // a Retry-After to one credential may be about that one
		wait = max(wait, retryAfter)
	}
	if until := time.Now().Add(wait); until.After(g.until) {
		g.until = until
	}
}

// serverFails reports whether the server fails for several credentials.
func (a *admission) serverFails() bool {
	a.gates.mu.Lock()
	defer a.gates.mu.Unlock()
	return a.gate.breaker.open()
}

func (a *admission) leave() {
	<-a.gate.slots
	a.release()
}

// release deletes a gate that is unused and has no recorded failures.
func (a *admission) release() {
	a.gates.mu.Lock()
	defer a.gates.mu.Unlock()
	if a.trial {
		a.gate.trying = false
	}
	a.gate.users--
	if a.gate.users == 0 && len(a.gate.breaker.failed) == 0 {
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
