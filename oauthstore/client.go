package oauthstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// clientID names the record of a saved client.
func clientRecordID(issuer, clientID string) backend.ID {
	return backend.ID{Kind: backend.KindRegistration, Provider: issuer, Account: clientID}
}

// savedClient is the sealed form of a saved client. Keys for private_key_jwt
// are not saved: they come from Options.Clients.
type savedClient struct {
	Secret     string    `json:"client_secret,omitzero"`
	AuthMethod string    `json:"token_endpoint_auth_method,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
}

// saveClient implements [storehandle.Handle].
func (s *Store) saveClient(ctx context.Context, issuer, clientID string, c storehandle.Client) error {
	if issuer == "" || clientID == "" {
		return &Error{Op: "save client", Err: ErrMisconfigured, Detail: "a client needs an issuer and an id"}
	}
	data, err := json.Marshal(savedClient{Secret: c.Secret.Expose(), AuthMethod: c.AuthMethod, ExpiresAt: c.ExpiresAt})
	if err != nil {
		return err
	}
	id := clientRecordID(issuer, clientID)
	for {
		_, version, err := s.records.Load(ctx, id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if _, err = s.records.Save(ctx, id, data, time.Time{}, version); !errors.Is(err, backend.ErrConflict) {
			return err
		}
	}
}

// clientAudience is what Options.Clients is asked for.
func clientAudience(p *Provenance) string {
	if p.Issuer != "" {
		return p.Issuer
	}
	return p.TokenEndpoint
}

// client finds out how the credential's client authenticates now.
func (s *Store) client(ctx context.Context, p *Provenance) (oauth.Client, error) {
	issuer := clientAudience(p)
	out := oauth.Client{ID: p.ClientID, AuthMethod: p.AuthMethod, Issuer: issuer}
	c, err := Client{}, ErrNotFound
	if s.opts.Clients != nil {
		if c, err = s.opts.Clients(ctx, issuer, p.ClientID); err != nil && !errors.Is(err, ErrNotFound) {
			return out, &Error{Err: errors.Join(ErrUnavailable, err), Detail: "Options.Clients failed"}
		}
	}
	if err != nil && p.ClientID != "" {
		var data []byte
		data, _, err = s.records.Load(ctx, clientRecordID(issuer, p.ClientID))
		switch {
		case err == nil:
			var saved savedClient
			if err := json.Unmarshal(data, &saved); err != nil {
				return out, fmt.Errorf("%w: not a client", ErrSeal)
			}
			c = Client{Secret: NewSecret(saved.Secret), AuthMethod: saved.AuthMethod}
		case !errors.Is(err, ErrNotFound):
			return out, err
		}
	}
	if c.AuthMethod != "" {
		out.AuthMethod = c.AuthMethod
	}
	out.Secret, out.Signer, out.KeyID, out.Algorithm = c.Secret, c.Signer, c.KeyID, c.Algorithm
	switch out.AuthMethod {
	case "client_secret_basic", "client_secret_post":
		if out.Secret.IsZero() {
			return out, &Error{Err: ErrMisconfigured, Reason: ReasonRefreshFailing, Detail: "the application's client secret is not known: see Options.Clients"}
		}
	case "private_key_jwt":
		if out.Signer.IsZero() {
			return out, &Error{Err: ErrMisconfigured, Reason: ReasonRefreshFailing, Detail: "the application's key is not known: see Options.Clients"}
		}
	case "":
		// Nobody said: a client with a secret uses what RFC 6749 section 2.3.1
		// says that every server takes, one without is public.
		out.AuthMethod = "none"
		if !out.Secret.IsZero() {
			out.AuthMethod = "client_secret_basic"
		}
	}
	return out, nil
}

// clientFingerprint tells one secret of a client from the next.
func clientFingerprint(c oauth.Client) string {
	if c.Secret.IsZero() {
		return c.KeyID
	}
	return c.Secret.Fingerprint()
}

// jwtExpiry reads the exp claim of a token that looks like a JWT, without
// verifying anything: a hint and no proof. Zero if there is none.
func jwtExpiry(token Secret) time.Time {
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token.Expose(), &claims); err != nil || claims.ExpiresAt == nil {
		return time.Time{}
	}
	return claims.ExpiresAt.Time
}
