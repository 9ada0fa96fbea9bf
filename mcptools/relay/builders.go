package relay

import (
	"context"
	"sync"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// maxBuilders is how many servers a relay keeps builders for.
const maxBuilders = 256

// builders keeps the builders whose entries the relay itself uses. So a token is
// judged by the same code as one that a platform gets. Safe for concurrent use.
type builders struct {
	store *oauthstore.Store
	opts  *Options

	mu    sync.Mutex
	known map[target]*upstreamBuilder
}

// A target is what a builder is for: a server, and whether it is used without a
// credential. Options.Provider may tell owners and grants apart; otherwise they are
// zero, and the builder is for all.
type target struct {
	key   oauthstore.Key
	grant string
	open  bool
}

// An upstreamBuilder is the builder for a target with the provider's data.
type upstreamBuilder struct {
	*mcptools.Builder
	provider providers.Provider
}

// entry returns the entry with a fresh token for the holder of t.
func (b *upstreamBuilder) entry(ctx context.Context, t *ticket) (mcptools.Entry, error) {
	return b.Entry(ctx, t.owner(), &mcptools.BuildOptions{Account: t.Account, ServerURL: t.Server, Headers: t.Headers})
}

// of returns the builder for a ticket.
func (b *builders) of(t *ticket) (*upstreamBuilder, error) {
	at := target{key: oauthstore.Key{Provider: t.Provider, Server: t.Server}, open: t.Grant == ""}
	if b.opts.Provider != nil {
		at.key, at.grant = t.key(), t.Grant
	}
	b.mu.Lock()
	known := b.known[at]
	b.mu.Unlock()
	if known != nil {
		return known, nil
	}
	builder, err := b.make(t.key(), at.open)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for other := range b.known {
		if len(b.known) < maxBuilders {
			break
		}
		delete(b.known, other)
	}
	b.known[at] = builder
	return builder, nil
}

func (b *builders) make(key oauthstore.Key, open bool) (*upstreamBuilder, error) {
	lookup := b.opts.Provider
	if lookup == nil {
		lookup = providerOf
	}
	p, err := lookup(key)
	if err != nil {
		return nil, err
	}
	opts := &mcptools.Options{
		Label: "relay", // the entry's own may be longer than what a label may be
		// The response to the first forwarded request shows whether the token is
		// accepted.
		InsecureSkipProbe:     true,
		InsecureAllowLoopback: b.opts.InsecureAllowLoopback,
	}
	var creds oauthstore.Credentials = b.store
	if open {
		creds = nil
		p.Ways = []providers.Way{{ID: "none", Kind: providers.WayNone, Name: "no credential", Obtain: "The server needs no credential."}}
	}
	builder, err := mcptools.NewBuilder(p, creds, opts)
	if err != nil {
		return nil, err
	}
	return &upstreamBuilder{builder, p}, nil
}

// providerOf returns the provider of a credential, as the command does: the
// catalogue's if it serves the server, by id or by URL, else a custom one.
func providerOf(key oauthstore.Key) (providers.Provider, error) {
	if p, ok := providers.Lookup(key.Provider); ok {
		if _, err := p.ServerURL(key.Server); err == nil {
			return p, nil
		}
	}
	if p, ok := providers.ByURL(key.Server); ok {
		if _, err := p.ServerURL(key.Server); err == nil {
			p.ID, p.Label = key.Provider, ""
			return p, nil
		}
	}
	return providers.Custom(key.Provider, key.Server, nil), nil
}
