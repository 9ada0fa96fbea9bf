package storehandle

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Of returns the handle of an *oauthstore.Store. It panics for any other value.
// Package oauthstore sets it when the program starts.
var Of func(store any) Handle

// A Handle is access to one store. Safe for concurrent use.
type Handle interface {
	// Records returns the sealed records that are not credentials.
	Records() Records

	// SaveClient saves, sealed, how a client authenticates.
	SaveClient(ctx context.Context, c Client) error

	// Prefetch returns a function that reads the given credentials with one query,
	// or nil if separate reads cost no more: most are cached, or the backend is not a
	// [backend.BatchGetter]. The caller must call the function, concurrently with the
	// calls of Store.Token that wait for its result.
	Prefetch(credentials []backend.ID) (read func(context.Context))

	// Stored returns the pair that is stored for a credential, also an expired
	// or refused one. It reads the backend and changes nothing. Disconnected
	// credentials return [backend.ErrNotFound].
	Stored(ctx context.Context, credential backend.ID) (Pair, error)

	// Grant returns the present grant of a credential. Unless a watch is connected,
	// which reports writes at once, it reads the backend. The next Store.Token uses
	// what was read. Disconnected credentials return [backend.ErrNotFound].
	Grant(ctx context.Context, credential backend.ID) (string, error)
}

// Records are sealed records of any kind but [backend.KindCredential]. Their
// data is opaque. Safe for concurrent use.
type Records interface {
	// Load returns the opened data of a record and its version. Without a
	// record, or for an expired one, it returns [backend.ErrNotFound], with the
	// version of the expired one; for one that does not open, the error of
	// [Unreadable] and its version.
	Load(ctx context.Context, id backend.ID) (data []byte, version uint64, err error)

	// Save seals data, writes it in place of ifVersion and returns the new
	// version. An ifVersion of 0 creates the record. It returns
	// [backend.ErrConflict] if the record has another version. The record
	// expires at expireAt; if zero, never.
	Save(ctx context.Context, id backend.ID, data []byte, expireAt time.Time, ifVersion uint64) (version uint64, err error)

	// Each calls f with every record of a kind that has not expired, page by
	// page, and returns the first error of f. It skips records that can't be
	// opened: Store.Rewrap reports them.
	Each(ctx context.Context, kind string, f func(id backend.ID, data []byte, version uint64) error) error
}

// Unreadable reports whether err is that of a record that does not open: its key
// is lost or it was altered. Such a record may be replaced or deleted. A key that
// could not be read for the moment is not lost.
func Unreadable(err error) bool {
	if passing, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err); ok && passing.Temporary() {
		return false
	}
	return errors.Is(err, backend.ErrKeyUnavailable) || errors.Is(err, backend.ErrSeal)
}

// ClientAge is how long a client is kept after its last use.
const ClientAge = 365 * 24 * time.Hour

// A Client is an OAuth client and how it authenticates at a token endpoint.
type Client struct {
	Kind    string // one of the oauthstore.ClientKind constants but document
	Tenant  string // with Subject the owner that it serves; of a registered client both are empty
	Subject string
	Issuer  string // the token endpoint if the issuer is unknown
	ID      string

	Secret     secret.Secret
	AuthMethod string    // token_endpoint_auth_method; if empty, that of the credential
	ExpiresAt  time.Time // of the secret; if zero, never
}

// A Pair holds the secrets of a stored credential.
type Pair struct {
	AccessToken secret.Secret
	Secrets     map[string]secret.Secret // further secrets by name; not to be changed
	TokenType   string
	Generation  uint64
	ImportUsed  string // fingerprint of the refresh token of the import that the pair comes from, once it may have been sent
}
