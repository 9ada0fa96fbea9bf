package relay

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

const (
	maxTicket  = 4 << 10 // bytes of its text
	defaultTTL = time.Hour
	maxTTL     = 24 * time.Hour
)

// A ticket is the content of a ticket: what its holder may do, and until when.
type ticket struct {
	ID       string            `json:"i"`
	Tenant   string            `json:"t"`
	Subject  string            `json:"s"`
	Provider string            `json:"p"`
	Account  string            `json:"a,omitzero"`
	Server   string            `json:"u"`
	Grant    string            `json:"g,omitzero"`
	Label    string            `json:"l,omitzero"`
	Tools    []string          `json:"n,omitzero"` // nil: all
	ReadOnly bool              `json:"r,omitzero"`
	Headers  map[string]string `json:"h,omitzero"`
	NotAfter int64             `json:"e"` // Unix time in milliseconds
}

func (t *ticket) owner() oauthstore.Owner {
	return oauthstore.Owner{Tenant: t.Tenant, Subject: t.Subject}
}

func (t *ticket) key() oauthstore.Key {
	return oauthstore.Key{Owner: t.owner(), Provider: t.Provider, Account: t.Account, Server: t.Server}
}

func (t *ticket) expiry() time.Time { return time.UnixMilli(t.NotAfter) }

// expired reports whether the ticket is no longer valid. There is no leeway: all
// tickets are made by processes of one operator.
func (t *ticket) expired(now time.Time) bool { return !now.Before(t.expiry()) }

// path returns the path below the mount at which the ticket is presented. The
// credential's part is a digest of its key and grant: the same for each ticket of
// the credential, so that platforms recognize the server between turns, and without
// the random grant no guess at the owner can be checked against it.
func (t *ticket) path() string {
	key := t.key()
	sum := sha256.Sum256(joined("toolgrant/1", "relay path", key.Owner.Tenant, key.Owner.Subject, key.Provider, key.Account, key.Server, t.Grant))
	return "/" + url.PathEscape(t.Provider) + "/" + base64.RawURLEncoding.EncodeToString(sum[:pathBytes])
}

const (
	pathBytes = 18
	pathChars = pathBytes * 4 / 3
)

// joined joins parts so that no two lists of parts have the same result.
func joined(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p))) //nolint:gosec // parts are short
		b = append(b, p...)
	}
	return b
}

// errTicket reports that a ticket is not one of this relay's.
var errTicket = errors.New("the ticket is not valid")

// A seal seals tickets, and what else clients keep for the relay.
type seal struct{ sealer backend.Sealer }

// Purposes of sealed data.
const (
	purposeTicket  = "ticket"
	purposeSession = "session"
)

func associated(purpose string, bound ...string) []byte {
	return joined(append([]string{"toolgrant/1", purpose}, bound...)...)
}

// encode returns the sealed text of plain.
func (s seal) encode(ctx context.Context, plain, associated []byte) (string, error) {
	sealed, err := s.sealer.Seal(ctx, plain, associated)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// decode reverses encode. If text was not sealed with these keys, or is bound to
// something else, the error is errTicket.
func (s seal) decode(ctx context.Context, text string, associated []byte) ([]byte, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodedLen(len(sealed)) != len(text) { // it skips line ends
		return nil, errTicket
	}
	plain, err := s.sealer.Open(ctx, sealed, associated)
	switch {
	case err == nil:
		return plain, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, backend.ErrSeal), errors.Is(err, backend.ErrKeyUnavailable):
		return nil, errTicket
	}
	return nil, errors.Join(oauthstore.ErrUnavailable, err)
}

// newTicket returns the content of a ticket for grant. least is its shortest
// lifetime.
func newTicket(grant *mcptools.RelayGrant, least time.Duration, now time.Time) (*ticket, error) {
	ttl := max(grant.MinTTL, least)
	key := grant.Key
	switch {
	case key.Validate() != nil:
		return nil, key.Validate()
	case key.Server == "":
		return nil, errtext.New("relay: key has no server")
	case ttl > maxTTL:
		return nil, errtext.Errorf("relay: a ticket lives for at most %v, and the entry needs %v", maxTTL, ttl)
	}
	return &ticket{
		ID:     rand.Text(),
		Tenant: key.Owner.Tenant, Subject: key.Owner.Subject, Provider: key.Provider, Account: key.Account, Server: key.Server,
		Grant: grant.Grant, Label: grant.Label, Tools: grant.AllowedTools, ReadOnly: grant.ReadOnly, Headers: grant.Headers,
		NotAfter: now.Add(ttl).UnixMilli(),
	}, nil
}

// sealTicket returns the text of t.
func (s seal) sealTicket(ctx context.Context, t *ticket) (string, error) {
	plain, err := json.Marshal(t)
	if err != nil {
		return "", errtext.Errorf("relay: encode the ticket: %w", err)
	}
	text, err := s.encode(ctx, plain, associated(purposeTicket))
	switch {
	case err != nil:
		return "", errtext.Errorf("relay: seal the ticket: %w", err)
	case len(text) > maxTicket:
		return "", errtext.Errorf("relay: the ticket has %d bytes, and at most %d are allowed: allow fewer tools or headers", len(text), maxTicket)
	}
	return text, nil
}

// openTicket returns the content of a ticket, which may have expired. If the text is
// not one of a ticket, the error is errTicket.
func (s seal) openTicket(ctx context.Context, text string) (*ticket, error) {
	if text == "" || len(text) > maxTicket {
		return nil, errTicket
	}
	plain, err := s.decode(ctx, text, associated(purposeTicket))
	if err != nil {
		return nil, err
	}
	t := new(ticket)
	if err := json.Unmarshal(plain, t); err != nil {
		return nil, errTicket
	}
	return t, nil
}

// authenticates reports whether the sealer detects altered data and other
// associated data.
func (s seal) authenticates(ctx context.Context) error {
	plain, bound := []byte("toolgrant relay"), associated(purposeTicket, "check")
	sealed, err := s.sealer.Seal(ctx, plain, bound)
	if err != nil {
		return errtext.Errorf("relay: seal: %w", err)
	}
	_, moved := s.sealer.Open(ctx, sealed, associated(purposeTicket, "other"))
	sealed = append([]byte(nil), sealed...)
	sealed[len(sealed)-1] ^= 1
	_, altered := s.sealer.Open(ctx, sealed, bound)
	if moved == nil || altered == nil {
		return errtext.New("relay: the sealer does not authenticate: tickets could be forged; use package keyset")
	}
	return nil
}
