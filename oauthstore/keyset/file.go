package keyset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/robustio"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/internal/folder"
)

// A File is the path of a keyset file. Writers of all processes exclude each
// other by a lock on the file FILE.lock beside it; readers never wait.
type File string

var _ Source = File("")

// Read returns the file's text. A file that another user can write or replace
// is refused with an error that matches [backend.ErrKeyUnavailable]: the
// file, its folders and the links to it must belong to this user or to root,
// and neither their group nor others may write to them. Exceptions are folders
// with the sticky bit, such as /tmp, a group of this user alone that has the
// user's name, and what is on mounts that are read-only, such as secrets in
// Kubernetes: the folders above a mount and the links to it are checked. On
// Windows nothing is.
func (f File) Read(context.Context) ([]byte, error) {
	if err := checkWriters(string(f)); err != nil {
		return nil, err
	}
	return robustio.ReadFile(string(f))
}

const (
	lockPoll = 10 * time.Millisecond
	// lockLimit bounds the wait for other writers: one that was stopped in the
	// middle of a write may keep the lock for ever.
	lockLimit = 10 * time.Second
)

// Swap implements [Source]. The new file keeps owner and mode of the old one;
// one that did not exist, and its folders, get a mode for this user alone. It
// waits for other writers for at most 10 s.
func (f File) Swap(ctx context.Context, old, text []byte) error {
	path := string(f)
	if err := folder.Make(filepath.Dir(path)); err != nil {
		return err
	}
	// A link stays; what it leads to is replaced.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unlock, err := lockFile(ctx, path+".lock", lockLimit)
	if err != nil {
		return err
	}
	defer unlock()
	have, err := f.Read(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		have = nil
	case err != nil:
		return err
	}
	if (have == nil) != (old == nil) || !bytes.Equal(have, old) {
		return errtext.Errorf("keyset: %s: %w", f, ErrChanged)
	}
	return replace(path, text)
}

// lockFile takes the lock of a file, which it creates.
func lockFile(ctx context.Context, path string, limit time.Duration) (unlock func(), err error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	lock := flock.New(path)
	if _, err := lock.TryLockContext(limited, lockPoll); err != nil {
		if ctx.Err() == nil && limited.Err() != nil {
			err = fmt.Errorf("%w: another process holds the lock %s", oauthstore.ErrUnavailable, path)
		}
		return nil, err
	}
	return func() { _ = lock.Close() }, nil
}

// replace writes text to path so that a reader, and a crash, find either the old
// text or the new one.
func replace(path string, text []byte) (err error) {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, ".keyset-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	info, err := os.Stat(path)
	switch {
	case err == nil:
		err = keepOwner(file, info)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err == nil {
		_, err = file.Write(text)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := robustio.Rename(file.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // some systems can't sync a folder
	return d.Close()
}
