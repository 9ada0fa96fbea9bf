package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/zalando/go-keyring"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// A keysetPlace is a file or keyring secret that holds a keyset.
type keysetPlace interface {
	keyset.Source
	// String names the place in messages.
	String() string
}

// ringPrefix marks a --keyset in the operating system's keyring.
const ringPrefix = "keyring:"

// keysetPlace returns the place of --keyset.
func (a *app) keysetPlace() keysetPlace {
	if name, ring := strings.CutPrefix(a.global.keyset, ringPrefix); ring {
		name = first(name, "keyset")
		lock := filepath.Join(configFolder(a.env), "toolgrant", "keyring-"+url.PathEscape(name)+".lock")
		return keysetRing{name: name, lock: lock}
	}
	return keysetFile{keyset.File(a.global.keyset)}
}

// openKeyset opens the keyset of --keyset. For a local store it creates a missing
// file; a store in memory has its own keyset.
func (a *app) openKeyset(ctx context.Context) (*keyset.Set, error) {
	scheme, _, err := a.storeKind()
	if err != nil {
		return nil, err
	}
	if scheme == "memory" {
		return keyset.New()
	}
	place := a.keysetPlace()
	keys, err := a.loadKeyset(ctx, place)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if _, ring := place.(keysetRing); ring || !storeKinds[scheme].local {
		return nil, noKeyset(place)
	}
	if err := a.createKeyset(ctx, place); err != nil && !errors.Is(err, keyset.ErrChanged) {
		return nil, err
	}
	return a.loadKeyset(ctx, place)
}

func noKeyset(place keysetPlace) error {
	return faultf(kindKeyUnavailable, "there is no keyset in %s: create one with 'toolgrant keys new' and copy it to every machine that shares the store", place)
}

// loadKeyset returns the keyset of a place, or an error that matches
// [fs.ErrNotExist].
func (a *app) loadKeyset(ctx context.Context, place keysetPlace) (*keyset.Set, error) {
	if file, ok := place.(keysetFile); ok && file.readableByOthers() {
		a.notef("warning: other users of this machine can read the keyset: run chmod 600 %s", file)
	}
	keys, err := keyset.Load(ctx, place.Read, nil)
	if err != nil {
		return nil, keysetFault(place, err)
	}
	return keys, nil
}

// createKeyset writes a keyset with one new key. If there is one already, it
// returns an error that matches [keyset.ErrChanged].
func (a *app) createKeyset(ctx context.Context, place keysetPlace) (err error) {
	logger, closeLog, err := a.auditLogger()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	keys, err := keyset.Create(ctx, place, nil)
	if err != nil || logger == nil {
		return keysetFault(place, err)
	}
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{Logger: logger}) // formats the event; nothing is stored
	if err != nil {
		return err
	}
	for _, e := range keyEvents(nil, keys.Keys()) {
		store.Audit(ctx, e)
	}
	return store.Close(ctx)
}

// keysetFault turns an error of a place into a fault, except for errors that
// callers check.
func keysetFault(place keysetPlace, err error) error {
	_, isFault := errors.AsType[*fault](err)
	switch {
	case err == nil, isFault, errors.Is(err, fs.ErrNotExist), errors.Is(err, keyset.ErrChanged),
		errors.Is(err, oauthstore.ErrUnavailable), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, backend.ErrKeyUnavailable):
		return faultf(kindKeyUnavailable, "%s", strings.TrimPrefix(err.Error(), backend.ErrKeyUnavailable.Error()+": "))
	}
	return faultf(kindKeyUnavailable, "the keyset in %s can't be used: %s", place, errtext.Sentence(err))
}

// A keysetFile is a file with mode 0600.
type keysetFile struct{ keyset.File }

func (f keysetFile) String() string { return string(f.File) }

func (f keysetFile) readableByOthers() bool {
	info, err := os.Stat(string(f.File))
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o044 != 0
}

// A keysetRing is a secret in the operating system's keyring. Writers exclude
// each other by a lock file, since a keyring has no compare-and-swap.
type keysetRing struct{ name, lock string }

const (
	ringService  = "toolgrant"
	ringLockPoll = 10 * time.Millisecond
	// ringLockLimit includes the time that a user needs to unlock the keyring.
	ringLockLimit = time.Minute
)

func (r keysetRing) String() string { return "the keyring, as " + r.name }

// Read implements [keyset.Source].
func (r keysetRing) Read(context.Context) ([]byte, error) {
	text, err := keyring.Get(ringService, r.name)
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return nil, fs.ErrNotExist
	case err != nil:
		// Not wrapped: a socket that does not exist is not a missing keyset.
		return nil, faultf(kindKeyUnavailable, "the keyring of this machine does not respond: %v", err)
	}
	return []byte(text), nil
}

// Swap implements [keyset.Source].
func (r keysetRing) Swap(ctx context.Context, old, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(r.lock), 0o700); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, ringLockLimit)
	defer cancel()
	lock := flock.New(r.lock)
	if _, err := lock.TryLockContext(limited, ringLockPoll); err != nil {
		if ctx.Err() == nil && limited.Err() != nil {
			return faultf(mcptools.KindUnavailable, "another process holds the lock %s", r.lock)
		}
		return err
	}
	defer func() { _ = lock.Close() }()
	have, err := r.Read(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if (have == nil) != (old == nil) || !bytes.Equal(have, old) {
		return keyset.ErrChanged
	}
	return keyring.Set(ringService, r.name, string(text))
}

var (
	_ keysetPlace = keysetFile{}
	_ keysetPlace = keysetRing{}
)
