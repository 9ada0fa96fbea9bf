package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
)

// closeGrace is how long a refresh whose answer is on its way may take after a
// signal; a little less than grace, so that it is seen to have ended.
const closeGrace = grace - 100*time.Millisecond

// peerWait is how long a command waits for a refresh by another process: longer
// than most take, and not for as long as a process that died keeps its lease.
const peerWait = 5 * time.Second

// withStore opens the store of --store and --keyset, calls f and closes it. It
// waits for refreshes that are on their way, so that no new pair is lost; after
// a signal for closeGrace at most.
func (a *app) withStore(ctx context.Context, f func(*oauthstore.Store) error) error {
	keys, err := a.openKeyset()
	if err != nil {
		return err
	}
	return a.withSealer(ctx, keys, f)
}

// withSealer is withStore with a keyset that is open already.
func (a *app) withSealer(ctx context.Context, keys oauthstore.Sealer, f func(*oauthstore.Store) error) (err error) {
	backend, err := a.openBackend(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	store, err := oauthstore.New(backend, keys, &oauthstore.Options{PeerWait: peerWait, InsecureAllowLoopback: a.global.allowLoopback})
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		stop := context.AfterFunc(ctx, func() { time.AfterFunc(closeGrace, cancel) })
		defer stop()
		if closeErr := store.Close(closing); err == nil {
			err = closeErr
		}
	}()
	return f(store)
}

// A backend is what a --store URL opens.
type backend interface {
	oauthstore.Backend
	Close() error
}

// storeKinds are the schemes of --store. Local ones may make a keyset at first
// use; machines that share a store must not make one each.
var storeKinds = map[string]struct {
	local bool
	open  func(ctx context.Context, rest, url string) (backend, error)
}{
	"memory": {true, func(context.Context, string, string) (backend, error) { return oauthstore.NewMemory(), nil }},
	"file":   {true, func(_ context.Context, rest, _ string) (backend, error) { return filestore.Open(rest) }},
	"sqlite": {true, func(ctx context.Context, rest, _ string) (backend, error) { return sqlitestore.Open(ctx, rest, nil) }},
}

// storeKind returns the scheme of --store and what follows it.
func (a *app) storeKind() (scheme, rest string, err error) {
	scheme, rest, _ = strings.Cut(a.global.store, ":")
	if _, ok := storeKinds[scheme]; !ok {
		return "", "", faultf(mcptools.KindMisconfigured, "--store must be memory:, file:DIR, sqlite:PATH, postgres://… or redis://…")
	}
	if rest == "" && scheme != "memory" {
		return "", "", faultf(mcptools.KindMisconfigured, "--store says %s: and not where", scheme)
	}
	return scheme, rest, nil
}

func (a *app) openBackend(ctx context.Context) (backend, error) {
	scheme, rest, err := a.storeKind()
	if err != nil {
		return nil, err
	}
	b, err := storeKinds[scheme].open(ctx, rest, a.global.store)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	return b, nil
}
