package keyset_test

import (
	"context"
	"fmt"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// A rotation: add a key on every machine, promote it, seal all records with it,
// drop the old one.
func Example() {
	ctx := context.Background()
	keys, err := keyset.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := oauthstore.New(memstore.New(), keys, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	old := keys.Keys()[0].ID
	next, err := keys.Add()
	fmt.Println(len(keys.Keys()), err)
	fmt.Println(keys.Promote(next))
	done, err := store.Rewrap(ctx)
	fmt.Println(done.Sealed, err)
	fmt.Println(keys.Drop(old))
	fmt.Println(len(keys.Keys()))
	// Output:
	// 2 <nil>
	// <nil>
	// 0 <nil>
	// <nil>
	// 1
}
