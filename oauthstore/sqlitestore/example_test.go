package sqlitestore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
)

var key = oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "stripe", Server: "https://mcp.stripe.com"}

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A service finds its credentials again after a restart.
func ExampleOpen() {
	ctx := context.Background()
	dir := must(os.MkdirTemp("", "sqlitestore-"))
	defer os.RemoveAll(dir)
	keys := must(keyset.Create(ctx, keyset.File(filepath.Join(dir, "keyset.json")), nil)) // later: keyset.Load

	run := func(work func(*oauthstore.Store)) { // one process
		db := must(sqlitestore.Open(ctx, filepath.Join(dir, "toolgrant.db"), nil))
		defer db.Close()
		store := must(oauthstore.New(db, keys, nil))
		defer store.Close(ctx)
		work(store)
	}
	run(func(store *oauthstore.Store) {
		must(store.Put(ctx, key, oauthstore.Credential{
			AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
		}))
	})
	run(func(store *oauthstore.Store) {
		status := must(store.Status(ctx, key))
		fmt.Println(status.Key, status.State)
	})
	// Output:
	// acme/u_42 stripe active
}

// The table can be in the application's own database, on its own handle.
func ExampleNew() {
	ctx := context.Background()
	dir := must(os.MkdirTemp("", "sqlitestore-"))
	defer os.RemoveAll(dir)
	const pragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)"
	app := must(sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(dir, "app.db"))+pragmas))
	defer app.Close()
	if err := sqlitestore.Migrate(ctx, app); err != nil {
		panic(err)
	}

	store := must(oauthstore.New(sqlitestore.New(app), must(keyset.New()), nil))
	defer store.Close(ctx)
	must(store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	}))
	var tenant, subject string
	err := app.QueryRowContext(ctx, "SELECT tenant, subject FROM toolgrant_records").Scan(&tenant, &subject)
	fmt.Println(tenant, subject, err)
	// Output: acme u_42 <nil>
}

// A program with a migration tool of its own writes one file for each element.
func ExampleSchema() {
	for i, statements := range sqlitestore.Schema() {
		fmt.Printf("%04d_toolgrant.sql: %d tables\n", i+1, strings.Count(statements, "CREATE TABLE toolgrant_"))
	}
	// Output:
	// 0001_toolgrant.sql: 2 tables
}
