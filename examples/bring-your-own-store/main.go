package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/toolgrant/toolgrant/oauthstore"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bring-your-own-store:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return errors.New("DATABASE_URL is not a valid connection string") // err may contain the password
	}
	defer pool.Close()
	cipher, err := newCipher(os.Getenv("CREDENTIALS_KEY"))
	if err != nil {
		return err
	}
	if _, err := pool.Exec(ctx, columns); err != nil {
		return err
	}
	store, err := oauthstore.New(table{pool}, cipher, &oauthstore.Options{Clients: clients})
	if err != nil {
		return err
	}
	n, err := adopt(ctx, pool, cipher, store, registration)
	if err != nil {
		return errors.Join(err, store.Close(ctx))
	}
	fmt.Fprintf(os.Stdout, "adopted %d credentials\n", n)
	all, err := store.ListAll(ctx)
	for _, s := range all {
		fmt.Fprintln(os.Stdout, s.Key, s.State, s.Reason)
	}
	return errors.Join(err, store.Close(ctx))
}

// registration returns the origin of the application's tokens, as in the
// settings of its own OAuth code.
func registration(provider string) oauthstore.Provenance {
	p := oauthstore.Provenance{Obtained: oauthstore.ObtainedImport}
	if provider == "asana" {
		p.Issuer = "https://app.asana.com"
		p.TokenEndpoint = "https://app.asana.com/-/oauth_token"
		p.ClientID = os.Getenv("ASANA_CLIENT_ID")
		p.Client, p.AuthMethod = oauthstore.ClientApplication, "client_secret_post"
	}
	return p
}

// clients returns the application's secrets when the store refreshes.
func clients(_ context.Context, issuer, clientID string) (oauthstore.Client, error) {
	if issuer == "https://app.asana.com" && clientID == os.Getenv("ASANA_CLIENT_ID") {
		return oauthstore.Client{Secret: oauthstore.NewSecret(os.Getenv("ASANA_CLIENT_SECRET"))}, nil
	}
	return oauthstore.Client{}, oauthstore.ErrNotFound
}
