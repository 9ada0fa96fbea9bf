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
	PromotedAt *time.Time `json:"promoted_at,omitempty"` // when it last became the primary, where that is known
	DropAfter  *time.Time `json:"drop_after,omitempty"`  // the time from which drop accepts it, for keys that have sealed
	Missing    bool       `json:"missing,omitempty"`     // records need it, and the keyset does not have it
}

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "The keys that seal what is stored",
		Long: `The keys that seal what is stored. To rotate:

  toolgrant keys add          on one machine; copy the keyset to all of them
  toolgrant keys promote ID   running processes seal with the new key within a
                              minute of reading the changed keyset
  toolgrant keys rewrap       seals existing records with the new key
  toolgrant keys drop ID      removes the old key, 25 hours after promote and
                              when no record needs it

Any number of these commands may run at the same time, beside everything else.`,
		Args: cobra.NoArgs,
		RunE: a.begin(func(context.Context, []string) error {
			return usagef("keys needs one of new, list, add, promote, rewrap, drop")
		}),
	}
	sub := func(use, short string, args cobra.PositionalArgs, f func(ctx context.Context, args []string) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: args, RunE: a.begin(f)}
		cmd.AddCommand(c)
		return c
	}
	sub("new", "Create the keyset, with one key", cobra.NoArgs, a.newKeys)
	sub("list", "List the keys and how many records each has sealed", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.withKeys(ctx, nil)
	})
	sub("add", "Add a key that does not seal yet", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.withKeys(ctx, func(store *oauthstore.Store, _ *keyset.Set) error {
			return a.updateKeys(ctx, store, nil, func(keys *keyset.Set) error {
				_, err := keys.Add()
				return err
			})
		})
	})
	sub("promote ID", "Seal with this key from now on", cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.withKeys(ctx, func(store *oauthstore.Store, _ *keyset.Set) error {
			return a.updateKeys(ctx, store, nil, func(keys *keyset.Set) error {
				if err := has(keys, args[0]); err != nil {
					return err
				}
				return keys.Promote(args[0])
			})
		})
	})
	sub("rewrap", "Seal every record again with the key that seals now", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.withKeys(ctx, func(store *oauthstore.Store, _ *keyset.Set) error {
			n, err := store.Rewrap(ctx)
			if err == nil && !a.global.json {
				a.notef("records sealed again: %d", n)
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
	drop.Long = `Remove a key that no record needs.

A process that has not read the keyset since another key was promoted may still
seal with the old one: for up to a minute, and up to an hour if it cannot read
the keyset. Tickets of a relay that the key sealed live for up to 24 hours. Until
--wait has passed since the promotion, drop ends with exit code 4.`
	drop.Flags().DurationVar(&wait, "wait", defaultDropWait, "`TIME` since another key was promoted; shorten it only after every process was restarted since, and if the relay's tickets may end")
	return cmd
}

// defaultDropWait is the zero value of [keyset.Options].DropWait.
const defaultDropWait = 25 * time.Hour

func (a *app) newKeys(ctx context.Context, _ []string) error {
	place := a.keysetPlace()
	switch err := createKeyset(ctx, place); {
	case errors.Is(err, keyset.ErrChanged):
		return faultf(mcptools.KindMisconfigured, "there is a keyset in %s already: a second one could not open what the first has sealed", place)
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

// withKeys opens keyset and store, calls f, which may be nil, and prints the
// keys with their counts.
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

// updateKeys applies change to the keyset of --keyset, which it saves, and
// reports the events.
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

// has makes it wrong usage to name a key that the keyset lacks.
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
				return faultf(mcptools.KindMisconfigured, "key %s is the one that seals: promote another first", id)
			}
		}
		if n := use[id]; n > 0 {
			return faultf(mcptools.KindMisconfigured, "key %s is in use: %d records need it. Promote another, then 'toolgrant keys rewrap'", id, n)
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
				what = "seals"
			case v.Missing:
				what = "missing: these records cannot be opened"
			case v.DropAfter != nil:
				what = "can be dropped from " + v.DropAfter.UTC().Format(time.RFC3339)
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
