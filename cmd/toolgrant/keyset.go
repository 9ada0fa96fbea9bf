package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// openKeyset reads the keyset of --keyset. For a store of this machine a
// missing one is made; what is kept in memory only has one of its own.
func (a *app) openKeyset() (*oauthstore.Keyset, error) {
	scheme, _, err := a.storeKind()
	if err != nil {
		return nil, err
	}
	if scheme == "memory" {
		return oauthstore.NewKeyset()
	}
	keys, err := a.readKeyset()
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if !storeKinds[scheme].local {
		return nil, a.noKeyset()
	}
	if err := a.makeKeyset(); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return a.readKeyset()
}

func (a *app) noKeyset() error {
	return faultf(kindKeyUnavailable, "there is no keyset at %s: make it once with 'toolgrant keys new', and bring it to every machine that shares the store", a.global.keyset)
}

func (a *app) readKeyset() (*oauthstore.Keyset, error) {
	read := func(context.Context) ([]byte, error) { return os.ReadFile(a.global.keyset) }
	text, err := read(context.Background())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, faultf(kindKeyUnavailable, "the keyset can't be read: %v", err)
	}
	if info, err := os.Stat(a.global.keyset); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		a.notef("warning: others on this machine may read the keyset %s: chmod 600 it", a.global.keyset)
	}
	keys, err := oauthstore.ParseKeyset(text, read)
	if err != nil {
		return nil, faultf(kindKeyUnavailable, "%s holds no keyset", a.global.keyset)
	}
	return keys, nil
}

// makeKeyset writes a new keyset with one key. If there is one already, it
// leaves it alone and returns an error that matches [fs.ErrExist].
func (a *app) makeKeyset() error {
	keys, err := oauthstore.NewKeyset()
	if err != nil {
		return err
	}
	return a.writeKeyset(keys, os.Link)
}

// saveKeyset replaces the keyset that is there.
func (a *app) saveKeyset(keys *oauthstore.Keyset) error { return a.writeKeyset(keys, os.Rename) }

// writeKeyset writes the keyset to a file of its own (mode 0600) first and then
// gives it its name by put, so that nobody ever reads half of one.
func (a *app) writeKeyset(keys *oauthstore.Keyset, put func(from, to string) error) error {
	text, err := keys.Clear()
	if err != nil {
		return err
	}
	folder := filepath.Dir(a.global.keyset)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return faultf(mcptools.KindMisconfigured, "the keyset can't be written: %v", err)
	}
	file, err := os.CreateTemp(folder, ".keyset-*")
	if err != nil {
		return faultf(mcptools.KindMisconfigured, "the keyset can't be written: %v", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = put(file.Name(), a.global.keyset)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return faultf(mcptools.KindMisconfigured, "the keyset can't be written: %v", err)
	}
	return err
}
