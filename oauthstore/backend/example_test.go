package backend_test

import (
	"context"
	"fmt"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// reads counts the reads of a backend, as a middleware does.
type reads struct {
	backend.Backend
	n int
}

func (r *reads) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	r.n++
	return r.Backend.Get(ctx, id)
}

// A backend can be wrapped, here to see that a store caches.
func ExampleBackend() {
	ctx := context.Background()
	db := &reads{Backend: memstore.New()}
	store, err := oauthstore.New(db, oauthstore.InsecureNoSeal, nil)
	if err != nil {
		panic(err)
	}
	defer store.Close(ctx)
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "stripe", Server: "https://mcp.stripe.com"}
	if _, err := store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	}); err != nil {
		panic(err)
	}
	db.n = 0
	for range 1000 {
		if _, err := store.Token(ctx, key, oauthstore.Need{}); err != nil {
			panic(err)
		}
	}
	fmt.Println(db.n <= 1)
	// Output: true
}

// A database with a single key column, or a file system, gets the id as one string.
func ExampleID_MarshalText() {
	id := backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: "u_42", Provider: "asana", Server: "https://mcp.asana.com/v2/mcp"}
	text, err := id.MarshalText()
	fmt.Println(string(text), err)

	var same backend.ID
	fmt.Println(same.UnmarshalText(text), same == id)
	// Output:
	// 10:credential4:acme4:u_425:asana0:28:https://mcp.asana.com/v2/mcp <nil>
	// <nil> true
}

// A database that can't filter lists all rows, and the backend drops the others.
func ExampleFilter_Matches() {
	rows := []backend.Item{
		{ID: backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: "u_42"}},
		{ID: backend.ID{Kind: backend.KindCredential, Tenant: "initech", Subject: "u_7"}},
		{ID: backend.ID{Kind: backend.KindFlow, Tenant: "acme", Subject: "u_42"}},
	}
	f := backend.Filter{Kind: backend.KindCredential, Tenant: "acme"}
	for _, row := range rows {
		fmt.Println(row.ID.Kind, row.ID.Tenant, f.Matches(row.ID, row.Record))
	}
	// Output:
	// credential acme true
	// credential initech false
	// flow acme false
}
