package oauthstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A State reports whether a credential can be used. The command prints the same
// words.
type State string

// States of a credential.
const (
	StateActive      State = "active"          // usable
	StateExpiring    State = "expiring"        // usable, but it expires soon and can't be refreshed
	StateDegraded    State = "degraded"        // usable or about to be, but its refresh is failing
	StateReauthorize State = "reauth_required" // only the user's new consent helps
	StateRevoked     State = "revoked"         // disconnected; kept for a day as a tombstone
	StateUnknown     State = "unknown"         // it can't be read, or it is unknown whether it is still valid
)

// A Reason says why a credential is in its state.
type Reason string

// Reasons of a state.
const (
	ReasonNoRefreshToken Reason = "no_refresh_token"  // it expired and can't be refreshed
	ReasonInvalidGrant   Reason = "invalid_grant"     // the authorization server refused the refresh token
	ReasonLostRotation   Reason = "lost_rotation"     // the response to a refresh was lost, and the old refresh token is used up
	ReasonAudience       Reason = "audience_rejected" // the MCP server refuses tokens of this kind, fresh ones too
	ReasonScope          Reason = "scope_missing"     // the MCP server wants a scope that was not granted
	ReasonExpired        Reason = "expired"           // the MCP server says that the token has expired
	ReasonRevoked        Reason = "revoked"           // the MCP server says that the token was revoked
	ReasonInvalidKey     Reason = "invalid_key"       // the MCP server does not know the API key
	ReasonTokenType      Reason = "token_type"        // the authorization server issued a token that is not a bearer token
	ReasonRefreshFailing Reason = "refresh_failing"   // the authorization server does not respond, or rejects the application
	ReasonKeyUnavailable Reason = "key_unavailable"   // the key that sealed the record is not in the keyset
	ReasonLifetime       Reason = "lifetime"          // only of an [Error]: no token lives as long as [Need.MinTTL], with RequireTTL
	ReasonListsForAnyone Reason = "lists_for_anyone"  // only of a [Verdict]: the MCP server lists its tools without a token too
)

// A Status describes a stored credential, without any secret.
type Status struct {
	Key         Key
	State       State
	Reason      Reason    // "" if there is none
	Expiry      time.Time // of the access token; zero: unknown or never
	Generation  uint64    // counts the token pairs, from 1
	Grant       string    // random name of the consent or import
	Provenance  Provenance
	Verdict     Verdict   // the MCP server's last response to the token
	Refreshable bool      // there is a refresh token and a place to send it
	NextAttempt time.Time // no refresh before this; zero: no back-off
	Failures    int       // refreshes that failed in a row
}

// Status returns the state of a stored credential. It reads the backend and
// sends no request to a provider. Disconnected credentials return [ErrNotFound].
func (s *Store) Status(ctx context.Context, key Key) (Status, error) {
	sn, err := s.read(ctx, key)
	switch {
	case errors.Is(err, backend.ErrKeyUnavailable):
		return Status{Key: key, State: StateUnknown, Reason: ReasonKeyUnavailable}, nil
	case err != nil:
		return Status{}, fail("status", key, err)
	case !sn.cred.Tombstone.IsZero():
		return Status{}, fail("status", key, ErrNotFound)
	}
	return sn.status(key), nil
}

// status returns the status of a snapshot, with times by the local clock.
func (sn *snapshot) status(key Key) Status {
	st := sn.cred.status(key, sn.storeNow())
	st.Expiry = sn.token.Expiry
	return st
}

// List returns the status of every credential of owner, in the order of
// provider, account and server. A record that can't be opened is [StateUnknown].
// An owner without a tenant or a subject is [ErrMisconfigured]: see
// [Store.ListTenant] and [Store.ListAll].
func (s *Store) List(ctx context.Context, owner Owner) ([]Status, error) {
	if err := owner.validate(); err != nil {
		return nil, fail("list", Key{Owner: owner}, err)
	}
	return s.list(ctx, owner)
}

// ListTenant is [Store.List] for all owners of a tenant. An empty tenant is
// [ErrMisconfigured].
func (s *Store) ListTenant(ctx context.Context, tenant string) ([]Status, error) {
	if tenant == "" {
		return nil, fail("list", Key{}, &Error{Err: ErrMisconfigured, Detail: "tenant is empty"})
	}
	return s.list(ctx, Owner{Tenant: tenant})
}

// ListAll is [Store.List] for all tenants. It reads page by page and returns
// everything at once: it is for operators of small stores. The error is the
// backend's or ctx's.
func (s *Store) ListAll(ctx context.Context) ([]Status, error) { return s.list(ctx, Owner{}) }

func (s *Store) list(ctx context.Context, owner Owner) ([]Status, error) {
	var out []Status
	err := s.each(ctx, backend.Filter{Kind: backend.KindCredential, Tenant: owner.Tenant, Subject: owner.Subject}, func(key Key, sn *snapshot, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, backend.ErrKeyUnavailable):
			out = append(out, Status{Key: key, State: StateUnknown, Reason: ReasonKeyUnavailable})
		case err != nil: // altered, or of a newer release
			out = append(out, Status{Key: key, State: StateUnknown})
		case sn.cred.Tombstone.IsZero():
			out = append(out, sn.status(key))
		}
		return nil
	})
	if err != nil {
		return nil, fail("list", Key{Owner: owner}, err)
	}
	sortStatuses(out)
	return out, nil
}

// each calls f for every credential that matches, page by page. err is what
// kept a record from being opened; f decides whether that ends the walk.
func (s *Store) each(ctx context.Context, filter backend.Filter, f func(key Key, sn *snapshot, err error) error) error {
	return s.records.each(ctx, filter, func(it backend.Item) error {
		sn, err := s.records.snapshot(ctx, it)
		return f(keyOf(it.ID), sn, err)
	})
}

func sortStatuses(st []Status) {
	slices.SortFunc(st, func(a, b Status) int {
		return cmp.Or(
			cmp.Compare(a.Key.Owner.Tenant, b.Key.Owner.Tenant), cmp.Compare(a.Key.Owner.Subject, b.Key.Owner.Subject),
			cmp.Compare(a.Key.Provider, b.Key.Provider), cmp.Compare(a.Key.Account, b.Key.Account),
			cmp.Compare(a.Key.Server, b.Key.Server),
		)
	})
}
