package memstore_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

var key = oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "stripe", Server: "https://mcp.stripe.com"}

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Two stores on one backend stand for two processes: a test can show that the second
// one sees a disconnect in the first one.
func ExampleNew() {
	ctx := context.Background()
	db, keys := memstore.New(), must(keyset.New())
	first := must(oauthstore.New(db, keys, nil))
	defer first.Close(ctx)
	second := must(oauthstore.New(db, keys, &oauthstore.Options{CacheAge: -1}))
	defer second.Close(ctx)

	must(first.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	}))
	token, err := second.Token(ctx, key, oauthstore.Need{})
	fmt.Println(token.Generation, err)

	must(first.Disconnect(ctx, key))
	_, err = second.Token(ctx, key, oauthstore.Need{})
	fmt.Println(errors.Is(err, oauthstore.ErrNotFound))
	// Output:
	// 1 <nil>
	// true
}

// Watch reports each write, also that of another store.
func ExampleBackend_Watch() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db := memstore.New()
	ready, changed := make(chan struct{}), make(chan backend.ID, 1)
	ended := make(chan error)
	go func() {
		ended <- db.Watch(ctx, func() { close(ready) }, func(id backend.ID) { changed <- id })
	}()
	<-ready

	id := backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: "u_42", Provider: "stripe"}
	fmt.Println(db.Put(ctx, id, backend.Record{Version: 1, Data: []byte("sealed")}, 0))
	fmt.Println((<-changed).Subject)
	stop()
	fmt.Println(errors.Is(<-ended, context.Canceled))
	// Output:
	// <nil>
	// u_42
	// true
}

// A test closes the backend to see what its program does in an outage.
func ExampleBackend_Close() {
	ctx := context.Background()
	db := memstore.New()
	store := must(oauthstore.New(db, must(keyset.New()), nil))
	defer store.Close(ctx)
	db.Close()

	_, err := store.Token(ctx, key, oauthstore.Need{})
	fmt.Println(errors.Is(err, oauthstore.ErrUnavailable))
	// Output: true
}
