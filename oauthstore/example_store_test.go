package oauthstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// exampleKey is a key of a user at a provider.
func exampleKey(subject string) oauthstore.Key {
	return oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: subject}, Provider: "linear", Server: "https://mcp.linear.app/mcp"}
}

// exampleVendor is an authorization server that refreshes.
func exampleVendor() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"synthetic-access-2","refresh_token":"synthetic-refresh-2","token_type":"Bearer","expires_in":3600}`)
	}))
}

// exampleCredential is a pair of a vendor that expires after some time.
func exampleCredential(vendor string, ttl time.Duration) oauthstore.Credential {
	return oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-access-1"), RefreshToken: oauthstore.NewSecret("synthetic-refresh-1"),
		Expiry: time.Now().Add(ttl),
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedImport, Issuer: vendor, TokenEndpoint: vendor + "/token", ClientID: "app", AuthMethod: "none",
		},
	}
}

// An expired pair is refreshed before it is returned. Each refresh is a generation.
func ExampleStore_Token() {
	ctx := context.Background()
	vendor := exampleVendor()
	defer vendor.Close()
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), &oauthstore.Options{InsecureAllowLoopback: true}))
	defer store.Close(ctx)
	key := exampleKey("u_42")
	status := must(store.Put(ctx, key, exampleCredential(vendor.URL, -time.Minute)))
	fmt.Println(status.Generation, status.Refreshable)

	token, err := store.Token(ctx, key, oauthstore.Need{MinTTL: 10 * time.Minute})
	fmt.Println(token.AccessToken.Expose(), token.Generation, err)
	// Output:
	// 1 true
	// synthetic-access-2 2 <nil>
}

// A scheduler sweeps, so that users who return after a week need not connect again.
func ExampleStore_Sweep() {
	ctx := context.Background()
	vendor := exampleVendor()
	defer vendor.Close()
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), &oauthstore.Options{InsecureAllowLoopback: true}))
	defer store.Close(ctx)
	must(store.Put(ctx, exampleKey("u_42"), exampleCredential(vendor.URL, -time.Minute)))
	must(store.Put(ctx, exampleKey("u_43"), exampleCredential(vendor.URL, 24*time.Hour)))

	swept, err := store.Sweep(ctx)
	fmt.Printf("%+v %v\n", swept, err)
	// Output:
	// {Due:1 Refreshed:1 Reauthorize:0 Failed:0 Skipped:0 Expiring:0} <nil>
}

// A page of an administrator shows the connections of a tenant, without tokens.
func ExampleStore_ListTenant() {
	ctx := context.Background()
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), nil))
	defer store.Close(ctx)
	key := exampleKey("u_42")
	must(store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-token"), Expiry: time.Now().Add(time.Minute),
		Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport},
	}))
	key.Account = "second"
	must(store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-token"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	}))

	for _, status := range must(store.ListTenant(ctx, "acme")) {
		fmt.Println(status.Key, status.State, status.Provenance.Obtained)
	}
	// Output:
	// acme/u_42 linear expiring import
	// acme/u_42 linear (second) active static
}

// After a disconnect nothing is left to use, in any process.
func ExampleStore_Disconnect() {
	ctx := context.Background()
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), nil))
	defer store.Close(ctx)
	key := exampleKey("u_42")
	must(store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	}))
	done, err := store.Disconnect(ctx, key)
	fmt.Println(done.Removed, done.Revoked == nil, err) // an API key can't be revoked by a program
	_, err = store.Status(ctx, key)
	fmt.Println(errors.Is(err, oauthstore.ErrNotFound))
	// Output:
	// true true <nil>
	// true
}

// A handler responds to its user with the status and the sentence of the error.
func ExampleError() {
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), nil))
	defer store.Close(context.Background())
	_, err := store.Token(context.Background(), exampleKey("u_42"), oauthstore.Need{})
	if failure, ok := errors.AsType[*oauthstore.Error](err); ok {
		fmt.Println(failure.HTTPStatus(), failure.PublicMessage())
	}
	fmt.Println(err) // for the log
	// Output:
	// 409 linear is not connected: connect your account and try again.
	// oauthstore: token: acme/u_42 linear: memstore: get: not found
}

// The events of credentials are an audit log.
func ExampleEvent() {
	ctx := context.Background()
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), &oauthstore.Options{
		Observer: func(_ context.Context, e oauthstore.Event) { fmt.Println(e.Type, e.Key, e.Obtained) },
	}))
	defer store.Close(ctx)
	must(store.Put(ctx, exampleKey("u_42"), oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	}))
	must(store.Disconnect(ctx, exampleKey("u_42")))
	// Output:
	// connected acme/u_42 linear static
	// disconnected acme/u_42 linear
}
