package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/zalando/go-keyring"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// A keysetPlace is where the text of a keyset is kept.
type keysetPlace interface {
	// read returns the text, or an error that matches [fs.ErrNotExist].
	read() ([]byte, error)
	// create writes the text where there is none yet; else it returns an error
	// that matches [fs.ErrExist].
	create(text []byte) error
	// replace writes the text in place of what is there.
	replace(text []byte) error
	// String says where it is.
	String() string
}

// ringPrefix marks a --keyset that is kept in the operating system's keyring.
const ringPrefix = "keyring:"

// keysetPlace returns the place of --keyset. Where the operating system has no
// keyring that answers, it is the file of this user's configuration.
func (a *app) keysetPlace() keysetPlace {
	name, ring := strings.CutPrefix(a.global.keyset, ringPrefix)
	if !ring {
		return keysetFile(a.global.keyset)
	}
	place := keysetRing(first(name, "keyset"))
	if _, err := place.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		file := keysetFile(defaultKeyset(a.env))
		a.notef("warning: this machine has no keyring that answers: the keyset is in %s", file)
		return file
	}
	return place
}

// openKeyset opens the keyset of --keyset. For a store of this machine a
// missing file is made; what is kept in memory only has a keyset of its own.
func (a *app) openKeyset() (*keyset.Set, error) {
	scheme, _, err := a.storeKind()
	if err != nil {
		return nil, err
	}
	if scheme == "memory" {
		return keyset.New()
	}
	place := a.keysetPlace()
	keys, err := a.readKeyset(place)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	// A keyring can't make a keyset only if there is none, as a file can.
	if _, ring := place.(keysetRing); ring || !storeKinds[scheme].local {
		return nil, faultf(kindKeyUnavailable, "there is no keyset in %s: make it once with 'toolgrant keys new', and bring it to every machine that shares the store", place)
	}
	if err := makeKeyset(place); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return a.readKeyset(place)
}

func (a *app) readKeyset(place keysetPlace) (*keyset.Set, error) {
	text, err := place.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, faultf(kindKeyUnavailable, "the keyset can't be read: %v", err)
	}
	if file, ok := place.(keysetFile); ok && file.open() {
		a.notef("warning: others on this machine may read the keyset: chmod 600 %s", file)
	}
	keys, err := keyset.Parse(text, func(context.Context) ([]byte, error) { return place.read() })
	if err != nil {
		return nil, faultf(kindKeyUnavailable, "there is no keyset in %s, but something else", place)
	}
	return keys, nil
}

// makeKeyset writes a new keyset with one key. If there is one already, it
// leaves it alone and returns an error that matches [fs.ErrExist].
func makeKeyset(place keysetPlace) error {
	keys, err := keyset.New()
	if err != nil {
		return err
	}
	return writeKeyset(keys, place.create)
}

func writeKeyset(keys *keyset.Set, write func(text []byte) error) error {
	text, err := keys.Clear()
	if err != nil {
		return err
	}
	if err := write(text); err != nil && !errors.Is(err, fs.ErrExist) {
		return faultf(mcptools.KindMisconfigured, "the keyset can't be written: %v", err)
	} else if err != nil {
		return err
	}
	return nil
}

// A keysetFile is a file with mode 0600.
type keysetFile string

func (f keysetFile) String() string { return string(f) }

func (f keysetFile) read() ([]byte, error) { return os.ReadFile(string(f)) }

func (f keysetFile) create(text []byte) error { return f.write(text, os.Link) }

func (f keysetFile) replace(text []byte) error { return f.write(text, os.Rename) }

// write writes another file first, to which put then gives its name, so that
// nobody ever reads half a keyset.
func (f keysetFile) write(text []byte, put func(from, to string) error) error {
	folder := filepath.Dir(string(f))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".keyset-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return put(file.Name(), string(f))
}

// open reports whether others than its owner may read the file.
func (f keysetFile) open() bool {
	info, err := os.Stat(string(f))
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0
}

// A keysetRing is a secret of that name in the operating system's keyring.
type keysetRing string

const ringService = "toolgrant"

func (r keysetRing) String() string { return "the keyring, as " + string(r) }

func (r keysetRing) read() ([]byte, error) {
	text, err := keyring.Get(ringService, string(r))
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return nil, fs.ErrNotExist
	case err != nil:
		// Not wrapped: a socket that does not exist is no keyset that does not.
		return nil, errors.New("keyring: " + err.Error())
	}
	return []byte(text), nil
}

func (r keysetRing) create(text []byte) error {
	if _, err := r.read(); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	return r.replace(text)
}

func (r keysetRing) replace(text []byte) error {
	return keyring.Set(ringService, string(r), string(text))
}

var (
	_ keysetPlace = keysetFile("")
	_ keysetPlace = keysetRing("")
)
