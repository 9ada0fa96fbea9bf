package keyset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	tinkkeyset "github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Options of a [Set]. All processes that share a store use the same ReloadAge,
// StaleLimit and DropWait.
type Options struct {
	// KMS encrypts the text of the keyset, as Tink does. It gets one request at
	// the start and one for each change of the text. If nil, the text is clear.
	KMS tink.AEADWithContext
	// ReloadAge is the age from which keys are read again before they seal. If
	// zero, 1 min.
	ReloadAge time.Duration
	// StaleLimit is the age from which keys no longer seal, for processes that
	// cannot read them again: [Set.Seal] fails then, and [Set.Open] does not. At
	// least ReloadAge. If zero, 1 h.
	StaleLimit time.Duration
	// DropWait is the time from the promotion of another key until
	// [Set.Drop] accepts a key. It must be longer than StaleLimit, the
	// oauthstore.Options.SaveBudget and the lifetime of everything else that the
	// key sealed together. If zero, 25 h: the default StaleLimit and the
	// 24 h that a ticket of a relay lives at most. If negative, no wait: only
	// for keysets that no running process has loaded.
	DropWait time.Duration
	// Logger gets a line when the keys cannot be read again and when another
	// key seals. If nil, none.
	Logger *slog.Logger
}

const (
	defaultReloadAge  = time.Minute
	defaultStaleLimit = time.Hour
	defaultDropWait   = 25 * time.Hour
)

// withDefaults returns a copy with defaults in place of zeros.
func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	out.ReloadAge = cmp.Or(out.ReloadAge, defaultReloadAge)
	out.StaleLimit = cmp.Or(out.StaleLimit, defaultStaleLimit)
	out.DropWait = max(0, cmp.Or(out.DropWait, defaultDropWait))
	out.Logger = cmp.Or(out.Logger, slog.New(slog.DiscardHandler))
	if out.ReloadAge < 0 || out.StaleLimit < out.ReloadAge {
		return out, errtext.Errorf("keyset: StaleLimit (%v) must be at least ReloadAge (%v)", out.StaleLimit, out.ReloadAge)
	}
	return out, nil
}

// A Set is the [backend.Sealer] of a store: XAES-256-GCM keys, of which one,
// the primary, seals and all open. It is safe for concurrent use and starts no
// goroutine.
//
// [Set.Add], [Set.Promote] and [Set.Drop] change this value only. [Update]
// changes the keyset that processes share.
type Set struct {
	opts    Options
	read    func(context.Context) ([]byte, error) // nil: never reloaded
	current atomic.Pointer[state]
	changes sync.Mutex // serializes Add, Promote and Drop

	turn chan struct{} // holds a token while a caller reads the keyset again; guards the rest
	// missed and failed are the last attempts that did not bring the key, or
	// nothing.
	missed, failed time.Time
	misses         int // reads that did not bring the key, with no pause between them
	// sought has the keys that were missing, and whether the keyset has been read
	// since: then the key is lost.
	sought map[uint32]bool
}

var _ backend.Sealer = (*Set)(nil)

// New returns a set with one new key, which is never reloaded. [Create] also
// keeps it. It fails only if Tink can't make a key.
func New() (*Set, error) {
	h, err := tinkkeyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, errtext.Errorf("keyset: new key: %w", err)
	}
	st, err := newState(h, history{})
	if err != nil {
		return nil, err
	}
	st.history = history{st.primary: {Promoted: now()}}
	return newSet(st, nil, nil)
}

// Parse reads the clear text of a keyset. The set is never reloaded: after
// another key was promoted, a process that uses it seals with the old key until
// it ends. Prefer [Load] in processes that run for long. A text that is encrypted, or
// is not a keyset, is an error.
func Parse(text []byte) (*Set, error) {
	st, err := parse(context.Background(), text, nil)
	if err != nil {
		return nil, err
	}
	return newSet(st, nil, nil)
}

// Load reads a keyset, for example with [File.Read]. The set reads it again
// before it seals with keys that are older than Options.ReloadAge, and when a
// key is missing. read must return when its context ends, after 5 s at most.
// Concurrent callers share one read. It returns the error of read, and one for a text
// that is not a keyset.
func Load(ctx context.Context, read func(context.Context) ([]byte, error), opts *Options) (*Set, error) {
	s, err := newSet(nil, read, opts)
	if err != nil {
		return nil, err
	}
	if err := s.reload(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func newSet(st *state, read func(context.Context) ([]byte, error), opts *Options) (*Set, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Set{opts: o, read: read, turn: make(chan struct{}, 1), sought: make(map[uint32]bool)}
	s.current.Store(st)
	return s, nil
}

// A state is a keyset as it was read. It is never changed.
type state struct {
	handle  *tinkkeyset.Handle
	aead    tink.AEAD
	primary uint32
	enabled map[uint32]bool
	history history           // nil: the text was written by Tink and holds none
	digest  [sha256.Size]byte // of the text
	loaded  time.Time         // before the text was read
}

func newState(h *tinkkeyset.Handle, hist history) (*state, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, errtext.Errorf("keyset: not for authenticated encryption: %w", err)
	}
	st := &state{handle: h, aead: a, enabled: make(map[uint32]bool, h.Len()), history: hist}
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, errtext.Errorf("keyset: %w", err)
		}
		if e.KeyStatus() == tinkkeyset.Enabled {
			st.enabled[e.KeyID()] = true
		}
		if e.IsPrimary() {
			st.primary = e.KeyID()
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

func formatID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// KeyID returns the id of the key that sealed ciphertext, or "" where it has
// none.
func (s *Set) KeyID(ciphertext []byte) string {
	id, ok := cipherKeyID(ciphertext)
	if !ok {
		return ""
	}
	return formatID(id)
}

// Seal encrypts with the primary key. It reads the keyset again first if the
// keys are older than Options.ReloadAge. If that fails, it goes on with them
// until Options.StaleLimit and then returns an error that matches
// [backend.ErrKeyUnavailable].
func (s *Set) Seal(ctx context.Context, plaintext, associatedData []byte) ([]byte, error) {
	st, err := s.fresh(ctx)
	if err != nil {
		return nil, err
	}
	return st.aead.Encrypt(plaintext, associatedData)
}

// Open decrypts. If the key is missing, it reads the keyset again, at most once
// in 10 s for the same key. The error matches [backend.ErrKeyUnavailable] or [backend.ErrSeal]. If
// the keyset could not be read since the key was first missing, the error has a
// method Temporary() bool that returns true: the key may not be lost.
func (s *Set) Open(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error) {
	id, ok := cipherKeyID(ciphertext)
	if !ok {
		return nil, backend.ErrSeal
	}
	st := s.current.Load()
	if !st.enabled[id] {
		var err error
		if st, err = s.find(ctx, id); err != nil {
			return nil, err
		}
	}
	plaintext, err := st.aead.Decrypt(ciphertext, associatedData)
	if err != nil {
		return nil, backend.ErrSeal // Tink's error has no detail
	}
	return plaintext, nil
}

// Format implements [fmt.Formatter]: no verb prints a key.
func (*Set) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "keyset.Set") }
