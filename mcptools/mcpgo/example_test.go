package mcpgo_test

import (
	"context"
	"fmt"
	"time"

	"github.com/mark3labs/mcp-go/client"

	"github.com/toolgrant/toolgrant/mcptools/mcpgo"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A program uses an *oauthstore.Store instead of this function.
var store = oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
	return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic-access")}, nil
})

func ExampleNewTokenStore() {
	tokens := mcpgo.NewTokenStore(store, key, oauthstore.Need{})
	c, err := client.NewOAuthStreamableHttpClient(key.Server, client.OAuthConfig{TokenStore: tokens})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	fmt.Println(client.IsOAuthAuthorizationRequiredError(err))
	// Output: false
}

func ExampleTokenStore_GetToken() {
	t, err := mcpgo.NewTokenStore(store, key, oauthstore.Need{}).GetToken(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("refresh token: %q\n", t.RefreshToken)
	// Output: refresh token: ""
}

func ExampleTokenStore_SaveToken() {
	err := mcpgo.NewTokenStore(store, key, oauthstore.Need{}).SaveToken(context.Background(), nil)
	fmt.Println(err)
	// Output: mcpgo: the credential store refreshes this credential; it can't be saved
}
