package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/deletion"
)

// A statusView is a status as it is printed.
type statusView struct {
	Provider   string            `json:"provider"`
	Owner      string            `json:"owner"`
	Account    string            `json:"account"`
	ServerURL  string            `json:"server_url"`
	State      oauthstore.State  `json:"state"`
	Reason     *string           `json:"reason"`
	ExpiresAt  *string           `json:"expires_at"`
	Generation uint64            `json:"generation"`
	Resource   *string           `json:"resource"`
	Issuer     *string           `json:"issuer"`
	ClientID   *string           `json:"client_id"`
	Scopes     []string          `json:"scopes"`
	VerifiedAt *string           `json:"verified_at"`
	Warning    *string           `json:"warning,omitempty"`        // why the server did not confirm the token
	Verdict    *string           `json:"verdict,omitempty"`        // of the server, with --check
	Detail     *string           `json:"verdict_detail,omitempty"` // why
	status     oauthstore.Status `json:"-"`
}

func viewOf(s oauthstore.Status) statusView {
	v := statusView{
		Provider: s.Key.Provider, Owner: s.Key.Owner.String(), Account: s.Key.Account, ServerURL: s.Key.Server,
		State: s.State, Reason: orNull(string(s.Reason)), Generation: s.Generation,
		Resource: orNull(s.Provenance.Resource), Issuer: orNull(s.Provenance.Issuer), ClientID: orNull(s.Provenance.ClientID),
		Scopes: s.Provenance.ScopesGranted, status: s,
	}
	if v.Scopes == nil { // the server did not say: it granted what was requested (RFC 6749 section 5.1)
		v.Scopes = append([]string{}, s.Provenance.ScopesAsked...)
	}
	if !s.Expiry.IsZero() {
		v.ExpiresAt = orNull(stamp(s.Expiry))
	}
	switch s.Verdict.Outcome {
	case oauthstore.OutcomeAccepted:
		v.VerifiedAt = orNull(stamp(s.Verdict.At))
	case oauthstore.OutcomeUnknown:
		v.Warning = orNull(s.Verdict.Detail)
	case oauthstore.OutcomeRefused: // the state says so
	}
	return v
}

// orNull returns nil for "", which is null in JSON, else a pointer to the text.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (a *app) statusCommand() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "status [PROVIDER]",
		Short: "Show stored credentials, without asking any provider",
		Long: `Shows stored credentials. With --check it asks their servers whether they accept
the tokens, and stores the answers; it refreshes nothing and calls no tool.`,
		Args: cobra.MaximumNArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				if len(args) == 0 {
					return a.listStatus(ctx, store, check)
				}
				t, err := a.resolve(ctx, store, args[0])
				if u, unknown := errors.AsType[*unknownProviderError](err); unknown {
					return u.fault(mcptools.KindNotConnected)
				}
				if err != nil {
					return err
				}
				s, err := store.Status(ctx, t.key)
				if err != nil {
					return err
				}
				if !check {
					a.printStatus(s)
					return nil
				}
				if err := a.usable(t); err != nil {
					return err
				}
				all, err := a.check(ctx, store, []oauthstore.Status{s})
				if err != nil {
					return err
				}
				v := viewOf(all[0]).asked()
				a.print(v, func(w io.Writer) { a.ui.status(w, v) })
				return nil
			})
		}),
	}
	cmd.Flags().BoolVar(&check, "check", false, "ask the servers whether they accept the tokens")
	return cmd
}

// asked returns the view with the verdict of a server that was just asked.
func (v statusView) asked() statusView {
	v.Verdict = orNull(first(string(v.status.Verdict.Outcome), "unknown"))
	v.Detail = orNull(safetext.Line(v.status.Verdict.Detail))
	return v
}

func (a *app) printStatus(s oauthstore.Status) {
	v := viewOf(s)
	a.print(v, func(w io.Writer) { a.ui.status(w, v) })
}

func (a *app) listStatus(ctx context.Context, store *oauthstore.Store, check bool) error {
	all, err := store.List(ctx, a.global.owner)
	if err == nil && check {
		all, err = a.check(ctx, store, all)
	}
	if err != nil {
		return err
	}
	views := make([]statusView, 0, len(all))
	for _, s := range all {
		v := viewOf(s)
		if check {
			v = v.asked()
		}
		views = append(views, v)
	}
	a.print(views, func(w io.Writer) {
		if len(views) == 0 {
			_, _ = io.WriteString(w, a.global.owner.String()+" has no credentials yet. Start with 'toolgrant providers'.\n")
			return
		}
		var rows [][]string
		for _, v := range views {
			state := strings.TrimSpace(string(v.State) + " " + text(v.Reason))
			if v.Warning != nil {
				state += ", not verified"
			}
			row := []string{safetext.Line(strings.TrimSpace(v.Provider + " " + v.Account)), state, left(v.status.Expiry), safetext.Line(v.ServerURL)}
			if check {
				row[3] = text(v.Verdict)
				if v.status.Verdict.Outcome != oauthstore.OutcomeAccepted {
					row[3] += ": " + text(v.Detail)
				}
			}
			rows = append(rows, row)
		}
		headers := []string{"PROVIDER", "STATE", "EXPIRES", "SERVER"}
		if check {
			headers[3] = "SERVER SAYS"
		}
		a.ui.table(w, headers, rows, func(row, col int) lipgloss.Style {
			if col == 1 {
				return a.ui.state(views[row].State)
			}
			return a.ui.plain
		})
	})
	return nil
}

// status writes a status as plain text. Many of its fields come from a server.
func (u *ui) status(w io.Writer, v statusView) {
	s := v.status
	verdict := ""
	switch s.Verdict.Outcome {
	case oauthstore.OutcomeAccepted:
		verdict = u.good.Render("accepted") + " " + when(s.Verdict.At)
	case oauthstore.OutcomeRefused:
		verdict = u.bad.Render("refused") + " " + when(s.Verdict.At) + ": " + safetext.Line(s.Verdict.Detail)
	case oauthstore.OutcomeUnknown:
		if v.Warning != nil {
			verdict = u.warn.Render("not verified") + " " + when(s.Verdict.At) + ": " + safetext.Line(*v.Warning)
		}
	}
	expires := when(s.Expiry)
	if expires == "" {
		expires = "unknown"
	}
	if s.Refreshable {
		expires += ", refreshed automatically"
	}
	u.fields(w,
		field{"provider", safetext.Line(v.Provider)}, field{"owner", safetext.Line(v.Owner)}, field{"account", safetext.Line(v.Account)}, field{"server", safetext.Line(v.ServerURL)},
		field{"state", strings.TrimSpace(u.state(v.State).Render(string(v.State)) + " " + text(v.Reason))},
		field{"expires", expires},
		field{"server says", verdict},
		field{"issuer", safetext.Line(text(v.Issuer))}, field{"resource", safetext.Line(text(v.Resource))}, field{"client", safetext.Line(text(v.ClientID))},
		field{"scopes", safetext.Line(strings.Join(v.Scopes, " "))},
	)
}

// state returns the style of a state.
func (u *ui) state(s oauthstore.State) lipgloss.Style {
	switch s {
	case oauthstore.StateActive:
		return u.good
	case oauthstore.StateExpiring, oauthstore.StateDegraded, oauthstore.StateUnknown:
		return u.warn
	case oauthstore.StateReauthorize, oauthstore.StateRevoked:
		return u.bad
	}
	return u.plain
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (a *app) disconnectCommand() *cobra.Command {
	var all bool
	var tenant string
	cmd := &cobra.Command{
		Use:   "disconnect PROVIDER",
		Short: "Delete a credential and revoke it at the provider",
		Long: `Deletes the credential and then revokes it at the provider. The deletion never
waits for the provider.

--all deletes everything of the owner in --owner instead of one credential, and
--tenant everything of a whole tenant: credentials, which are revoked, pending
consents and saved clients. If that is interrupted, run it again. sweep repeats
failed revocations.`,
		Args: cobra.MaximumNArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			switch {
			case all && tenant != "" || (all || tenant != "") && len(args) > 0:
				return usagef("disconnect takes PROVIDER, --all or --tenant, and one of them only")
			case tenant != "":
				if a.global.given("owner") {
					return usagef("--tenant deletes all owners of the tenant: leave out --owner")
				}
				return a.deleteOwners(ctx, func(store *oauthstore.Store) (deletion.Report, error) { return store.DeleteTenant(ctx, tenant) })
			case all:
				if !a.global.given("owner") {
					return usagef("disconnect --all needs --owner TENANT/SUBJECT")
				}
				return a.deleteOwners(ctx, func(store *oauthstore.Store) (deletion.Report, error) { return store.DeleteOwner(ctx, a.global.owner) })
			case len(args) == 0:
				return usagef("disconnect needs PROVIDER")
			}
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				var d oauthstore.Disconnected
				t, err := a.resolve(ctx, store, args[0])
				if _, unknown := errors.AsType[*unknownProviderError](err); err != nil && !unknown {
					return err
				}
				if err == nil {
					_, err := store.Status(ctx, t.key)
					if why := a.reachable(t); why != nil && !errors.Is(err, oauthstore.ErrNotFound) {
						return why // its revocation would fail, and the token would live on
					}
					if d, err = store.Disconnect(ctx, t.key); err != nil {
						return err
					}
				}
				a.print(disconnectView{d.Removed, d.Revoked}, func(w io.Writer) {
					_, _ = io.WriteString(w, disconnectWords(d)+"\n")
				})
				return nil
			})
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "delete everything of the owner in --owner")
	cmd.Flags().StringVar(&tenant, "tenant", "", "delete everything of the tenant `NAME`")
	return cmd
}

// A deletionView has the counts of a deletion.
type deletionView struct {
	Credentials  int `json:"credentials"`
	Revoked      int `json:"revoked"`
	RevokeFailed int `json:"revoke_failed"`
	NotRevocable int `json:"not_revocable"`
	Consents     int `json:"consents"`
	Clients      int `json:"clients"`
}

// deleteOwners deletes an owner or a tenant and prints the report.
func (a *app) deleteOwners(ctx context.Context, del func(*oauthstore.Store) (deletion.Report, error)) error {
	return a.withStore(ctx, func(store *oauthstore.Store) error {
		r, err := del(store)
		if err != nil {
			return err
		}
		v := deletionView{r.Credentials(), r.Revoked, r.RevokeFailed, r.NotRevocable, r.Consents, r.Clients}
		a.print(v, func(w io.Writer) {
			a.ui.fields(w,
				field{"deleted credentials", strconv.Itoa(v.Credentials)}, field{"revoked", strconv.Itoa(v.Revoked)},
				field{"revocation failed (sweep will retry)", strconv.Itoa(v.RevokeFailed)}, field{"not revocable", strconv.Itoa(v.NotRevocable)},
				field{"deleted consents", strconv.Itoa(v.Consents)}, field{"deleted clients", strconv.Itoa(v.Clients)},
			)
		})
		return nil
	})
}

type disconnectView struct {
	Removed bool  `json:"removed"`
	Revoked *bool `json:"revoked"`
}

func disconnectWords(d oauthstore.Disconnected) string {
	switch {
	case !d.Removed:
		return "Nothing to delete."
	case d.Revoked == nil:
		return "Deleted. The provider was not asked to revoke it."
	case *d.Revoked:
		return "Deleted and revoked at the provider."
	}
	return "Deleted. The provider did not confirm the revocation: revoke it in your account there."
}
