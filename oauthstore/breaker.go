package oauthstore

import (
	"maps"
	"sync"
	"time"
)

// breakerLimit is how many credentials must fail at one server, without a
// success between, until the server counts as failing and not the credentials.
const breakerLimit = 4

// A breaker counts the credentials that failed at one server since its last
// success. It is open while they are breakerLimit or more. Not safe for
// concurrent use.
type breaker struct {
	window time.Duration // how long a failure counts; 0: until a success
	failed map[Key]time.Time
}

// fail counts a failure of key. It remembers no more than the latest
// breakerLimit credentials.
func (b *breaker) fail(key Key, now time.Time) {
	b.expire(now)
	if b.failed == nil {
		b.failed = make(map[Key]time.Time)
	}
	b.failed[key] = now
	if len(b.failed) <= breakerLimit {
		return
	}
	oldest := key
	for k, at := range b.failed {
		if at.Before(b.failed[oldest]) {
			oldest = k
		}
	}
	delete(b.failed, oldest)
}

func (b *breaker) succeed() { clear(b.failed) }

func (b *breaker) open() bool { return len(b.failed) >= breakerLimit }

// expire deletes failures that no longer count.
func (b *breaker) expire(now time.Time) {
	if b.window > 0 {
		maps.DeleteFunc(b.failed, func(_ Key, at time.Time) bool { return now.Sub(at) > b.window })
	}
}

// refusalWindow is how long the final refusal of a token counts.
const refusalWindow = time.Minute

// refusals keep an outage in which MCP servers answer 401 from being believed:
// when tokens of several users of one issuer are refused for good within a
// short time and none is accepted, the provider fails and not the tokens. The
// zero value is ready. Safe for concurrent use.
type refusals struct {
	mu       sync.Mutex
	byIssuer map[string]*breaker // guarded by mu
}

// believe counts a final refusal and reports whether to act on it.
func (r *refusals) believe(issuer string, key Key, now time.Time) bool {
	if issuer == "" {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, b := range r.byIssuer {
		if b.expire(now); len(b.failed) == 0 {
			delete(r.byIssuer, name)
		}
	}
	b := r.byIssuer[issuer]
	if b == nil {
		b = &breaker{window: refusalWindow}
		if r.byIssuer == nil {
			r.byIssuer = make(map[string]*breaker)
		}
		r.byIssuer[issuer] = b
	}
	b.fail(key, now)
	return !b.open()
}

// accepted notes that a token of the issuer was accepted.
func (r *refusals) accepted(issuer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byIssuer, issuer)
}
