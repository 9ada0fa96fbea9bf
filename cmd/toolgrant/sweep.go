package main

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A sweepView counts what one pass did.
type sweepView struct {
	Due         int `json:"due"`
	Refreshed   int `json:"refreshed"`
	Reauthorize int `json:"reauth_required"`
	Failed      int `json:"failed"`
	Skipped     int `json:"skipped"`
	Expiring    int `json:"expiring"`
}

func (a *app) sweepCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sweep",
		Short: "Refresh once what is about to expire",
		Long: `Refreshes once what is about to expire, in the whole store, for a timer to call
every minute or so. Several machines may do so at once. --owner narrows it.`,
		Args: cobra.NoArgs,
		RunE: a.begin(func(ctx context.Context, _ []string) error {
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				var owner oauthstore.Owner
				if a.global.ownerGiven() {
					owner = a.global.owner
				}
				n, err := store.Sweep(ctx, owner)
				if err != nil {
					return err
				}
				a.print(sweepView(n), func(w io.Writer) {
					a.ui.fields(w,
						field{"due", strconv.Itoa(n.Due)}, field{"refreshed", strconv.Itoa(n.Refreshed)},
						field{"must connect again", strconv.Itoa(n.Reauthorize)}, field{"failed, tried again later", strconv.Itoa(n.Failed)},
						field{"left alone", strconv.Itoa(n.Skipped)}, field{"end soon, nothing refreshes them", strconv.Itoa(n.Expiring)},
					)
				})
				return nil
			})
		}),
	}
}
