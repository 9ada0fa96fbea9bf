package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A purgeView has the counts of deleted records.
type purgeView struct {
	Purged        int `json:"purged"` // of any kind
	Tombstones    int `json:"tombstones"`
	Flows         int `json:"flows"`
	Registrations int `json:"registrations"`
}

func newPurgeView(byKind map[string]int) purgeView {
	v := purgeView{
		Tombstones: byKind[backend.KindCredential], Flows: byKind[backend.KindFlow], Registrations: byKind[backend.KindRegistration],
	}
	for _, n := range byKind {
		v.Purged += n
	}
	return v
}

func (v purgeView) text() string {
	text := "Deleted " + plural(v.Purged, "record")
	var parts []string
	for _, part := range []struct {
		n    int
		noun string
	}{{v.Tombstones, "disconnected credential"}, {v.Flows, "consent"}, {v.Registrations, "client"}} {
		if part.n > 0 {
			parts = append(parts, plural(part.n, part.noun))
		}
	}
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text + ".\n"
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
				byKind, err := store.Purge(ctx)
				if err != nil {
					return err
				}
				v := newPurgeView(byKind)
				a.print(v, func(w io.Writer) { _, _ = io.WriteString(w, v.text()) })
				return nil
			})
		}),
	}
}
