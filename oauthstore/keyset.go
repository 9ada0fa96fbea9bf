package oauthstore

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
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
	"golang.org/x/sync/singleflight"
)

// A Keyset is the [Sealer] of a store: one or more XAES-256-GCM keys, of which
// one, the primary, seals and all open. It is safe for concurrent use; the
// methods that change it affect only this value until it is saved and read
// elsewhere.
//
// To rotate, add a key on every machine, then promote it on every machine,
// then rewrap ([Store.Rewrap]), then drop the old one.
type Keyset struct {
	state      atomic.Pointer[keysetState]
	reload     func(context.Context) (*keyset.Handle, error)
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

type keysetState struct {
	handle *keyset.Handle
	aead   tink.AEAD
	ids    map[uint32]bool // keys that are enabled
}

// A KeyInfo describes one key of a [Keyset].
type KeyInfo struct {
	ID      string // decimal, as it stands in every ciphertext
	Primary bool   // it seals
}

// NewKeyset returns a keyset with one new key.
func NewKeyset() (*Keyset, error) {
	h, err := keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("oauthstore: new keyset: %w", err)
	}
	return KeysetFromHandle(h, nil)
}

// KeysetFromHandle returns a keyset of a Tink handle, which is how a keyset
// that a KMS protects comes in: read it with keyset.ReadWithContext and the
// KMS's AEAD, one call at the start of the process. reload, if not nil, is
// called when a record was sealed with a key that the handle lacks, since
// another machine may have promoted a new one: once for all callers that wait,
// for at most ten seconds, and not again for ten.
func KeysetFromHandle(h *keyset.Handle, reload func(context.Context) (*keyset.Handle, error)) (*Keyset, error) {
	st, err := newKeysetState(h)
	if err != nil {
		return nil, err
	}
	k := &Keyset{reload: reload}
	k.state.Store(st)
	return k, nil
}

// ParseKeyset reads the clear text that [Keyset.Clear] wrote.
func ParseKeyset(text []byte, reload func(context.Context) ([]byte, error)) (*Keyset, error) {
	h, err := parseHandle(text)
	if err != nil {
		return nil, err
	}
	if reload == nil {
		return KeysetFromHandle(h, nil)
	}
	return KeysetFromHandle(h, func(ctx context.Context) (*keyset.Handle, error) {
		b, err := reload(ctx)
		if err != nil {
			return nil, err
		}
		return parseHandle(b)
	})
}

func parseHandle(text []byte) (*keyset.Handle, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, errors.New("oauthstore: keyset is not readable") // the cause may quote key material
	}
	return h, nil
}

func newKeysetState(h *keyset.Handle) (*keysetState, error) {
	if h == nil {
		return nil, errors.New("oauthstore: keyset has no handle")
	}
	a, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("oauthstore: keyset is not for authenticated encryption: %w", err)
	}
	st := &keysetState{handle: h, aead: a, ids: make(map[uint32]bool, h.Len())}
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("oauthstore: keyset: %w", err)
		}
		if e.KeyStatus() == keyset.Enabled {
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
func (k *Keyset) KeyID(ciphertext []byte) string {
	id, ok := cipherKeyID(ciphertext)
	if !ok {
		return ""
	}
	return formatKeyID(id)
}

func formatKeyID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// Seal encrypts with the primary key.
func (k *Keyset) Seal(_ context.Context, plaintext, associatedData []byte) ([]byte, error) {
	return k.state.Load().aead.Encrypt(plaintext, associatedData)
}

// Open decrypts. If the key is not there, the keyset is reloaded once, where
// it can be.
func (k *Keyset) Open(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error) {
	id, ok := cipherKeyID(ciphertext)
	if !ok {
		return nil, ErrSeal
	}
	st := k.state.Load()
	if !st.ids[id] {
		var err error
		if st, err = k.reloadFor(ctx, id); err != nil {
			return nil, err
		}
	}
	plaintext, err := st.aead.Decrypt(ciphertext, associatedData)
	if err != nil {
		return nil, ErrSeal // Tink's own text says no more
	}
	return plaintext, nil
}

// reloadFor reads the keyset again in the hope of finding key id in it.
func (k *Keyset) reloadFor(ctx context.Context, id uint32) (*keysetState, error) {
	missing := fmt.Errorf("%w: key %s", ErrKeyUnavailable, formatKeyID(id))
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
	if st := k.state.Load(); st.ids[id] {
		return st, nil
	}
	return nil, missing
}

// reloadOnce reads the keyset for all who wait for it, whoever of them goes
// away meanwhile; it ends by itself.
func (k *Keyset) reloadOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadTimeout)
	defer cancel()
	defer func() { now := time.Now(); k.lastReload.Store(&now) }()
	h, err := k.reload(ctx)
	if err != nil {
		return err
	}
	st, err := newKeysetState(h)
	if err != nil {
		return err
	}
	k.state.Store(st)
	return nil
}

// Format implements [fmt.Formatter]: no verb prints a key.
func (*Keyset) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "oauthstore.Keyset") }

// Keys lists the enabled keys, the oldest first.
func (k *Keyset) Keys() []KeyInfo {
	h := k.state.Load().handle
	var out []KeyInfo
	for i := range h.Len() {
		if e, err := h.Entry(i); err == nil && e.KeyStatus() == keyset.Enabled {
			out = append(out, KeyInfo{ID: formatKeyID(e.KeyID()), Primary: e.IsPrimary()})
		}
	}
	return out
}

// Add adds a key that opens and does not seal yet, and returns its id. Save
// the keyset and bring it to every machine before Promote.
func (k *Keyset) Add() (string, error) {
	var id uint32
	err := k.change(func(m *keyset.Manager) (err error) {
		id, err = m.Add(aead.XAES256GCM192BitNonceKeyTemplate())
		return err
	})
	return formatKeyID(id), err
}

// Promote makes key id the one that seals.
func (k *Keyset) Promote(id string) error {
	n, err := k.parseID(id)
	if err != nil {
		return err
	}
	return k.change(func(m *keyset.Manager) error { return m.SetPrimary(n) })
}

// Drop removes key id for good. The primary can't be dropped. What the key
// sealed can't be opened any more: count first ([Store.KeyUse]).
func (k *Keyset) Drop(id string) error {
	n, err := k.parseID(id)
	if err != nil {
		return err
	}
	return k.change(func(m *keyset.Manager) error { return m.Delete(n) })
}

func (k *Keyset) parseID(id string) (uint32, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil || !k.state.Load().ids[uint32(n)] {
		return 0, fmt.Errorf("oauthstore: keyset has no key %q: %w", id, ErrNotFound)
	}
	return uint32(n), nil
}

func (k *Keyset) change(f func(*keyset.Manager) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := keyset.NewManagerFromHandle(k.state.Load().handle)
	if err := f(m); err != nil {
		return fmt.Errorf("oauthstore: keyset: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return fmt.Errorf("oauthstore: keyset: %w", err)
	}
	st, err := newKeysetState(h)
	if err != nil {
		return err
	}
	k.state.Store(st)
	return nil
}

// Clear returns the keyset as JSON in clear text, for a file that only its
// owner can read or for a secret manager. Whoever has it can open every
// record. With a KMS, use [Keyset.Handle] and Tink's own writers instead.
func (k *Keyset) Clear() ([]byte, error) {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.state.Load().handle, keyset.NewJSONWriter(&b)); err != nil {
		return nil, errors.New("oauthstore: keyset can't be written")
	}
	return b.Bytes(), nil
}

// Handle returns the Tink handle, for writing it under a KMS key.
func (k *Keyset) Handle() *keyset.Handle { return k.state.Load().handle }

var _ Sealer = (*Keyset)(nil)
