package storecopy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/oauthstore/storecopy"
)

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Credentials move to SQLite. Their users stay connected.
func ExampleCopy() {
	ctx := context.Background()
	keys, from := must(keyset.New()), memstore.New()
	before := must(oauthstore.New(from, keys, nil))
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "stripe", Server: "https://mcp.stripe.com"}
	must(before.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	}))
	if err := before.Close(ctx); err != nil { // saves the pairs in flight
		panic(err)
	}

	dir := must(os.MkdirTemp("", "storecopy-"))
	defer os.RemoveAll(dir)
	to := must(sqlitestore.Open(ctx, filepath.Join(dir, "toolgrant.db"), nil))
	defer to.Close()
	report, err := storecopy.Copy(ctx, from, to)
	fmt.Printf("%+v %v\n", report, err)

	after := must(oauthstore.New(to, keys, nil))
	defer after.Close(ctx)
	token, err := after.Token(ctx, key, oauthstore.Need{})
	fmt.Println(token.Generation, err)
	// Output:
	// {Records:1 Copied:1 Damaged:0} <nil>
	// 1 <nil>
}

// A second copy continues after an interruption: it writes only the missing records.
func ExampleCopy_again() {
	ctx := context.Background()
	from, to := memstore.New(), memstore.New()
	for _, user := range []string{"u_1", "u_2", "u_3"} {
		id := backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: user}
		if err := from.Put(ctx, id, backend.Record{Version: 1, Data: []byte("sealed")}, 0); err != nil {
			panic(err)
		}
	}
	fmt.Println(storecopy.Copy(ctx, from, to))
	fmt.Println(storecopy.Copy(ctx, from, to))
	// Output:
	// {3 3 0} <nil>
	// {3 0 0} <nil>
}

// A target with records of its own is refused, so that no credential is lost.
func ExampleErrTarget() {
	ctx := context.Background()
	from, to := memstore.New(), memstore.New()
	id := backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: "u_42"}
	if err := to.Put(ctx, id, backend.Record{Version: 1, Data: []byte("sealed")}, 0); err != nil {
		panic(err)
	}
	_, err := storecopy.Copy(ctx, from, to)
	fmt.Println(errors.Is(err, backend.ErrConflict))

	to.Close() // in place of an outage
	_, err = storecopy.Copy(ctx, from, to)
	fmt.Println(errors.Is(err, storecopy.ErrTarget))
	// Output:
	// true
	// true
}
