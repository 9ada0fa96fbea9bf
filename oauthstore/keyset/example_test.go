package keyset_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
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
