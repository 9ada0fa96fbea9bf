package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
)

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The store starts although PostgreSQL does not respond, so that the process can
// start before its database. Callers get an error that says to try later.
func ExampleNew() {
	ctx := context.Background()
	pool := must(pgxpool.New(ctx, "postgres://app@127.0.0.1:1/app?sslmode=disable")) // no server listens there
	defer pool.Close()
	db := must(pgstore.New(pool, nil))
	defer db.Close()
	store := must(oauthstore.New(db, must(keyset.New()), nil)) // in a program: keyset.Load
	defer store.Close(ctx)

	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "stripe", Server: "https://mcp.stripe.com"}
	_, err := store.Token(ctx, key, oauthstore.Need{})
	var failure *oauthstore.Error
	fmt.Println(errors.Is(err, oauthstore.ErrUnavailable), errors.As(err, &failure), failure.HTTPStatus())
	// Output: true true 503
}

// A program with a migration tool of its own writes one file for each element.
func ExampleSchema() {
	for i, statements := range must(pgstore.Schema(&pgstore.Options{Schema: "credentials"})) {
		fmt.Printf("%04d_toolgrant.sql: %d tables\n", i+1, strings.Count(statements, "CREATE TABLE credentials."))
	}
	// Output:
	// 0001_toolgrant.sql: 2 tables
}

// Without Listen there are no notifications. Store.Watch then returns at once, and
// the cache's age bounds how long a disconnect in another process takes.
func ExampleOptions() {
	pool := must(pgxpool.New(context.Background(), "postgres://app@127.0.0.1:1/app"))
	defer pool.Close()
	db := must(pgstore.New(pool, &pgstore.Options{Schema: "credentials"}))
	defer db.Close()
	fmt.Println(errors.Is(db.Watch(context.Background(), nil, nil), errors.ErrUnsupported))

	_, err := pgstore.New(pool, &pgstore.Options{Schema: "Credentials"})
	fmt.Println(err)
	// Output:
	// true
	// pgstore: Options.Schema must be a lower-case letter, then letters, digits and underscores, at most 40
}
