package oauthstore

import (
	"context"
	"log/slog"
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

	mu       sync.Mutex
	skewTold time.Time // of the last EventClockSkew; guarded by mu
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
	if skew == 0 || !o.skewDue(end) {
		return
	}
	o.event(ctx, Event{Type: EventClockSkew, Key: key, Generation: generation, Skew: skew.Round(time.Second)})
}

// skewDue reports whether a skew found at now should be reported.
func (o *observer) skewDue(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.skewTold.IsZero() && now.Sub(o.skewTold) < skewInterval {
		return false
	}
	o.skewTold = now
	return true
}
