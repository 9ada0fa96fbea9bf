package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"

	"github.com/charmbracelet/lipgloss"
	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// A keyView is a key as it is printed.
type keyView struct {
	ID      string `json:"id"`
	Primary bool   `json:"primary"`
	Records int    `json:"records"`
	Missing bool   `json:"missing,omitempty"` // records need it, and the keyset does not have it
}

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "The keys that seal what is stored",
		Long: `The keys that seal what is stored. To rotate:

  toolgrant keys add          on one machine; bring the keyset to all of them
  toolgrant keys promote ID   the new key seals from now on; bring it to all again
  toolgrant keys rewrap       what was sealed before is sealed anew
  toolgrant keys drop ID      the old key, which nothing needs any more`,
		Args: cobra.NoArgs,
		RunE: a.begin(func(context.Context, []string) error {
			return usagef("keys needs one of new, list, add, promote, rewrap, drop")
		}),
	}
	sub := func(use, short string, args cobra.PositionalArgs, f func(ctx context.Context, args []string) error) {
		cmd.AddCommand(&cobra.Command{Use: use, Short: short, Args: args, RunE: a.begin(f)})
	}
	sub("new", "Make the keyset, with one key", cobra.NoArgs, a.newKeys)
	sub("list", "The keys, and how many records each has sealed", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.withKeys(ctx, nil)
	})
	sub("add", "Add a key that does not seal yet", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.changeKeys(ctx, func(_ *oauthstore.Store, keys *keyset.Set) error {
			_, err := keys.Add()
			return err
		})
	})
	sub("promote ID", "Make a key the one that seals", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.changeKeys(ctx, func(_ *oauthstore.Store, keys *keyset.Set) error {
			if err := has(keys, args[0]); err != nil {
				return err
			}
			return keys.Promote(args[0])
		})
	})
	sub("rewrap", "Seal every record anew with the primary key", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.withKeys(ctx, func(store *oauthstore.Store, _ *keyset.Set) error {
			n, err := store.Rewrap(ctx)
			if err == nil && !a.global.json {
				a.notef("sealed anew: %d of %d", n.Sealed, n.Sealed+n.Current+n.Moved)
			}
			return err
		})
	})
	sub("drop ID", "Remove a key that no record needs", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.changeKeys(ctx, func(store *oauthstore.Store, keys *keyset.Set) error {
			return dropKey(ctx, store, keys, args[0])
		})
	})
	return cmd
}

func (a *app) newKeys(context.Context, []string) error {
	place := a.keysetPlace()
	switch err := makeKeyset(place); {
	case errors.Is(err, fs.ErrExist):
		return faultf(mcptools.KindMisconfigured, "there is a keyset in %s already: a second one could not open what the first has sealed", place)
	case err != nil:
		return err
	}
	keys, err := a.readKeyset(place)
	if err != nil {
		return err
	}
	a.printKeys(keys, nil)
	return nil
}

// withKeys opens keyset and store, calls f, which may be nil, and prints the
// keys with their counts.
func (a *app) withKeys(ctx context.Context, f func(*oauthstore.Store, *keyset.Set) error) error {
	keys, err := a.openKeyset()
	if err != nil {
		return err
	}
	return a.withSealer(ctx, keys, func(store *oauthstore.Store) error {
		if f != nil {
			if err := f(store, keys); err != nil {
				return err
			}
		}
		use, err := store.KeyUse(ctx)
		if err != nil {
			return err
		}
		a.printKeys(keys, use)
		return nil
	})
}

// changeKeys is withKeys for what changes the keyset, which it saves.
func (a *app) changeKeys(ctx context.Context, f func(*oauthstore.Store, *keyset.Set) error) error {
	return a.withKeys(ctx, func(store *oauthstore.Store, keys *keyset.Set) error {
		if err := f(store, keys); err != nil {
			return err
		}
		return writeKeyset(keys, a.keysetPlace().replace)
	})
}

// has makes it wrong usage to name a key that is not there.
func has(keys *keyset.Set, id string) error {
	if !slices.ContainsFunc(keys.Keys(), func(k keyset.Key) bool { return k.ID == id }) {
		return usagef("the keyset has no key %q: see 'toolgrant keys list'", id)
	}
	return nil
}

func dropKey(ctx context.Context, store *oauthstore.Store, keys *keyset.Set, id string) error {
	if err := has(keys, id); err != nil {
		return err
	}
	use, err := store.KeyUse(ctx)
	if err != nil {
		return err
	}
	if n := use[id]; n > 0 {
		return faultf(mcptools.KindMisconfigured, "key %s is in use: %d records need it. Promote another, then 'toolgrant keys rewrap'", id, n)
	}
	for _, k := range keys.Keys() {
		if k.ID == id && k.Primary {
			return faultf(mcptools.KindMisconfigured, "key %s is the one that seals: promote another first", id)
		}
	}
	return keys.Drop(id)
}

func (a *app) printKeys(keys *keyset.Set, use map[string]int) {
	views := []keyView{}
	known := make(map[string]bool)
	for _, k := range keys.Keys() {
		known[k.ID] = true
		views = append(views, keyView{ID: k.ID, Primary: k.Primary, Records: use[k.ID]})
	}
	for _, id := range slices.Sorted(maps.Keys(use)) {
		if !known[id] {
			views = append(views, keyView{ID: id, Records: use[id], Missing: true})
		}
	}
	a.print(views, func(w io.Writer) {
		rows := make([][]string, len(views))
		for i, v := range views {
			what := ""
			switch {
			case v.Primary:
				what = "seals"
			case v.Missing:
				what = "missing: these records can't be opened"
			}
			rows[i] = []string{v.ID, strconv.Itoa(v.Records), what}
		}
		a.ui.table(w, []string{"KEY", "RECORDS", ""}, rows, func(row, _ int) lipgloss.Style {
			if views[row].Missing {
				return a.ui.bad
			}
			return a.ui.plain
		})
	})
}
