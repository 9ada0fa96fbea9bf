package main

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
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
	keys, err := a.openKeyset(ctx)
	if err != nil {
		return err
	}
	return a.withSealer(ctx, keys, f)
}

// withSealer is withStore with a keyset that is open already.
func (a *app) withSealer(ctx context.Context, keys backend.Sealer, f func(*oauthstore.Store) error) (err error) {
	backend, err := a.openBackend(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	logger, closeLog, err := a.auditLogger()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	store, err := oauthstore.New(backend, keys, &oauthstore.Options{
		PeerWait: peerWait, Logger: logger, InsecureAllowLoopback: a.global.allowLoopback,
	})
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
