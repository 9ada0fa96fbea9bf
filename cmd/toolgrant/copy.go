package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/storecopy"
)

// A copyView has the counts of a copy.
type copyView struct {
	Records int `json:"records"`
	Copied  int `json:"copied"`
	Damaged int `json:"damaged"`
}

func (a *app) storeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Move the store",
		Args:  cobra.NoArgs,
		RunE:  a.begin(func(context.Context, []string) error { return usagef("store needs a subcommand: copy") }),
	}
	var to string
	c := &cobra.Command{
		Use:   "copy --to URL",
		Short: "Copy every record to another store and compare them",
		Long: `Copies every record of --store to the store --to, of any kind, and then compares
both record by record. Stop every process that uses either store first. The
target must be empty, or the same copy that was interrupted: run it again to
resume. The source is not changed.

Records stay encrypted: use the new store with the same keyset. The copy itself
needs none.`,
		Args: cobra.NoArgs,
		RunE: a.begin(func(ctx context.Context, _ []string) error {
			switch to {
			case "":
				return usagef("store copy needs --to URL")
			case a.global.store:
				return usagef("--to is the store to copy from")
			}
			return a.copyStore(ctx, to)
		}),
	}
	c.Flags().StringVar(&to, "to", "", "`URL` of the store to copy to")
	cmd.AddCommand(c)
	return cmd
}

func (a *app) copyStore(ctx context.Context, url string) (err error) {
	from, err := openStore(ctx, "--store", a.global.store)
	if err != nil {
		return storeFault(err, a.global.store)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := openStore(ctx, "--to", url)
	if err != nil {
		return storeFault(err, url)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	r, err := storecopy.Copy(ctx, from, to)
	switch {
	case errors.Is(err, backend.ErrConflict):
		return faultf(mcptools.KindMisconfigured, "%s", err)
	case errors.Is(err, storecopy.ErrTarget):
		return storeFault(err, url)
	case err != nil:
		return storeFault(err, a.global.store)
	}
	a.print(copyView(r), func(w io.Writer) {
		_, _ = io.WriteString(w, "Copied "+plural(r.Copied, "record")+". Both stores hold the same "+plural(r.Records, "record")+".\n")
	})
	if r.Damaged > 0 && !a.global.json {
		a.notef("damaged records that the source can't read, left behind: %d", r.Damaged)
	}
	return nil
}
