package filestore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

var key = oauthstore.Key{Owner: oauthstore.Owner{Tenant: "local", Subject: "mia"}, Provider: "stripe", Server: "https://mcp.stripe.com"}

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A program finds its credentials again after a restart.
func ExampleOpen() {
	ctx := context.Background()
	dir := must(os.MkdirTemp("", "filestore-"))
	defer os.RemoveAll(dir)
	keys := must(keyset.Create(ctx, keyset.File(filepath.Join(dir, "keyset.json")), nil)) // later: keyset.Load

	run := func(work func(*oauthstore.Store)) { // one process
		db := must(filestore.Open(filepath.Join(dir, "credentials")))
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
	// local/mia stripe active
}

// Of two processes that change the same version of a record, one succeeds. The other
// one reads again.
func ExampleBackend_Put() {
	ctx := context.Background()
	dir := must(os.MkdirTemp("", "filestore-"))
	defer os.RemoveAll(dir)
	one, two := must(filestore.Open(dir)), must(filestore.Open(dir))
	defer one.Close()
	defer two.Close()

	id := backend.ID{Kind: backend.KindCredential, Tenant: "local", Subject: "mia", Provider: "stripe"}
	fmt.Println(one.Put(ctx, id, backend.Record{Version: 1, Data: []byte("first")}, 0))
	err := two.Put(ctx, id, backend.Record{Version: 1, Data: []byte("second")}, 0)
	fmt.Println(errors.Is(err, backend.ErrConflict))
	fmt.Println(string(must(two.Get(ctx, id)).Data))
	// Output:
	// <nil>
	// true
	// first
}

// The folder shows whose credentials it holds, and no token.
func ExampleBackend_List() {
	ctx := context.Background()
	dir := must(os.MkdirTemp("", "filestore-"))
	defer os.RemoveAll(dir)
	db := must(filestore.Open(dir))
	defer db.Close()
	store := must(oauthstore.New(db, must(keyset.New()), nil))
	defer store.Close(ctx)
	must(store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	}))

	items, next, err := db.List(ctx, backend.Filter{Kind: backend.KindCredential}, "", 100)
	fmt.Println(len(items), next == "", err)
	fmt.Println(items[0].ID.Subject, items[0].ID.Server, bytes.Contains(items[0].Data, []byte("synthetic-key")))
	// Output:
	// 1 true <nil>
	// mia https://mcp.stripe.com false
}
