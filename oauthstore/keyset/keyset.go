package keyset

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	tinkkeyset "github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
	"golang.org/x/sync/singleflight"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A Set is the [oauthstore.Sealer] of a store: one or more XAES-256-GCM keys, of which
// one, the primary, seals and all open. It is safe for concurrent use; the
// methods that change it affect only this value until it is saved and read
// elsewhere.
//
// To rotate, add a key on every machine, then promote it on every machine,
// then rewrap ([oauthstore.Store.Rewrap]), then drop the old one.
type Set struct {
	current    atomic.Pointer[state]
	reload     func(context.Context) (*tinkkeyset.Handle, error)
	reloads    singleflight.Group
	lastReload atomic.Pointer[time.Time] // with its monotonic reading
	mu         sync.Mutex                // serialises changes
}

// reloadPause keeps a population of records whose key is lost from reading
// the keyset anew for each of them.
const (
	reloadPause   = 10 * time.Second
	reloadTimeout = 10 * time.Second
)

type state struct {
	handle *tinkkeyset.Handle
	aead   tink.AEAD
	ids    map[uint32]bool // keys that are enabled
}

// A Key describes one key of a [Set].
type Key struct {
	ID      string // decimal, as it stands in every ciphertext
	Primary bool   // it seals
}

// New returns a keyset with one new key.
func New() (*Set, error) {
	h, err := tinkkeyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("keyset: new keyset: %w", err)
	}
	return FromHandle(h, nil)
}

// FromHandle returns a keyset of a Tink handle, which is how a keyset
// that a KMS protects comes in: read it with keyset.ReadWithContext and the
// KMS's AEAD, one call at the start of the process. reload, if not nil, is
// called when a record was sealed with a key that the handle lacks, since
// another machine may have promoted a new one: once for all callers that wait,
// for at most ten seconds, and not again for ten.
func FromHandle(h *tinkkeyset.Handle, reload func(context.Context) (*tinkkeyset.Handle, error)) (*Set, error) {
	st, err := newState(h)
	if err != nil {
		return nil, err
	}
	k := &Set{reload: reload}
	k.current.Store(st)
	return k, nil
}

// Parse reads the clear text that [Set.Clear] wrote.
func Parse(text []byte, reload func(context.Context) ([]byte, error)) (*Set, error) {
	h, err := parseHandle(text)
	if err != nil {
		return nil, err
	}
	if reload == nil {
		return FromHandle(h, nil)
	}
	return FromHandle(h, func(ctx context.Context) (*tinkkeyset.Handle, error) {
		b, err := reload(ctx)
		if err != nil {
			return nil, err
		}
		return parseHandle(b)
	})
}

func parseHandle(text []byte) (*tinkkeyset.Handle, error) {
	h, err := insecurecleartextkeyset.Read(tinkkeyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, errors.New("keyset: not a keyset") // the cause may quote key material
	}
	return h, nil
}

func newState(h *tinkkeyset.Handle) (*state, error) {
	if h == nil {
		return nil, errors.New("keyset: the handle is nil")
	}
	a, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("keyset: not for authenticated encryption: %w", err)
	}
	st := &state{handle: h, aead: a, ids: make(map[uint32]bool, h.Len())}
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("keyset: %w", err)
		}
		if e.KeyStatus() == tinkkeyset.Enabled {
			st.ids[e.KeyID()] = true
		}
	}
	return st, nil
}

// tinkPrefix is the length of the prefix of a Tink ciphertext: one byte 0x01
// and the key's id, big endian.
const tinkPrefix = 5

func cipherKeyID(ciphertext []byte) (uint32, bool) {
	if len(ciphertext) < tinkPrefix || ciphertext[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(ciphertext[1:tinkPrefix]), true
}

// KeyID returns the id of the key that sealed ciphertext.
func (k *Set) KeyID(ciphertext []byte) string {
	id, ok := cipherKeyID(ciphertext)
	if !ok {
		return ""
	}
	return formatKeyID(id)
}

func formatKeyID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// Seal encrypts with the primary key.
func (k *Set) Seal(_ context.Context, plaintext, associatedData []byte) ([]byte, error) {
	return k.current.Load().aead.Encrypt(plaintext, associatedData)
}

// Open decrypts. If the key is not there, the keyset is reloaded once, where
// it can be.
func (k *Set) Open(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error) {
	id, ok := cipherKeyID(ciphertext)
	if !ok {
		return nil, oauthstore.ErrSeal
	}
	st := k.current.Load()
	if !st.ids[id] {
		var err error
		if st, err = k.reloadFor(ctx, id); err != nil {
			return nil, err
		}
	}
	plaintext, err := st.aead.Decrypt(ciphertext, associatedData)
	if err != nil {
		return nil, oauthstore.ErrSeal // Tink's own text says no more
	}
	return plaintext, nil
}

// reloadFor reads the keyset again in the hope of finding key id in it.
func (k *Set) reloadFor(ctx context.Context, id uint32) (*state, error) {
	missing := fmt.Errorf("%w: key %s", oauthstore.ErrKeyUnavailable, formatKeyID(id))
	if k.reload == nil {
		return nil, missing
	}
	if last := k.lastReload.Load(); last == nil || time.Since(*last) >= reloadPause {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case r := <-k.reloads.DoChan("", func() (any, error) { return nil, k.reloadOnce(ctx) }):
			if r.Err != nil {
				return nil, fmt.Errorf("%w (and the keyset could not be read again)", missing)
			}
		}
	}
	// Looked at last: another call may have read it since this one missed it.
	if st := k.current.Load(); st.ids[id] {
		return st, nil
	}
	return nil, missing
}

// reloadOnce reads the keyset for all who wait for it, whoever of them goes
// away meanwhile; it ends by itself.
func (k *Set) reloadOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadTimeout)
	defer cancel()
	defer func() { now := time.Now(); k.lastReload.Store(&now) }()
	h, err := k.reload(ctx)
	if err != nil {
		return err
	}
	st, err := newState(h)
	if err != nil {
		return err
	}
	k.current.Store(st)
	return nil
}

// Format implements [fmt.Formatter]: no verb prints a key.
func (*Set) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "keyset.Set") }

// Keys lists the enabled keys, the oldest first.
func (k *Set) Keys() []Key {
	h := k.current.Load().handle
	var out []Key
	for i := range h.Len() {
		if e, err := h.Entry(i); err == nil && e.KeyStatus() == tinkkeyset.Enabled {
			out = append(out, Key{ID: formatKeyID(e.KeyID()), Primary: e.IsPrimary()})
		}
	}
	return out
}

// Add adds a key that opens and does not seal yet, and returns its id. Save
// the keyset and bring it to every machine before Promote.
func (k *Set) Add() (string, error) {
	var id uint32
	err := k.change(func(m *tinkkeyset.Manager) (err error) {
		id, err = m.Add(aead.XAES256GCM192BitNonceKeyTemplate())
		return err
	})
	return formatKeyID(id), err
}

// Promote makes key id the one that seals.
func (k *Set) Promote(id string) error {
	n, err := k.parseID(id)
	if err != nil {
		return err
	}
	return k.change(func(m *tinkkeyset.Manager) error { return m.SetPrimary(n) })
}

// Drop removes key id for good. The primary can't be dropped. What the key
// sealed can't be opened any more: count first ([oauthstore.Store.KeyUse]).
func (k *Set) Drop(id string) error {
	n, err := k.parseID(id)
	if err != nil {
		return err
	}
	return k.change(func(m *tinkkeyset.Manager) error { return m.Delete(n) })
}

func (k *Set) parseID(id string) (uint32, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil || !k.current.Load().ids[uint32(n)] {
		return 0, fmt.Errorf("keyset: no key %q: %w", id, oauthstore.ErrNotFound)
	}
	return uint32(n), nil
}

func (k *Set) change(f func(*tinkkeyset.Manager) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := tinkkeyset.NewManagerFromHandle(k.current.Load().handle)
	if err := f(m); err != nil {
		return fmt.Errorf("keyset: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return fmt.Errorf("keyset: %w", err)
	}
	st, err := newState(h)
	if err != nil {
		return err
	}
	k.current.Store(st)
	return nil
}

// Clear returns the keyset as JSON in clear text, for a file that only its
// owner can read or for a secret manager. Whoever has it can open every
// record. With a KMS, use [Set.Handle] and Tink's own writers instead.
func (k *Set) Clear() ([]byte, error) {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.current.Load().handle, tinkkeyset.NewJSONWriter(&b)); err != nil {
		return nil, errors.New("keyset: it cannot be written")
	}
	return b.Bytes(), nil
}

// Handle returns the Tink handle, for writing it under a KMS key.
func (k *Set) Handle() *tinkkeyset.Handle { return k.current.Load().handle }

var _ oauthstore.Sealer = (*Set)(nil)
