package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// columns are the additional columns that the store needs in the application's
// table. A row without a record_key belongs to the application.
const columns = `ALTER TABLE data_source_credentials
	ADD COLUMN IF NOT EXISTS record_key text UNIQUE, ADD COLUMN IF NOT EXISTS version bigint,
	ADD COLUMN IF NOT EXISTS kind text, ADD COLUMN IF NOT EXISTS account text, ADD COLUMN IF NOT EXISTS server text,
	ADD COLUMN IF NOT EXISTS due_at timestamptz, ADD COLUMN IF NOT EXISTS expire_at timestamptz`

// A row is one of the application's own, written by its OAuth callback.
type row struct {
	id                 int64
	organization, user string
	provider           string
	credentials        []byte
	updated            time.Time
	decrypted          struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresIn    int64  `json:"expires_in"` // seconds after the row was written
		TokenType    string `json:"token_type"`
	}
}

// adopt moves the tokens of the application's own rows into the store. client
// returns the application's registration at a provider. It returns the number
// of moved rows. It may be run again after an interruption, but only in one
// process at a time, and not while another program still refreshes these
// tokens.
func adopt(ctx context.Context, db *pgxpool.Pool, cipher columnCipher, store *oauthstore.Store, client func(provider string) oauthstore.Provenance) (int, error) {
	rows, err := db.Query(ctx, `SELECT id, organization_id, user_id, name, credentials_encrypted, updated_at
		FROM data_source_credentials WHERE record_key IS NULL ORDER BY id`)
	if err != nil {
		return 0, err
	}
	own, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (o row, err error) {
		err = r.Scan(&o.id, &o.organization, &o.user, &o.provider, &o.credentials, &o.updated)
		return o, err
	})
	if err != nil {
		return 0, err
	}
	adopted := 0
	for _, o := range own {
		isNew, err := o.adopt(ctx, cipher, store, client(o.provider))
		if err != nil {
			return adopted, fmt.Errorf("row %d: %w", o.id, err)
		}
		if isNew {
			adopted++
		}
		if _, err := db.Exec(ctx, `DELETE FROM data_source_credentials WHERE id = $1`, o.id); err != nil {
			return adopted, err
		}
	}
	return adopted, nil
}

func (o *row) adopt(ctx context.Context, cipher columnCipher, store *oauthstore.Store, provenance oauthstore.Provenance) (isNew bool, err error) {
	provider, ok := providers.Lookup(o.provider)
	if !ok {
		return false, fmt.Errorf("unknown provider %q", o.provider)
	}
	server, err := provider.ServerURL("")
	if err != nil {
		return false, err
	}
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: o.organization, Subject: o.user}, Provider: o.provider, Server: server}
	// The store's tokens are newer: an earlier run stored them, and they may have
	// been refreshed since.
	if _, err := store.Status(ctx, key); !errors.Is(err, oauthstore.ErrNotFound) {
		return false, err
	}
	plain, err := cipher.Open(ctx, o.credentials, nil)
	if err != nil {
		return false, err
	}
	if json.Unmarshal(plain, &o.decrypted) != nil {
		return false, errors.New("the column is not valid JSON") // without the decoder's text, which may quote the tokens
	}
	c := oauthstore.Credential{
		AccessToken:  oauthstore.NewSecret(o.decrypted.AccessToken),
		RefreshToken: oauthstore.NewSecret(o.decrypted.RefreshToken),
		TokenType:    o.decrypted.TokenType,
		Provenance:   provenance,
	}
	if o.decrypted.ExpiresIn > 0 {
		c.Expiry = o.updated.Add(time.Duration(o.decrypted.ExpiresIn) * time.Second)
	}
	_, err = store.Put(ctx, key, c)
	return err == nil, err
}
