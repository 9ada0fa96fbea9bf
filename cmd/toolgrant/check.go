package main

import (
	"context"
	"sync"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// maxChecks is how many servers status --check asks at once.
const maxChecks = 8

// check asks the servers of stored credentials whether they accept the tokens,
// and returns the statuses with the verdicts. It stores the verdicts and changes
// nothing else.
func (a *app) check(ctx context.Context, store *oauthstore.Store, all []oauthstore.Status) ([]oauthstore.Status, error) {
	out := make([]oauthstore.Status, len(all))
	slots := make(chan struct{}, maxChecks)
	var asked sync.WaitGroup
	for i := range all {
		slots <- struct{}{}
		asked.Go(func() {
			defer func() { <-slots }()
			out[i] = a.checked(ctx, store, all[i])
		})
	}
	asked.Wait()
	return out, ctx.Err()
}

// checked asks the server of one credential.
func (a *app) checked(ctx context.Context, store *oauthstore.Store, s oauthstore.Status) oauthstore.Status {
	t := target{key: s.Key}
	t.provider, t.custom, t.fault = providerAt(s.Key.Provider, s.Key.Server)
	unknown := func(err error) oauthstore.Status {
		s.Verdict = oauthstore.Verdict{Detail: message(err)}
		return s
	}
	if err := a.usable(t); err != nil {
		return unknown(err)
	}
	if t.custom && s.Provenance.TokenKind != "" {
		t.takes(providers.TokenKind(s.Provenance.TokenKind))
	}
	b, err := mcptools.NewBuilder(t.provider, store, &mcptools.Options{InsecureAllowLoopback: a.global.allowLoopback})
	if err != nil {
		return unknown(err)
	}
	v, err := store.Verify(ctx, s.Key, b.Verifier())
	if err != nil {
		return unknown(err)
	}
	if now, err := store.Status(ctx, s.Key); err == nil {
		s = now
	}
	s.Verdict = v
	return s
}
