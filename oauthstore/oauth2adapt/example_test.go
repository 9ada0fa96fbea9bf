package oauth2adapt_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"golang.org/x/oauth2"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/oauth2adapt"
)

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// An application with golang.org/x/oauth2 moves its tokens into a store, which
// refreshes them from then on.
func ExampleCredential() {
	ctx := context.Background()
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), nil))
	defer store.Close(ctx)
	owner := oauthstore.Owner{Tenant: "acme", Subject: "u_42"}
	linear := oauthstore.Key{Owner: owner, Provider: "linear", Server: "https://mcp.linear.app/mcp"}

	old := &oauth2.Token{AccessToken: "synthetic-access", RefreshToken: "synthetic-refresh", Expiry: time.Now().Add(time.Hour)}
	status, err := store.Put(ctx, linear, oauth2adapt.Credential(old, oauthstore.Provenance{
		Issuer: "https://mcp.linear.app", TokenEndpoint: "https://mcp.linear.app/token", ClientID: "app", AuthMethod: "none",
	}))
	fmt.Println(status.State, status.Refreshable, err)
	// Output: active true <nil>
}

// A client of another package takes tokens from the store. It can't refresh them.
func ExampleTokenSource() {
	creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic-access"), Expiry: time.Now().Add(time.Hour)}, nil
	})
	source := oauth2adapt.TokenSource(context.Background(), creds, key, nil)
	token, err := source.Token()
	fmt.Println(token.Valid(), token.RefreshToken == "", err)
	// Output: true true <nil>
}

// The transport adds the token to requests for the server of the credential, and to
// no others.
func ExampleTransport() {
	mcp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("Authorization"))
	}))
	defer mcp.Close()
	creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic-access")}, nil
	})
	of := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "notes", Server: mcp.URL + "/mcp"}
	client := &http.Client{Transport: oauth2adapt.Transport(creds, of, nil, mcp.Client().Transport)}

	for _, url := range []string{mcp.URL + "/mcp", "https://elsewhere.example/mcp"} {
		request := must(http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil))
		response, err := client.Do(request)
		if err != nil {
			fmt.Println(errors.Is(err, oauthstore.ErrMisconfigured))
			continue
		}
		fmt.Println(string(must(io.ReadAll(response.Body))))
		response.Body.Close()
	}
	// Output:
	// Bearer synthetic-access
	// true
}
