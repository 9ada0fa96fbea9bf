package actor_test

import (
	"context"
	"fmt"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// An administrator stores a key for a user, and the audit log has both.
func ExampleWith() {
	audit := func(_ context.Context, e oauthstore.Event) {
		fmt.Println(e.Actor, e.Type, "for", e.Key)
	}
	keys, err := keyset.New()
	if err != nil {
		panic(err)
	}
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{Observer: audit})
	if err != nil {
		panic(err)
	}
	defer store.Close(context.Background())

	ctx := actor.With(context.Background(), "support:jane") // in a middleware
	_, err = store.Put(ctx, oauthstore.Key{
		Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "stripe", Server: "https://mcp.stripe.com",
	}, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	})
	fmt.Println(actor.Of(ctx), err)
	// Output:
	// support:jane connected for acme/u_42 stripe
	// support:jane <nil>
}
