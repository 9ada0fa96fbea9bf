package fleet_test

import (
	"context"
	"encoding/json"
	"errors"

	"golang.org/x/oauth2"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// naiveID is the record in which a program without this library stores its
// token.
func naiveID(key oauthstore.Key) backend.ID {
	return backend.ID{Kind: "naive", Tenant: key.Owner.Tenant, Subject: key.Owner.Subject, Provider: key.Provider, Server: key.Server}
}

// naiveToken works like a program without this library: it loads the token from
// the shared database, has golang.org/x/oauth2 refresh it if it has expired,
// and saves the result.
func (w *worker) naiveToken(ctx context.Context, o *order) (string, error) {
	row, err := w.backend.Get(ctx, naiveID(keyOf(o.Subject)))
	if err != nil {
		return "", err
	}
	var old oauth2.Token
	if err := json.Unmarshal(row.Data, &old); err != nil {
		return "", err
	}
	cfg := oauth2.Config{ClientID: "soak", Endpoint: oauth2.Endpoint{TokenURL: o.From.TokenEndpoint, AuthStyle: oauth2.AuthStyleInParams}}
	tok, err := cfg.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, w.client), &old).Token()
	if err != nil {
		return "", err
	}
	if tok.AccessToken == old.AccessToken {
		return tok.AccessToken, nil
	}
	return tok.AccessToken, naiveSave(ctx, w.backend, keyOf(o.Subject), tok)
}

// naiveSave overwrites the stored token: the last writer wins.
func naiveSave(ctx context.Context, b backend.Backend, key oauthstore.Key, tok *oauth2.Token) error {
	data, err := json.Marshal(tok)
	if err != nil {
		return err
	}
	for {
		row, err := b.Get(ctx, naiveID(key))
		if err != nil && !errors.Is(err, oauthstore.ErrNotFound) {
			return err
		}
		err = b.Put(ctx, naiveID(key), backend.Record{Version: row.Version + 1, Data: data}, row.Version)
		if !errors.Is(err, backend.ErrConflict) {
			return err
		}
	}
}
