package keyset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// A rotation adds a key, promotes it, seals all records with it and drops the
// old one when no process can seal with that any more.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "keyset-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := keyset.File(filepath.Join(dir, "keyset.json"))
	if _, err := keyset.Create(ctx, file, nil); err != nil {
		fmt.Println(err)
		return
	}
	// In each process:
	keys, err := keyset.Load(ctx, file.Read, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := oauthstore.New(memstore.New(), keys, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	// In the process that rotates:
	old := keys.Keys()[0].ID
	update := func(change func(*keyset.Set) error) {
		rotated, err := keyset.Update(ctx, file, nil, change)
		if errors.Is(err, oauthstore.ErrUnavailable) {
			fmt.Println("not yet")
			return
		}
		fmt.Println(len(rotated.Keys()), err)
	}
	update(func(s *keyset.Set) error {
		id, err := s.Add()
		return errors.Join(err, s.Promote(id))
	})
	_, err = store.Rewrap(ctx)
	fmt.Println(err)
	counted := time.Now()
	use, err := store.KeyUse(ctx)
	fmt.Println(use[old], err)
	update(func(s *keyset.Set) error { return s.Drop(old, counted) })
	// Output:
	// 2 <nil>
	// <nil>
	// 0 <nil>
	// not yet
}

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A deployment that hands the keyset to its processes in a variable, in clear text.
func ExampleParse() {
	made := must(keyset.New())
	os.Setenv("APP_KEYSET", string(must(made.Clear()))) // from a secret manager
	defer os.Unsetenv("APP_KEYSET")

	keys, err := keyset.Parse([]byte(os.Getenv("APP_KEYSET")))
	if err != nil {
		panic(err)
	}
	fmt.Println(keys.Keys()[0].ID == made.Keys()[0].ID)
	fmt.Println(keys) // no verb prints a key
	// Output:
	// true
	// keyset.Set
}

// secrets is a [keyset.Source] on a secret manager, here a variable.
type secrets struct {
	mu   sync.Mutex
	text []byte // guarded by mu
}

func (s *secrets) Read(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text == nil {
		return nil, fs.ErrNotExist
	}
	return s.text, nil
}

func (s *secrets) Swap(_ context.Context, old, text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !bytes.Equal(s.text, old) {
		return keyset.ErrChanged // another process wrote first
	}
	s.text = text
	return nil
}

// A keyset can be in a secret manager that compares and swaps.
func ExampleSource() {
	ctx := context.Background()
	src := &secrets{}
	first, err := keyset.Create(ctx, src, nil)
	fmt.Println(len(first.Keys()), err)

	_, err = keyset.Create(ctx, src, nil) // in a second process
	fmt.Println(errors.Is(err, keyset.ErrChanged))

	keys, err := keyset.Load(ctx, src.Read, nil)
	fmt.Println(keys.Keys()[0].ID == first.Keys()[0].ID, err)
	// Output:
	// 1 <nil>
	// true
	// true <nil>
}

// Records that one set seals can be opened by another one with the same key, and only
// with the same associated data.
func ExampleSet_Seal() {
	ctx := context.Background()
	keys := must(keyset.New())
	same := must(keyset.Parse(must(keys.Clear())))
	sealed := must(keys.Seal(ctx, []byte("text"), []byte("row 7")))

	text, err := same.Open(ctx, sealed, []byte("row 7"))
	fmt.Println(string(text), err)
	_, err = same.Open(ctx, sealed, []byte("row 8"))
	fmt.Println(errors.Is(err, backend.ErrSeal))
	_, err = must(keyset.New()).Open(ctx, sealed, []byte("row 7"))
	fmt.Println(errors.Is(err, backend.ErrKeyUnavailable))
	// Output:
	// text <nil>
	// true
	// true
}
