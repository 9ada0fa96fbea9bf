package doctor

import (
	"context"
	"errors"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/providers"
)

// Stored returns a case with the status and the token that the store has for
// key, even if the token is expired or was rejected. It does not refresh.
// Without a credential, Status and Token are nil; if its sealing key is
// unavailable, Token is nil. Errors are those of [oauthstore.Store.Status].
func Stored(ctx context.Context, store *oauthstore.Store, provider providers.Provider, key oauthstore.Key) (Case, error) {
	c := Case{Provider: provider, ServerURL: key.Server}
	status, err := store.Status(ctx, key)
	if errors.Is(err, oauthstore.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return Case{}, err
	}
	c.Status = &status
	if status.Reason == oauthstore.ReasonKeyUnavailable {
		return c, nil
	}
	pair, err := storehandle.Of(store).Stored(ctx, backend.ID{
		Kind: backend.KindCredential, Tenant: key.Owner.Tenant, Subject: key.Owner.Subject,
		Provider: key.Provider, Account: key.Account, Server: key.Server,
	})
	if err != nil {
		return Case{}, err
	}
	c.Token = &oauthstore.Token{
		AccessToken: pair.AccessToken, Secrets: pair.Secrets, TokenType: pair.TokenType, Generation: pair.Generation,
		Expiry: status.Expiry, Grant: status.Grant, Provenance: status.Provenance,
	}
	return c, nil
}
