package mcpgo

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/mark3labs/mcp-go/client/transport"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// ErrReadOnly is what [TokenStore.SaveToken] returns: credentials come by
// consent or import, never by way of mcp-go.
var ErrReadOnly = errors.New("mcpgo: the credential is refreshed by its own store and can't be saved")

// A TokenStore is mcp-go's view of one credential. It is safe for concurrent
// use.
type TokenStore struct {
	creds oauthstore.Credentials
	key   oauthstore.Key
	need  oauthstore.Need
}

var _ transport.TokenStore = (*TokenStore)(nil)

// NewTokenStore returns a token store that asks creds for each request's token
// of key. need says how long it must live; its zero value is right for
// requests that are answered at once.
func NewTokenStore(creds oauthstore.Credentials, key oauthstore.Key, need oauthstore.Need) *TokenStore {
	return &TokenStore{creds: creds, key: key, need: need}
}

// GetToken returns a fresh access token without a refresh token. The error is
// [oauthstore.ErrMisconfigured] if the key's server is plain http and not on
// loopback.
func (s *TokenStore) GetToken(ctx context.Context) (*transport.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	server, err := url.Parse(s.key.Server)
	if err != nil || safehttp.CheckURL(server, safehttp.PlainLoopback) != nil {
		return nil, fmt.Errorf("mcpgo: %w: the token goes to https URLs only, or to http ones on loopback", oauthstore.ErrMisconfigured)
	}
	t, err := s.creds.Token(ctx, s.key, s.need)
	switch {
	case errors.Is(err, oauthstore.ErrNotFound), errors.Is(err, oauthstore.ErrReauthorize), errors.Is(err, oauthstore.ErrRefused):
		return nil, fmt.Errorf("mcpgo: %w: %w", transport.ErrNoToken, err)
	case err != nil:
		return nil, fmt.Errorf("mcpgo: %w", err)
	}
	// Without ExpiresIn, which nothing of mcp-go's reads beside ExpiresAt.
	return &transport.Token{AccessToken: t.AccessToken.Expose(), TokenType: t.TokenType, ExpiresAt: t.Expiry}, nil
}

// SaveToken refuses with [ErrReadOnly].
func (s *TokenStore) SaveToken(context.Context, *transport.Token) error { return ErrReadOnly }
