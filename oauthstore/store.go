package oauthstore

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A Store keeps credentials sealed in a [backend.Backend], hands out their
// tokens and refreshes them so that no crash, race or second machine loses one.
// Several stores in several processes may share a backend. A store starts no
// goroutine before its first use, and [Store.Close] waits for all that it
// started. Safe for concurrent use.
type Store struct {
	opts     Options
	http     *http.Client
	life     *lifetime
	observer *observer

	records *records
	cache   *cache
	reads   sharedReads
	unsaved unsavedPairs
	void    voidIntents
	journal journal

	refreshes     singleflight.Group // flights, by key
	verifications singleflight.Group // by key
	gates         issuerGates
	watching      watchState
	refusals      refusals
	revoking      atomic.Int64 // revocations in the background
	buried        atomic.Int64 // tombstones with tokens, at the last sweep
}

// New returns a store on a backend that the caller opened. The caller closes the
// backend after it has closed the store. It returns an error for options that
// contradict each other, such as a Lease that is too short.
func New(db backend.Backend, sealer backend.Sealer, opts *Options) (*Store, error) {
	if db == nil || sealer == nil {
		return nil, errtext.New("oauthstore: a store needs a backend and a sealer")
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	cache, err := newCache(o.CacheSize, o.CacheAge)
	if err != nil {
		return nil, err
	}
	records := &records{db: db, sealer: sealer, late: o.SaveBudget}
	return &Store{
		opts: o, life: newLifetime(), observer: &observer{observe: o.Observer, logger: o.Logger},
		http:    safehttp.New(&safehttp.Options{AllowLoopback: o.InsecureAllowLoopback, Timeout: o.PostTimeout, Transport: o.InsecureTransport}),
		records: records, cache: cache, journal: journal{dir: o.Journal, records: records},
		gates: issuerGates{limit: o.PerIssuer},
	}, nil
}

// Format implements [fmt.Formatter]: no verb prints the contents of a store.
func (*Store) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "oauthstore.Store") }

// Close refuses new work and waits until running refreshes have finished and
// new pairs are saved, or until ctx ends; then it returns ctx's error, and
// unsaved pairs are lost unless there is a journal. It does not close the
// backend.
func (s *Store) Close(ctx context.Context) error {
	if err := s.life.close(ctx); err != nil {
		return &Error{Op: "close", Err: err, Detail: "a refresh is still running"}
	}
	s.cache.stop()
	return nil
}
