package main

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/providers"
)

// A world holds the stores that are measured.
type world struct {
	rows    []row
	skipped []string
	closers []func()
}

func newWorld(ctx context.Context, dir, postgres string) (*world, error) {
	w := &world{}
	if err := w.open(ctx, dir, postgres); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) open(ctx context.Context, dir, postgres string) error {
	hot, err := w.user(ctx, memstore.New(), time.Hour)
	if err != nil {
		return err
	}
	w.rows = append(w.rows, hotRows(ctx, hot)...)
	w.rows = append(w.rows, peerRows(ctx)...)

	lite, err := sqlitestore.Open(ctx, filepath.Join(dir, "bench.db"), nil)
	if err != nil {
		return err
	}
	w.closers = append(w.closers, func() { _ = lite.Close() })
	cold, err := w.user(ctx, lite, -1)
	if err != nil {
		return err
	}
	w.rows = append(w.rows, sqliteRows(ctx, cold, lite)...)

	if postgres == "" {
		w.skipped = append(w.skipped, "PostgreSQL: TOOLGRANT_TEST_POSTGRES has no address of a server")
		return nil
	}
	return w.openPostgres(ctx, postgres)
}

// schema is where the tables of this command are; it is deleted at the end.
const schema = "toolgrant_bench"

func (w *world) openPostgres(ctx context.Context, address string) error {
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return err
	}
	w.closers = append(w.closers, pool.Close)
	drop := func() { _, _ = pool.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE") }
	drop()
	opts := &pgstore.Options{Schema: schema}
	if err := pgstore.Migrate(ctx, pool, opts); err != nil {
		return err
	}
	w.closers = append(w.closers, drop)
	db, err := pgstore.New(pool, opts)
	if err != nil {
		return err
	}
	w.closers = append(w.closers, func() { _ = db.Close() })
	cold, err := w.user(ctx, db, -1)
	if err != nil {
		return err
	}
	w.rows = append(w.rows, postgresRows(ctx, cold, pool)...)
	return nil
}

func (w *world) close() {
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
}

// A user has one connected credential in a store, with a builder on it.
type user struct {
	store   *oauthstore.Store
	key     oauthstore.Key
	builder *mcptools.Builder
}

// id returns the record of the user's credential.
func (u *user) id() backend.ID {
	k := u.key
	return backend.ID{Kind: backend.KindCredential, Tenant: k.Owner.Tenant, Subject: k.Owner.Subject, Provider: k.Provider, Account: k.Account, Server: k.Server}
}

// text returns an opaque token of 320 characters.
func text(kind string) string { return kind + strings.Repeat("x", 320-len(kind)) }

func (w *world) user(ctx context.Context, db backend.Backend, cacheAge time.Duration) (*user, error) {
	keys, err := keyset.New()
	if err != nil {
		return nil, err
	}
	store, err := oauthstore.New(db, keys, &oauthstore.Options{CacheAge: cacheAge})
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, func() { _ = store.Close(ctx) })
	p := providers.Asana()
	u := &user{store: store, key: oauthstore.Key{
		Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_4217"}, Provider: p.ID, Server: p.Server.URL,
	}}
	if _, err := store.Put(ctx, u.key, credential(p)); err != nil {
		return nil, err
	}
	u.builder, err = mcptools.NewBuilder(p, store, nil)
	return u, err
}

// credential returns a credential by consent that the server has accepted.
func credential(p providers.Provider) oauthstore.Credential {
	return oauthstore.Credential{
		AccessToken: oauthstore.NewSecret(text("synthetic-access-")), RefreshToken: oauthstore.NewSecret(text("synthetic-refresh-")),
		TokenType: "Bearer", Expiry: time.Now().Add(24 * time.Hour),
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedConsent, Way: p.Ways[0].ID, Issuer: p.OAuth.Issuer, IssuerNamed: true, Resource: p.Server.URL,
			TokenEndpoint: "https://app.asana.com/-/oauth_token", ClientID: "1200000000000001",
			Client: oauthstore.ClientApplication, AuthMethod: "client_secret_post",
			ScopesAsked: []string{"default"}, ScopesGranted: []string{"default"},
		},
		Verdict: oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted, At: time.Now()},
	}
}
