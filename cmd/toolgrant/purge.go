package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A purgeView has the count of deleted records.
type purgeView struct {
	Purged int `json:"purged"`
}

func (a *app) purgeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "purge",
		Short: "Delete expired records",
		Long: `Deletes expired records of all owners: consents that were not completed, unused
client registrations, and the marks of credentials that were disconnected more
than a day ago. Run it from a timer about once an hour.`,
		Args: cobra.NoArgs,
		RunE: a.begin(func(ctx context.Context, _ []string) error {
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				n, err := store.Purge(ctx)
				if err != nil {
					return err
				}
				a.print(purgeView{n}, func(w io.Writer) { _, _ = io.WriteString(w, "Deleted "+plural(n, "record")+".\n") })
				return nil
			})
		}),
	}
}
