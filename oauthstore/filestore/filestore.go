package filestore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/internal/folder"
	"github.com/toolgrant/toolgrant/oauthstore/internal/gate"
	"github.com/toolgrant/toolgrant/oauthstore/internal/page"
)

// A Backend is a [backend.Backend] in a folder. Safe for concurrent use,
// also by several processes.
type Backend struct {
	root    *os.Root
	gate    *gate.Gate
	writing chan struct{} // holds a token while a goroutine of this Backend has the lock or waits for it
}

var _ backend.Backend = (*Backend)(nil)

// Open opens the folder dir, which is made with mode 0700 if it is not there; a
// folder that exists keeps its mode. It removes what a process that died in the
// middle of a write has left. The caller closes the Backend. A folder that can't be
// made or opened is [backend.ErrUnavailable].
func Open(dir string) (*Backend, error) {
	if err := folder.Make(dir); err != nil {
		return nil, mapErr(context.Background(), "open", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, mapErr(context.Background(), "open", err)
	}
	b := &Backend{root: root, gate: gate.New(), writing: make(chan struct{}, 1)}
	if err := b.locked(context.Background(), "open", b.removeLeftOvers); err != nil {
		_ = root.Close()
		return nil, err
	}
	return b, nil
}

// Close ends the Backend after the operations that are under way; those that
// wait for the lock give up. Later calls return an error that matches
// backend.ErrClosed.
func (b *Backend) Close() error {
	b.gate.Close()
	return b.root.Close()
}

// do runs one operation.
func (b *Backend) do(ctx context.Context, op string, f func() error) error {
	if err := ctx.Err(); err != nil {
		return mapErr(ctx, op, err)
	}
	if !b.gate.Enter() {
		return mapErr(ctx, op, backend.ErrClosed)
	}
	defer b.gate.Leave()
	return mapErr(ctx, op, f())
}

// mapErr turns what the file system returns into what oauthstore promises.
func mapErr(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("filestore: %s: %w", op, ctx.Err())
	case errors.Is(err, backend.ErrNotFound), errors.Is(err, backend.ErrConflict),
		errors.Is(err, backend.ErrClosed), errors.Is(err, backend.ErrSeal), errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("filestore: %s: %w", op, err)
	}
	return fmt.Errorf("filestore: %s: %w: %w", op, backend.ErrUnavailable, err)
}

// lockLimit is how long an operation waits for other writers, unless its
// context ends before: one that was stopped in the middle of a write may keep
// the lock for ever.
const lockLimit = 10 * time.Second

// locked runs f while this process has the folder's lock.
func (b *Backend) locked(ctx context.Context, op string, f func() error) error {
	return b.do(ctx, op, func() error {
		limit := time.NewTimer(lockLimit)
		defer limit.Stop()
		tooLong := errors.New("another process holds the lock")
		select {
		case b.writing <- struct{}{}:
			defer func() { <-b.writing }()
		case <-ctx.Done():
			return ctx.Err()
		case <-b.gate.Closing():
			return backend.ErrClosed
		case <-limit.C:
			return tooLong
		}
		// A file of its own for each lock: flock belongs to the open file.
		lock, err := b.root.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		defer lock.Close() // lets go of the lock
		for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
			got, err := tryLock(lock)
			if err != nil {
				return err
			}
			if got {
				return f()
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			case <-b.gate.Closing():
				return backend.ErrClosed
			case <-limit.C:
				return tooLong
			}
		}
	})
}

// now is the clock of a folder that lives on one machine: the machine's.
func now() time.Time { return time.Now().Round(0) }

// Get implements [backend.Backend].
func (b *Backend) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	var rec backend.Record
	err := b.do(ctx, "get", func() error {
		var err error
		_, rec, err = b.read(fileName(id))
		return err
	})
	rec.Now = now()
	return rec, err
}

// Put implements [backend.Backend].
func (b *Backend) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	text, err := encode(id, rec)
	if err != nil {
		return mapErr(ctx, "put", err)
	}
	name := fileName(id)
	return b.locked(ctx, "put", func() error {
		_, stored, err := b.read(name)
		exists := !errors.Is(err, backend.ErrNotFound)
		if err != nil && exists && !errors.Is(err, backend.ErrSeal) {
			return err
		}
		if exists != (ifVersion != 0) || stored.Version != ifVersion {
			return backend.ErrConflict
		}
		return b.replace(name, text)
	})
}

// Delete implements [backend.Backend].
func (b *Backend) Delete(ctx context.Context, id backend.ID, ifVersion uint64) error {
	name := fileName(id)
	return b.locked(ctx, "delete", func() error {
		_, stored, err := b.read(name)
		if err != nil && !errors.Is(err, backend.ErrSeal) {
			return err
		}
		if stored.Version != ifVersion {
			return backend.ErrConflict
		}
		if err := b.root.Remove(name); err != nil {
			return err
		}
		return b.syncFolder()
	})
}

// List implements [backend.Backend]. It reads every file for each page.
func (b *Backend) List(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
	after, err := page.Parse(cursor, n)
	if err != nil {
		return nil, "", fmt.Errorf("filestore: list: %w", err)
	}
	if after.Key != "" && (len(after.Key) != nameLength || !strings.HasSuffix(after.Key, suffix)) {
		return nil, "", fmt.Errorf("filestore: list: %w", page.ErrCursor)
	}
	var rows []row
	err = b.do(ctx, "list", func() error {
		names, err := b.names(suffix)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			r := row{place: page.Cursor{Key: name}}
			r.ID, r.Record, err = b.read(name)
			if errors.Is(err, backend.ErrNotFound) {
				continue // deleted since
			}
			matches := f.Matches(r.ID, r.Record)
			if errors.Is(err, backend.ErrSeal) || errors.Is(err, errFormat) {
				matches = f.MatchesUnknown()
			} else if err != nil {
				return err
			}
			if !f.DueBefore.IsZero() {
				r.place.Due = r.DueAt.UnixMicro()
			}
			if matches && compare(r.place, after) > 0 {
				rows = append(rows, r)
			}
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(rows, func(a, b row) int { return compare(a.place, b.place) })
	next := ""
	if len(rows) > n {
		rows = rows[:n]
		next = rows[n-1].place.String()
	}
	items := make([]backend.Item, len(rows))
	for i, r := range rows {
		items[i] = r.Item
		items[i].Now = now()
	}
	return items, next, nil
}

// A row is a record and its place in the order of a list.
type row struct {
	backend.Item
	place page.Cursor
}

var nameLength = len(fileName(backend.ID{}))

func compare(a, b page.Cursor) int {
	return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Key, b.Key))
}

// read reads the record in a file.
func (b *Backend) read(name string) (backend.ID, backend.Record, error) {
	text, err := b.root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return backend.ID{}, backend.Record{}, backend.ErrNotFound
	}
	if err != nil {
		return backend.ID{}, backend.Record{}, err
	}
	id, rec, err := decode(text)
	if err != nil {
		return id, rec, fmt.Errorf("%s: %w", name, err)
	}
	return id, rec, nil
}

const temporary = ".tmp"

// replace writes a file so that it is whole at every moment, also after a loss
// of power. The caller has the lock.
func (b *Backend) replace(name string, text []byte) (err error) {
	tmp := name + "." + rand.Text() + temporary
	f, err := b.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = b.root.Remove(tmp) // else the next Open does
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := b.root.Rename(tmp, name); err != nil {
		return err
	}
	return b.syncFolder()
}

// syncFolder makes the folder's names as durable as the files.
func (b *Backend) syncFolder() error {
	d, err := b.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// names returns the names in the folder that end so, sorted.
func (b *Backend) names(end string) ([]string, error) {
	d, err := b.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, end) })
	slices.Sort(names)
	return names, nil
}

// removeLeftOvers removes temporary files. The caller has the lock, so no process
// is writing one.
func (b *Backend) removeLeftOvers() error {
	names, err := b.names(temporary)
	for _, name := range names {
		err = errors.Join(err, b.root.Remove(name))
	}
	return err
}
