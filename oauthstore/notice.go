package oauthstore

import (
	"context"
	"slices"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

// missingScopes returns what is in before and not in granted. Nil granted means
// that the server said nothing, and that nothing has changed (RFC 6749
// section 5.1).
func missingScopes(before, granted []string, refreshable bool) []string {
	if granted == nil {
		return nil
	}
	var missing []string
	for _, scope := range before {
		if scope == oauth.ScopeOffline && refreshable {
			continue // the refresh token is there, which is what it is asked for
		}
		if !slices.Contains(granted, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// scopes returns what was granted, or what was asked for where the server has
// never said.
func (p *Provenance) scopes() []string {
	if p.ScopesGranted != nil {
		return p.ScopesGranted
	}
	return p.ScopesAsked
}

func (s *Store) noticeScopes(ctx context.Context, key Key, generation uint64, missing []string) {
	if len(missing) > 0 {
		s.event(ctx, Event{Kind: EventNarrowed, Key: key, Generation: generation, Scopes: missing})
	}
}

// Limits of a clock's skew.
const (
	skewTolerated = 30 * time.Second
	skewSilence   = time.Hour // between two events
)

// noticeSkew compares our clock with that of an authorization server, which
// wrote date, to the second, between the start of a request and the end of its
// answer.
func (s *Store) noticeSkew(ctx context.Context, key Key, generation uint64, date, start, end time.Time) {
	if date.IsZero() {
		return
	}
	var skew time.Duration
	if ahead := start.Sub(date.Add(time.Second)); ahead > skewTolerated {
		skew = ahead
	} else if behind := date.Sub(end); behind > skewTolerated {
		skew = -behind
	}
	if skew == 0 || !s.firstSkew(end) {
		return
	}
	s.event(ctx, Event{Kind: EventClockSkew, Key: key, Generation: generation, Skew: skew.Round(time.Second)})
}

// firstSkew reports whether a skew that is found at now is to be told of.
func (s *Store) firstSkew(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.skewTold.IsZero() && now.Sub(s.skewTold) < skewSilence {
		return false
	}
	s.skewTold = now
	return true
}
