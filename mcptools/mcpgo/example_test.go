package mcpgo_test

import (
	"context"
	"fmt"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/mcpgo"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A program uses an *oauthstore.Store instead of this function.
var store = oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
	return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic-access")}, nil
})

// mcp-go's client uses the user's credential.
func ExampleNewTokenStore() {
	ctx := context.Background()
	world, err := lab.Start(nil) // in place of a vendor
	if err != nil {
		panic(err)
	}
	defer world.Close()
	creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{AccessToken: oauthstore.NewSecret(world.Key("notes", "mia"))}, nil
	})
	notes := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "mia"}, Provider: "notes", Server: world.Server("notes").MCPURL}
	c, err := client.NewOAuthStreamableHttpClient(notes.Server, client.OAuthConfig{
		TokenStore: mcpgo.NewTokenStore(creds, notes, oauthstore.Need{}),
	})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	if _, err := c.Initialize(ctx, mcp.InitializeRequest{}); err != nil {
		panic(err)
	}
	call := mcp.CallToolRequest{}
	call.Params.Name = "whoami"
	result, err := c.CallTool(ctx, call)
	if err != nil {
		panic(err)
	}
	fmt.Println(mcp.GetTextFromContent(result.Content[0]))
	// Output: mia
}

// mcp-go gets no refresh token, so that only the store refreshes.
func ExampleTokenStore_GetToken() {
	t, err := mcpgo.NewTokenStore(store, key, oauthstore.Need{}).GetToken(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("refresh token: %q\n", t.RefreshToken)
	// Output: refresh token: ""
}

// A consent of mcp-go itself is not stored: use package connect.
func ExampleTokenStore_SaveToken() {
	err := mcpgo.NewTokenStore(store, key, oauthstore.Need{}).SaveToken(context.Background(), nil)
	fmt.Println(err)
	// Output: mcpgo: the credential store refreshes this credential; it can't be saved
}
