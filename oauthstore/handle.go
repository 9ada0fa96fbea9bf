package oauthstore

import (
	"context"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

func init() { //nolint:gochecknoinits // storehandle can't import this package
	storehandle.Of = func(store any) storehandle.Handle {
		s, ok := store.(*Store)
		if !ok {
			panic("storehandle: not an *oauthstore.Store")
		}
		return handle{s}
	}
}

// A handle implements [storehandle.Handle].
type handle struct{ store *Store }

func (h handle) Records() storehandle.Records { return h.store.records }

func (h handle) SaveClient(ctx context.Context, c storehandle.Client) error {
	return h.store.saveClient(ctx, c)
}

func (h handle) Prefetch(credentials []backend.ID) func(context.Context) {
	return h.store.prefetch(credentials)
}

func (h handle) Stored(ctx context.Context, id backend.ID) (storehandle.Pair, error) {
	key := keyOf(id)
	sn, err := h.store.read(ctx, key)
	if err == nil && !sn.cred.Tombstone.IsZero() {
		err = ErrNotFound
	}
	if err != nil {
		return storehandle.Pair{}, fail("read", key, err)
	}
	t := sn.token
	return storehandle.Pair{
		AccessToken: t.AccessToken, Secrets: t.Secrets, TokenType: t.TokenType, Generation: t.Generation, ImportUsed: sn.cred.importUsed(),
	}, nil
}

func (h handle) Grant(ctx context.Context, id backend.ID) (string, error) {
	s, key := h.store, keyOf(id)
	sn := s.cache.watched(key)
	if sn == nil {
		if !s.life.begin() {
			return "", fail("read", key, backend.ErrClosed)
		}
		defer s.life.end()
		ctx, cancel := context.WithTimeout(ctx, s.opts.SaveBudget)
		defer cancel()
		var err error
		if sn, err = s.read(ctx, key); err != nil {
			return "", fail("read", key, unavailable(err))
		}
	}
	if !sn.cred.Tombstone.IsZero() {
		return "", fail("read", key, ErrNotFound)
	}
	return sn.cred.Grant, nil
}
