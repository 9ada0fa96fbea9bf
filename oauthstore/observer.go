package oauthstore

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
)

// An observer passes events to the Observer and Logger of a store's options.
// Safe for concurrent use.
type observer struct {
	observe func(ctx context.Context, e Event) // nil: none
	logger  *slog.Logger                       // nil: none

	mu   sync.Mutex
	last map[string]time.Time // of the latest repeated event, by its subject; guarded by mu
}

func (o *observer) event(ctx context.Context, e Event) {
	if e.Actor == "" {
		e.Actor = actor.Of(ctx)
	}
	if o.logger != nil {
		o.logger.LogAttrs(ctx, e.level(), "credential "+string(e.Type), slog.Any("event", e))
	}
	if o.observe != nil {
		o.observe(ctx, e)
	}
}

// scopesNarrowed reports the scopes that are missing, if any.
func (o *observer) scopesNarrowed(ctx context.Context, key Key, generation uint64, missing []string) {
	if len(missing) > 0 {
		o.event(ctx, Event{Type: EventNarrowed, Key: key, Generation: generation, Scopes: missing})
	}
}

// missingScopes returns the scopes in before that are not in granted. A nil
// granted means that the server sent no scope: nothing has changed (RFC 6749
// section 5.1).
func missingScopes(before, granted []string, refreshable bool) []string {
	if granted == nil {
		return nil
	}
	var missing []string
	for _, scope := range before {
		if scope == oauth.ScopeOffline && refreshable {
			continue // its purpose, the refresh token, is there
		}
		if !slices.Contains(granted, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// Limits of a clock's skew.
const (
	skewTolerated = 30 * time.Second
	skewInterval  = time.Hour // between two events
)

// clockSkew compares this process's clock with that of an authorization server,
// which wrote date, to the second, between the start of a request and the end
// of its answer.
func (o *observer) clockSkew(ctx context.Context, key Key, generation uint64, date, start, end time.Time) {
	if date.IsZero() {
		return
	}
	var skew time.Duration
	if ahead := start.Sub(date.Add(time.Second)); ahead > skewTolerated {
		skew = ahead
	} else if behind := date.Sub(end); behind > skewTolerated {
		skew = -behind
	}
	if skew == 0 || !o.due("skew", skewInterval, end) {
		return
	}
	o.event(ctx, Event{Type: EventClockSkew, Key: key, Generation: generation, Skew: skew.Round(time.Second)})
}

// due reports whether an event that may repeat should be reported again at now,
// once in every interval of at most an hour for each subject.
func (o *observer) due(subject string, every time.Duration, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if last, ok := o.last[subject]; ok && now.Sub(last) < every {
		return false
	}
	maps.DeleteFunc(o.last, func(_ string, at time.Time) bool { return now.Sub(at) > time.Hour })
	if o.last == nil {
		o.last = make(map[string]time.Time)
	}
	o.last[subject] = now
	return true
}

// over makes the next event about subject due at once.
func (o *observer) over(subject string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.last, subject)
}

// repeatedInterval is the interval between two events about a failure that
// lasts.
const repeatedInterval = 10 * time.Minute

// watchLost reports that the watch is lost.
func (o *observer) watchLost(ctx context.Context, err error) {
	if o.due("watch", repeatedInterval, time.Now()) {
		o.event(ctx, Event{Type: EventWatchLost, Err: &Error{Op: "watch", Err: err}})
	}
}

// watchReady reports that a watch that was lost is back.
func (o *observer) watchReady(ctx context.Context) {
	o.over("watch")
	o.event(ctx, Event{Type: EventWatchReady})
}

// clientsFailed reports that Options.Clients failed.
func (o *observer) clientsFailed(ctx context.Context, owner Owner, issuer string, err error) {
	if o.due("clients of "+issuer, repeatedInterval, time.Now()) {
		o.event(ctx, Event{Type: EventClientsFailed, Key: Key{Owner: owner}, Issuer: issuer, Err: err})
	}
}

// issuer reports that an issuer began or ceased to fail.
func (o *observer) issuer(ctx context.Context, t transition, issuer string, key Key, detail string) {
	switch t {
	case transitionFailing:
		o.event(ctx, Event{Type: EventIssuerFailing, Key: key, Issuer: issuer, Err: &Error{Err: ErrUnavailable, Detail: detail}})
	case transitionRecovered:
		o.event(ctx, Event{Type: EventIssuerRecovered, Key: key, Issuer: issuer})
	case transitionNone:
	}
}
