package main

import (
	"context"
	"time"

	"cloud.google.com/go/auth"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/mark3labs/mcp-go/client/transport"
	"golang.org/x/oauth2"
)

// peerRows are other libraries with a valid token in memory. Each has one token
// and no key.
func peerRows(ctx context.Context) []row {
	const token = "synthetic-access"
	expiry := time.Now().Add(24 * time.Hour)
	x := oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: token, Expiry: expiry}, nil)
	google := auth.NewCachedTokenProvider(googleToken{token, expiry}, nil)
	amazon := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "synthetic", SecretAccessKey: token, CanExpire: true, Expires: expiry}, nil
	}))
	store := transport.NewMemoryTokenStore()
	must(store.SaveToken(ctx, &transport.Token{AccessToken: token, TokenType: "Bearer", ExpiresAt: expiry}))
	mcp := transport.NewOAuthHandler(transport.OAuthConfig{TokenStore: store})
	return []row{
		{name: "golang.org/x/oauth2 ReuseTokenSource", against: rowMap, do: func() {
			_, err := x.Token()
			must(err)
		}},
		{name: "cloud.google.com/go/auth cached provider", against: rowMap, do: func() {
			_, err := google.Token(ctx)
			must(err)
		}},
		{name: "aws-sdk-go-v2 CredentialsCache", against: rowMap, do: func() {
			_, err := amazon.Retrieve(ctx)
			must(err)
		}},
		{name: "mcp-go OAuthHandler", against: rowMap, do: func() {
			_, err := mcp.GetAuthorizationHeader(ctx)
			must(err)
		}},
	}
}

type googleToken struct {
	value  string
	expiry time.Time
}

func (t googleToken) Token(context.Context) (*auth.Token, error) {
	return &auth.Token{Value: t.value, Type: "Bearer", Expiry: t.expiry}, nil
}
