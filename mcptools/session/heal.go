package session

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/entryhandle"
	"github.com/toolgrant/toolgrant/internal/sleep"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// defaultWait is how long a turn waits before a retry without Retry-After.
const defaultWait = 500 * time.Millisecond

// heal prepares a repeat of the request: with a fresh token, after a wait, or
// without the server. It returns the error of the turn if none of them applies.
func (t *turn) heal(ctx context.Context, f *mcptools.Failure) error {
	entry, known := t.tools.Entry(f.ServerLabel)
	switch {
	case known && f.Kind == mcptools.KindUnauthorized && f.Stage == mcptools.StageListTools:
		fresh, err := t.renew(ctx, entry, f)
		if err != nil {
			return err
		}
		if fresh == nil {
			return t.emit(Event{Type: EventRetrying, Label: entry.Label, Failure: f})
		}
		f = fresh
	case f.Retryable && (known || f.Kind == mcptools.KindPlatform && f.Action == mcptools.ActionWait) && !t.retried[f.ServerLabel]:
		again, err := t.wait(ctx, f)
		if err != nil {
			return err
		}
		if again {
			t.retried[f.ServerLabel] = true
			return t.emit(Event{Type: EventRetrying, Label: f.ServerLabel, Failure: f})
		}
	}
	if !known || t.s.opts.OnFailure != OnFailureSkip {
		return f
	}
	t.drop(entry, f)
	return nil
}

// renew gets the next token for an entry whose token the MCP server refused. It
// returns the remaining failure, or nil if there is a token that was not tried
// yet.
func (t *turn) renew(ctx context.Context, entry mcptools.Entry, f *mcptools.Failure) (*mcptools.Failure, error) {
	if err := entry.Reject(ctx, oauthstore.Verdict{}); err != nil {
		return nil, err
	}
	if t.healed[entry.Label] {
		again, _ := entryhandle.RefusedAgain(f, entry).(*mcptools.Failure)
		return again, nil
	}
	t.healed[entry.Label] = true
	next, err := entry.Renew(ctx)
	if refusal, ok := errors.AsType[*mcptools.Failure](err); ok && ctx.Err() == nil {
		return refusal, nil
	}
	if err != nil {
		return nil, err
	}
	if entryhandle.SameCredential(next, entry) {
		return f, nil // the server accepts it from here, so it would be refused again
	}
	return nil, nil
}

// wait waits before a request is repeated. It reports false, without a wait, if
// that would take longer than MaxWait.
func (t *turn) wait(ctx context.Context, f *mcptools.Failure) (bool, error) {
	d := f.RetryAfter
	if d == 0 {
		d = defaultWait
	}
	if d > t.s.opts.MaxWait {
		return false, nil
	}
	err := sleep.For(ctx, d)
	return err == nil, err
}

// drop leaves an entry out of the turn. A server that fails is left out of the
// next ones too, for a while; failures that the owner can fix are retried in
// each turn.
func (t *turn) drop(entry mcptools.Entry, f *mcptools.Failure) {
	skipped := mcptools.Skipped{Label: entry.Label, Provider: entry.Provider, Failure: f}
	t.dropped[entry.Label] = skipped
	switch f.Action {
	case mcptools.ActionConnect, mcptools.ActionReconnect, mcptools.ActionStepUp, mcptools.ActionRefresh:
		return
	case mcptools.ActionWait, mcptools.ActionCheckServer, mcptools.ActionFixConfig, mcptools.ActionFixHistory, mcptools.ActionNone:
	}
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.s.held[entry.Label] = held{until: time.Now().Add(max(t.s.opts.HoldOff, f.RetryAfter)), skipped: skipped}
}

// reportRefusals reports tokens that were refused while the model ran to the
// credential store. It repeats nothing.
func (t *turn) reportRefusals(ctx context.Context, failures []*mcptools.Failure) {
	for _, f := range failures {
		if f.Kind != mcptools.KindUnauthorized {
			continue
		}
		if entry, ok := t.tools.Entry(f.ServerLabel); ok {
			if err := entry.Reject(ctx, oauthstore.Verdict{}); err != nil {
				t.s.opts.Logger.WarnContext(ctx, "session: the credential store did not record a refused token", "server_label", entry.Label, "error", err)
			}
		}
	}
}
