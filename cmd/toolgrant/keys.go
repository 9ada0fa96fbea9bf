package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// A keyView is a key as it is printed.
type keyView struct {
	ID         string     `json:"id"`
	Primary    bool       `json:"primary"`
	Records    int        `json:"records"`
	PromotedAt *time.Time `json:"promoted_at,omitempty"` // when it last became the primary; absent if unknown
	DropAfter  *time.Time `json:"drop_after,omitempty"`  // the time from which drop accepts it, for former primaries
	Missing    bool       `json:"missing,omitempty"`     // records need it, but the keyset lacks it
}

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Manage the keys that encrypt the store",
		Long: `Manages the keys that encrypt the store. To rotate them:

  toolgrant keys add          adds a key; then copy the keyset to every machine
  toolgrant keys promote ID   encrypts with the new key from now on; running
                              processes follow within a minute
  toolgrant keys rewrap       encrypts existing records with the new key
  toolgrant keys drop ID      removes the old key, at the earliest 25 hours after
                              promote and when no record needs it

These commands can run concurrently with each other and with all others.`,
		Args: cobra.NoArgs,
		RunE: a.begin(func(context.Context, []string) error {
			return usagef("keys needs a subcommand: new, list, add, promote, rewrap or drop")
		}),
	}
	sub := func(use, short string, args cobra.PositionalArgs, f func(ctx context.Context, args []string) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: args, RunE: a.begin(f)}
		cmd.AddCommand(c)
		return c
	}
	sub("new", "Create the keyset with one key", cobra.NoArgs, a.newKeys)
	sub("list", "List the keys and how many records need each", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.withKeys(ctx, nil)
	})
	sub("add", "Add a key without using it yet", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.withKeys(ctx, func(store *oauthstore.Store, _ *keyset.Set) error {
			return a.updateKeys(ctx, store, nil, func(keys *keyset.Set) error {
				_, err := keys.Add()
				return err
			})
		})
	})
	sub("promote ID", "Encrypt with this key from now on", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.withKeys(ctx, func(store *oauthstore.Store, _ *keyset.Set) error {
			return a.updateKeys(ctx, store, nil, func(keys *keyset.Set) error {
				if err := has(keys, args[0]); err != nil {
					return err
				}
				return keys.Promote(args[0])
			})
		})
	})
	sub("rewrap", "Encrypt every record with the primary key", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.withKeys(ctx, func(store *oauthstore.Store, _ *keyset.Set) error {
			n, err := store.Rewrap(ctx)
			if err == nil && !a.global.json {
				a.notef("re-encrypted records: %d", n)
			}
			return err
		})
	})
	var wait time.Duration
	drop := sub("drop ID", "Remove a key that no record needs", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.withKeys(ctx, func(store *oauthstore.Store, _ *keyset.Set) error {
			return a.dropKey(ctx, store, args[0], wait)
		})
	})
	drop.Long = `Removes a key that no record needs.

After another key is promoted, running processes can still encrypt with the old
one: for up to a minute, or up to an hour if they can't read the keyset. A relay's
tickets that were made with the key live for up to 24 hours. Until --wait has
passed since the promotion, drop exits with 4.`
	drop.Flags().DurationVar(&wait, "wait", defaultDropWait, "required `DURATION` since another key was promoted; shorten it only if every process was restarted since then, and if the relay's tickets may become invalid")
	return cmd
}

// defaultDropWait is the zero value of [keyset.Options].DropWait.
const defaultDropWait = 25 * time.Hour

func (a *app) newKeys(ctx context.Context, _ []string) error {
	place := a.keysetPlace()
	switch err := a.createKeyset(ctx, place); {
	case errors.Is(err, keyset.ErrChanged):
		return faultf(mcptools.KindMisconfigured, "%s already has a keyset: a new one could not decrypt the existing records", place)
	case err != nil:
		return err
	}
	keys, err := a.loadKeyset(ctx, place)
	if err != nil {
		return err
	}
	a.printKeys(keys, nil)
	return nil
}

// withKeys opens the keyset and the store, calls f if it is not nil, and prints
// the keys with their record counts.
func (a *app) withKeys(ctx context.Context, f func(*oauthstore.Store, *keyset.Set) error) error {
	keys, err := a.openKeyset(ctx)
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
		if scheme, _, _ := a.storeKind(); scheme != "memory" {
			if keys, err = a.loadKeyset(ctx, a.keysetPlace()); err != nil {
				return err
			}
		}
		a.printKeys(keys, use)
		return nil
	})
}

// updateKeys applies change to the keyset of --keyset, saves it and records the
// events.
func (a *app) updateKeys(ctx context.Context, store *oauthstore.Store, opts *keyset.Options, change func(*keyset.Set) error) error {
	place := a.keysetPlace()
	var before []keyset.Key
	keys, err := keyset.Update(ctx, place, opts, func(keys *keyset.Set) error {
		before = keys.Keys()
		return change(keys)
	})
	if err == nil {
		for _, e := range keyEvents(before, keys.Keys()) {
			store.Audit(ctx, e)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return noKeyset(place)
	}
	return keysetFault(place, err)
}

// has returns a usage error if the keyset does not have a key.
func has(keys *keyset.Set, id string) error {
	if !slices.ContainsFunc(keys.Keys(), func(k keyset.Key) bool { return k.ID == id }) {
		return usagef("the keyset has no key %q: see 'toolgrant keys list'", id)
	}
	return nil
}

func (a *app) dropKey(ctx context.Context, store *oauthstore.Store, id string, wait time.Duration) error {
	if wait <= 0 {
		wait = -1
	}
	counted := time.Now()
	use, err := store.KeyUse(ctx)
	if err != nil {
		return err
	}
	return a.updateKeys(ctx, store, &keyset.Options{DropWait: wait}, func(keys *keyset.Set) error {
		if err := has(keys, id); err != nil {
			return err
		}
		for _, k := range keys.Keys() {
			if k.ID == id && k.Primary {
				return faultf(mcptools.KindMisconfigured, "key %s is the primary key: promote another one first", id)
			}
		}
		if n := use[id]; n > 0 {
			return faultf(mcptools.KindMisconfigured, "key %s is in use: %d records need it. Promote another key, then run 'toolgrant keys rewrap'", id, n)
		}
		err := keys.Drop(id, counted)
		if e, ok := errors.AsType[*oauthstore.Error](err); ok && errors.Is(err, oauthstore.ErrUnavailable) {
			return faultf(mcptools.KindUnavailable, "%s; try again in %s", e.Detail, short(e.RetryAfter.Round(time.Second)))
		}
		return err
	})
}

func (a *app) printKeys(keys *keyset.Set, use map[string]int) {
	views := []keyView{}
	known := make(map[string]bool)
	for _, k := range keys.Keys() {
		known[k.ID] = true
		v := keyView{ID: k.ID, Primary: k.Primary, Records: use[k.ID]}
		if !k.Promoted.IsZero() {
			v.PromotedAt = &k.Promoted
		}
		if !k.DropAfter.IsZero() {
			v.DropAfter = &k.DropAfter
		}
		views = append(views, v)
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
				what = "primary"
			case v.Missing:
				what = "missing: these records can't be decrypted"
			case v.DropAfter != nil:
				what = "can be dropped after " + v.DropAfter.UTC().Format(time.RFC3339)
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
