package deletion_test

import (
	"context"
	"fmt"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/deletion"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// summary is a line for the operator.
func summary(r deletion.Report) string {
	return fmt.Sprintf("%d revoked, %d to be tried again, %d to be deleted at the provider", r.Revoked, r.RevokeFailed, r.NotRevocable)
}

// A tenant leaves. API keys can't be revoked by a program: the report counts them,
// and their owners delete them at the provider.
func ExampleReport() {
	ctx := context.Background()
	keys, err := keyset.New()
	if err != nil {
		panic(err)
	}
	store, err := oauthstore.New(memstore.New(), keys, nil)
	if err != nil {
		panic(err)
	}
	defer store.Close(ctx)
	for _, user := range []string{"u_42", "u_43"} {
		key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: user}, Provider: "stripe", Server: "https://mcp.stripe.com"}
		if _, err := store.Put(ctx, key, oauthstore.Credential{
			AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
		}); err != nil {
			panic(err)
		}
	}
	report, err := store.DeleteTenant(ctx, "acme")
	fmt.Println(summary(report), err)
	// Output:
	// 0 revoked, 0 to be tried again, 2 to be deleted at the provider <nil>
}
