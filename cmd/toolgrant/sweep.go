package main

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A sweepView has the counts of one pass.
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
		Short: "Refresh the credentials that are about to expire",
		Long: `Makes one pass over the store and refreshes the credentials that are about to
expire. Run it from a timer about once a minute; several machines can run it at
the same time. --owner restricts it to one owner.`,
		Args: cobra.NoArgs,
		RunE: a.begin(func(ctx context.Context, _ []string) error {
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				sweep := store.Sweep
				if a.global.given("owner") {
					sweep = func(ctx context.Context) (oauthstore.Swept, error) { return store.SweepOwner(ctx, a.global.owner) }
				}
				n, err := sweep(ctx)
				if err != nil {
					return err
				}
				a.print(sweepView(n), func(w io.Writer) {
					a.ui.fields(w,
						field{"due", strconv.Itoa(n.Due)}, field{"refreshed", strconv.Itoa(n.Refreshed)},
						field{"must connect again", strconv.Itoa(n.Reauthorize)}, field{"failed (will retry)", strconv.Itoa(n.Failed)},
						field{"skipped", strconv.Itoa(n.Skipped)}, field{"expire soon, not refreshable", strconv.Itoa(n.Expiring)},
					)
				})
				return nil
			})
		}),
	}
}
