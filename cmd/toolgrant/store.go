package main

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// closeGrace is how long a refresh in flight may take after a signal. It is less
// than grace, so that run still reports the result.
const closeGrace = grace - 100*time.Millisecond

// peerWait is how long a command waits for a refresh by another process: longer
// than most refreshes take, and shorter than the lease of a process that died.
const peerWait = 5 * time.Second

// withStore opens the store of --store and --keyset, calls f and closes it. It
// waits for refreshes in flight, so that no new token pair is lost, and after a
// signal for closeGrace at most.
func (a *app) withStore(ctx context.Context, f func(*oauthstore.Store) error) error {
	keys, err := a.openKeyset(ctx)
	if err != nil {
		return err
	}
	return a.withSealer(ctx, keys, f)
}

// withSealer is like withStore with a keyset that is already open.
func (a *app) withSealer(ctx context.Context, keys backend.Sealer, f func(*oauthstore.Store) error) (err error) {
	defer func() { err = storeFault(err, a.global.store) }()
	backend, err := openStore(ctx, "--store", a.global.store)
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
