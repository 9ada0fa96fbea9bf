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

// clientRecordID names the record of a saved client. A registered client serves
// all owners, any other one its own.
func clientRecordID(owner Owner, p *Provenance) backend.ID {
	id := backend.ID{Kind: backend.KindRegistration, Provider: clientAudience(p), Account: p.ClientID, Server: string(p.Client)}
	if p.Client != ClientRegistered {
		id.Tenant, id.Subject = owner.Tenant, owner.Subject
	}
	return id
}

// savedClient is the sealed form of a saved client. Keys for private_key_jwt
// are not saved: they come from Options.Clients.
type savedClient struct {
	Secret     string    `json:"client_secret,omitzero"`
	AuthMethod string    `json:"token_endpoint_auth_method,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
}

// saveClient implements [storehandle.Handle].
func (s *Store) saveClient(ctx context.Context, c storehandle.Client) error {
	p := Provenance{Issuer: c.Issuer, ClientID: c.ID, Client: ClientKind(c.Kind)}
	if p.Issuer == "" || p.ClientID == "" || p.Client == "" || p.Client == ClientDocument {
		return &Error{Op: "save client", Err: ErrMisconfigured, Detail: "a client needs an issuer, an id and a kind that has a secret"}
	}
	data, err := json.Marshal(savedClient{Secret: c.Secret.Expose(), AuthMethod: c.AuthMethod, ExpiresAt: c.ExpiresAt})
	if err != nil {
		return err
	}
	id := clientRecordID(Owner{Tenant: c.Tenant, Subject: c.Subject}, &p)
	for {
		_, version, err := s.records.Load(ctx, id)
		if err != nil && !errors.Is(err, ErrNotFound) && !storehandle.Unreadable(err) {
			return err
		}
		if err = s.keepClient(ctx, id, data, version); !errors.Is(err, backend.ErrConflict) {
			return err
		}
	}
}

// keepClient writes the record of a saved client, which is kept for a year.
func (s *Store) keepClient(ctx context.Context, id backend.ID, data []byte, version uint64) error {
	_, err := s.records.Save(ctx, id, data, time.Now().Add(storehandle.ClientAge), version)
	return err
}

// clientAudience names the authorization server of a credential.
func clientAudience(p *Provenance) string {
	if p.Issuer != "" {
		return p.Issuer
	}
	return p.TokenEndpoint
}

// client finds out how the credential's client authenticates now.
func (s *Store) client(ctx context.Context, owner Owner, p *Provenance) (oauth.Client, error) {
	c, err := s.clientOf(ctx, owner, p)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return oauth.Client{}, err
	}
	return authentication(p, c)
}

// authentication returns how the client c of a credential authenticates; c is
// zero if it is not known.
func authentication(p *Provenance, c Client) (oauth.Client, error) {
	out := oauth.Client{ID: p.ClientID, AuthMethod: p.AuthMethod, Issuer: clientAudience(p)}
	if c.AuthMethod != "" {
		out.AuthMethod = c.AuthMethod
	}
	out.Secret, out.Signer, out.KeyID, out.Algorithm = c.Secret, c.Signer, c.KeyID, c.Algorithm
	switch out.AuthMethod {
	case oauth.AuthBasic, oauth.AuthPost:
		if out.Secret.IsZero() {
			return out, &Error{Err: ErrMisconfigured, Reason: ReasonRefreshFailing, Detail: p.Client.unknown("client secret")}
		}
	case oauth.AuthPrivateKeyJWT:
		if out.Signer.IsZero() {
			return out, &Error{Err: ErrMisconfigured, Reason: ReasonRefreshFailing, Detail: p.Client.unknown("key")}
		}
	case "":
		// Without a method, a client with a secret uses the one that RFC 6749
		// section 2.3.1 requires of every server; one without is public.
		out.AuthMethod = oauth.AuthNone
		if !out.Secret.IsZero() {
			out.AuthMethod = oauth.AuthBasic
		}
	}
	return out, nil
}

// unknown says why a client of this kind can't authenticate.
func (k ClientKind) unknown(what string) string {
	switch k {
	case ClientApplication:
		return "the application's " + what + " is not known: see Options.Clients"
	case ClientRegistered, ClientImported, ClientDocument:
		return "the " + string(k) + " client has no stored " + what + ": connect again"
	}
	return "the credential does not say how its client came to be (Provenance.Client), so no " + what + " is used: connect again"
}

// clientOf looks the client up where its kind says, and nowhere else: an
// authorization server that registers a client under an application's id must
// not get the application's secret.
func (s *Store) clientOf(ctx context.Context, owner Owner, p *Provenance) (Client, error) {
	if p.ClientID == "" || clientAudience(p) == "" {
		return Client{}, ErrNotFound
	}
	switch p.Client {
	case ClientApplication:
		if s.opts.Clients == nil || p.Issuer == "" {
			break
		}
		if pause := s.gates.clientPause(p); pause > 0 {
			return Client{}, &Error{Err: ErrUnavailable, RetryAfter: pause, Detail: "Options.Clients failed a moment ago"}
		}
		c, err := s.opts.Clients(ctx, p.Issuer, p.ClientID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			e := &Error{Err: errors.Join(ErrUnavailable, err), RetryAfter: s.gates.clientFailed(p), Detail: "Options.Clients failed"}
			s.observer.clientsFailed(ctx, owner, p.Issuer, e)
			return Client{}, e
		}
		if s.gates.clientFound(p) {
			s.observer.over("clients of " + p.Issuer)
		}
		if err == nil {
			return c, nil
		}
	case ClientRegistered, ClientImported:
	case ClientDocument:
		return Client{}, ErrNotFound
	default:
		return Client{}, ErrNotFound
	}
	id := clientRecordID(owner, p)
	row, err := s.records.load(ctx, id)
	if err != nil {
		return Client{}, err
	}
	var saved savedClient
	if err := json.Unmarshal(row.Data, &saved); err != nil {
		return Client{}, fmt.Errorf("%w: not a client", backend.ErrSeal)
	}
	if row.ExpireAt.Sub(row.Now) < storehandle.ClientAge/2 { // else the next use does it
		_ = s.keepClient(ctx, id, row.Data, row.Version)
	}
	return Client{Secret: NewSecret(saved.Secret), AuthMethod: saved.AuthMethod}, nil
}

// clientFingerprint tells one secret of a client from the next.
func clientFingerprint(c oauth.Client) string {
	if c.Secret.IsZero() {
		return c.KeyID
	}
	return c.Secret.Fingerprint()
}

// jwtClaims reads the claims of a token that looks like a JWT, without verifying
// anything: a hint and no proof. They are zero for other tokens.
func jwtClaims(token Secret) jwt.RegisteredClaims {
	var claims jwt.RegisteredClaims
	// The algorithm does not matter, since nothing is verified.
	if _, _, err := jwt.NewParser().ParseUnverified(token.Expose(), &claims); err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) {
		return jwt.RegisteredClaims{}
	}
	return claims
}

// jwtExpiry returns the exp claim of a token; zero if there is none.
func jwtExpiry(token Secret) time.Time {
	if at := jwtClaims(token).ExpiresAt; at != nil {
		return at.Time
	}
	return time.Time{}
}
