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

// ErrReadOnly is returned by [TokenStore.SaveToken]: credentials are created by
// consent or import, not by mcp-go.
var ErrReadOnly = errors.New("mcpgo: the credential store refreshes this credential; it can't be saved")

// A TokenStore provides one credential to mcp-go. It is safe for concurrent
// use.
type TokenStore struct {
	creds oauthstore.Credentials
	key   oauthstore.Key
	need  oauthstore.Need
}

var _ transport.TokenStore = (*TokenStore)(nil)

// NewTokenStore returns a token store that gets the token of key from creds for
// each request. need sets the required lifetime; its zero value is for requests
// with an immediate response.
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
		return nil, fmt.Errorf("mcpgo: %w: tokens are sent only to https or loopback URLs", oauthstore.ErrMisconfigured)
	}
	t, err := s.creds.Token(ctx, s.key, s.need)
	switch {
	case errors.Is(err, oauthstore.ErrNotFound), errors.Is(err, oauthstore.ErrReauthorize), errors.Is(err, oauthstore.ErrRefused):
		return nil, fmt.Errorf("mcpgo: %w: %w", transport.ErrNoToken, err)
	case err != nil:
		return nil, fmt.Errorf("mcpgo: %w", err)
	}
	// Without ExpiresIn: mcp-go uses only ExpiresAt.
	return &transport.Token{AccessToken: t.AccessToken.Expose(), TokenType: t.TokenType, ExpiresAt: t.Expiry}, nil
}

// SaveToken returns [ErrReadOnly].
func (s *TokenStore) SaveToken(context.Context, *transport.Token) error { return ErrReadOnly }
