package oauthstore_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// A Secret does not print, wherever it is; only Expose gives its text.
func ExampleSecret() {
	credential := oauthstore.Credential{AccessToken: oauthstore.NewSecret("synthetic-token")}
	fmt.Printf("%v %+v\n", credential.AccessToken, struct{ T oauthstore.Secret }{credential.AccessToken})
	fmt.Println(credential.AccessToken.Expose())
	// Output:
	// [redacted] {T:[redacted]}
	// synthetic-token
}

// A token that the caller already has is imported with what is known of it,
// and comes back for exactly the key under which it was put.
func ExampleStore() {
	ctx := context.Background()
	keys, err := keyset.New() // in a program: keyset.Load, from a file or a secret manager
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := oauthstore.New(memstore.New(), keys, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close(ctx) }()

	key := oauthstore.Key{
		Owner:    oauthstore.Owner{Tenant: "acme", Subject: "u_42"},
		Provider: "zapier",
		Server:   "https://mcp.zapier.com/api/v1/connect",
	}
	status, err := store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-connection-token"),
		Provenance:  oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "connection_token"},
	})
	fmt.Println(status.State, status.Generation, err)

	token, err := store.Token(ctx, key, oauthstore.Need{})
	fmt.Println(token.AccessToken, token.Generation, err)

	key.Owner.Subject = "u_43"
	_, err = store.Token(ctx, key, oauthstore.Need{})
	fmt.Println(errors.Is(err, oauthstore.ErrNotFound))
	// Output:
	// active 1 <nil>
	// [redacted] 1 <nil>
	// true
}

// Tokens that live in a database of the caller's own come in through a
// function.
func ExampleSourceFunc() {
	mine := map[string]string{"u_42": "synthetic-token"}
	creds := oauthstore.SourceFunc(func(_ context.Context, key oauthstore.Key, _ time.Duration) (oauthstore.Token, error) {
		text, ok := mine[key.Owner.Subject]
		if !ok {
			return oauthstore.Token{}, oauthstore.ErrNotFound
		}
		return oauthstore.Token{AccessToken: oauthstore.NewSecret(text), Expiry: time.Now().Add(time.Hour)}, nil
	})
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "example", Server: "https://mcp.example.com/mcp"}
	token, err := creds.Token(context.Background(), key, oauthstore.Need{})
	fmt.Println(token.Provenance.Obtained, err)
	// Output: source <nil>
}
