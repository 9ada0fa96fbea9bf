package connect

import (
	"context"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// An App is an application that a person registered at a provider: what OAuth
// calls a client.
type App struct {
	// Issuer is the authorization server that the app is registered at, to the
	// byte. It binds: an app's secret goes nowhere else. Empty is possible only
	// with Provider, and means whichever server that provider's data or its
	// metadata name.
	Issuer string
	// Provider, if not empty, is the one provider that the app is for.
	Provider string
	// Owner, if not zero, is whose app it is: that of one customer who brings
	// their own, or with an empty Subject of all users of a tenant.
	Owner oauthstore.Owner

	ID     string
	Secret oauthstore.Secret
	Signer oauthstore.Signer // for private_key_jwt; see [oauthstore.NewSigner]
	KeyID  string            // kid of its assertions; "" leaves it out
	// Algorithm is the alg of its assertions. "" means ES256, RS256 or EdDSA,
	// by the kind of key.
	Algorithm string
	// AuthMethod is how it authenticates at the token endpoint. "" means
	// private_key_jwt with a Signer, none without a Secret, else
	// client_secret_basic or client_secret_post, by the server's metadata.
	AuthMethod string
	// RedirectURL is the one that is registered for the app. "" means
	// Options.RedirectURL.
	RedirectURL string
	// Keep stores the secret, sealed, beside the credentials, so that a process
	// which knows nothing of the app can refresh. False: the store's
	// Options.Clients knows it; see [Apps.Client].
	Keep bool
}

// Apps are the applications of an operator.
type Apps []App

// Client returns how an app authenticates. It is made to be the store's
// Options.Clients, so that refreshes find what consents used:
//
//	store, err := oauthstore.New(backend, keys, &oauthstore.Options{Clients: apps.Client})
//
// Apps that it does not hold are [oauthstore.ErrNotFound].
func (a Apps) Client(_ context.Context, issuer, clientID string) (oauthstore.Client, error) {
	for i := range a {
		if app := &a[i]; app.ID == clientID && (app.Issuer == issuer || app.Issuer == "") {
			return oauthstore.Client{
				Secret: app.Secret, AuthMethod: app.AuthMethod, Signer: app.Signer, KeyID: app.KeyID, Algorithm: app.Algorithm,
			}, nil
		}
	}
	return oauthstore.Client{}, oauthstore.ErrNotFound
}

// find returns the app for a key at an issuer; the most particular one wins.
func (a Apps) find(key oauthstore.Key, issuer string) *App {
	var best *App
	rank := -1
	for i := range a {
		app := &a[i]
		if r := app.rank(key, issuer); r > rank {
			best, rank = app, r
		}
	}
	return best
}

// rank tells how closely an app fits; -1 if it does not.
func (a *App) rank(key oauthstore.Key, issuer string) int {
	r := 0
	switch a.Owner {
	case oauthstore.Owner{}:
	case key.Owner:
		r += 8
	case oauthstore.Owner{Tenant: key.Owner.Tenant}:
		r += 4
	default:
		return -1
	}
	switch a.Provider {
	case "":
	case key.Provider:
		r += 2
	default:
		return -1
	}
	switch {
	case a.Issuer == issuer:
		r++
	case a.Issuer != "" || a.Provider == "":
		return -1
	}
	return r
}

// forProvider reports whether there is an app that names this provider,
// whatever its issuer.
func (a Apps) forProvider(key oauthstore.Key) bool {
	for i := range a {
		if app := &a[i]; app.Provider == key.Provider && (app.rank(key, app.Issuer) >= 0) {
			return true
		}
	}
	return false
}
