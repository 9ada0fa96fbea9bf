package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// errAnswered is returned by a command that has printed its result, and whose
// result is a failure.
var errAnswered = errors.New("the result is a failure")

func (a *app) doctorCommand() *cobra.Command {
	var tokenFile string
	var takes []string
	cmd := &cobra.Command{
		Use:   "doctor PROVIDER",
		Short: "Find out why a connection does or does not work",
		Long: `Examines the server, its metadata and the credential, and reports why the
connection does or does not work. It has no side effects: it refreshes, registers
and stores nothing, and calls no tool. The exit code is 0 if all is well, else 1.`,
		Example: `  toolgrant doctor linear
  toolgrant doctor wiki=https://mcp.example.com/mcp --token-file token`,
		Args: cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				c, err := a.doctorCase(ctx, store, args[0], tokenFile, takes)
				if err != nil {
					return err
				}
				report := doctor.Examine(ctx, c, &doctor.Options{InsecureAllowLoopback: a.global.allowLoopback})
				if ctx.Err() != nil {
					return ctx.Err()
				}
				a.print(report, func(w io.Writer) { a.ui.report(w, report) })
				if report.Verdict != doctor.VerdictOK {
					return errAnswered
				}
				return nil
			})
		}),
	}
	cmd.Flags().StringVar(&tokenFile, "token-file", "", "`FILE` with a token to examine instead of the stored one, - for stdin")
	registerTakes(cmd, &takes)
	return cmd
}

// doctorCase returns the case to examine: a stored credential, a token from a
// file, or only the server.
func (a *app) doctorCase(ctx context.Context, store *oauthstore.Store, name, tokenFile string, takes []string) (doctor.Case, error) {
	t, err := a.resolveNew(ctx, store, name)
	if err != nil {
		return doctor.Case{}, err
	}
	if err := t.addTakes(takes); err != nil {
		return doctor.Case{}, err
	}
	// The doctor reports unusable URLs itself: t.fault is ignored.
	c := doctor.Case{Provider: t.provider, ServerURL: t.key.Server}
	if tokenFile != "" {
		data, err := a.readInput(tokenFile)
		if err != nil {
			return c, err
		}
		file, err := parseToken(data)
		if err != nil {
			return c, err
		}
		if err := t.refuse("", file.AccessToken); err != nil {
			return c, err
		}
		c.Token = file.examined(t.provider)
		return c, nil
	}
	if a.usable(t) == nil {
		// The doctor itself reports a server that requires a token or can't be asked.
		t, _ = a.orOpen(ctx, store, t)
	}
	return doctor.Stored(ctx, store, t.provider, t.key)
}

// examined converts a token file for the doctor. A token with a client or a refresh
// token comes from OAuth; for others the token's format decides.
func (f *importFile) examined(p providers.Provider) *oauthstore.Token {
	way := p.WayOf(f.AccessToken)
	if f.RefreshToken != "" || f.ClientID != "" {
		way, _ = p.Way("")
	}
	t := f.token()
	return &oauthstore.Token{
		AccessToken: t.AccessToken, Secrets: t.Secrets, TokenType: t.TokenType, Expiry: t.Expiry,
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedImport, Way: way.ID, Issuer: t.Issuer, Resource: t.Resource,
			ClientID: t.ClientID, ScopesGranted: t.Scopes,
		},
	}
}

// report writes a report as plain text.
func (u *ui) report(w io.Writer, r doctor.Report) {
	look := map[string]lipgloss.Style{doctor.VerdictOK: u.good, doctor.VerdictFailing: u.bad, doctor.VerdictUnknown: u.warn}[r.Verdict]
	_, _ = fmt.Fprintf(w, "%s  %s at %s\n\n", look.Render(r.Verdict), safetext.Line(r.Provider), safetext.Line(r.ServerURL))
	for _, s := range r.Steps {
		mark := u.good.Render("+")
		if !s.OK {
			mark = u.bad.Render("-")
		}
		_, _ = fmt.Fprintf(w, "%s %s  %s\n", mark, u.head.Render(s.Name), safetext.Line(s.Detail))
	}
	open := false
	for _, h := range r.Hypotheses {
		if h.Verdict == doctor.RuledOut {
			continue
		}
		if !open {
			_, _ = fmt.Fprintf(w, "\n%s\n", u.head.Render("Why"))
			open = true
		}
		_, _ = fmt.Fprintf(w, "  %s  %s: %s\n", u.warn.Render(h.Verdict), h.ID, safetext.Line(h.Detail))
	}
	if r.Cause != "" && r.Action != mcptools.ActionNone {
		_, _ = fmt.Fprintf(w, "\n%s  %s\n", u.head.Render("What to do"), actionWords[r.Action])
	}
}

func (a *app) verifyProvidersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify [ID...]",
		Short: "Compare the catalogue with the servers' metadata",
		Long: `Compares the catalogue with the metadata that the servers publish and reports the
differences. It sends no credential. The exit code is 1 if there are differences.`,
		RunE: a.begin(func(ctx context.Context, args []string) error {
			all, err := pick(args)
			if err != nil {
				return err
			}
			found := doctor.VerifyCatalogue(ctx, all, &doctor.VerifyOptions{InsecureAllowLoopback: a.global.allowLoopback})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			a.print(found, func(w io.Writer) { a.ui.verifications(w, found) })
			for _, v := range found {
				if v.Outcome == doctor.OutcomeDiffers {
					return errAnswered
				}
			}
			return nil
		}),
	}
}

// pick returns the providers with the given ids; without ids, the whole catalogue.
func pick(ids []string) ([]providers.Provider, error) {
	if len(ids) == 0 {
		return providers.All(), nil
	}
	all := make([]providers.Provider, len(ids))
	for i, id := range ids {
		var ok bool
		if all[i], ok = providers.Lookup(id); !ok {
			return nil, unlisted(id)
		}
	}
	return all, nil
}

// verifications writes the results of a comparison as plain text.
func (u *ui) verifications(w io.Writer, all []doctor.Verification) {
	var rows [][]string
	for _, v := range all {
		detail := v.Detail
		if len(v.Drifts) > 0 {
			var facts []string
			for _, d := range v.Drifts {
				facts = append(facts, fmt.Sprintf("%s %s: %q, was %q", d.Fact, d.Kind, d.Live, d.Known))
			}
			detail = strings.Join(facts, "; ")
		}
		rows = append(rows, []string{v.Provider, v.Outcome, detail})
	}
	styles := map[string]lipgloss.Style{doctor.OutcomeSame: u.good, doctor.OutcomeDiffers: u.bad}
	u.table(w, []string{"ID", "OUTCOME", "DIFFERENCES"}, rows, func(row, col int) lipgloss.Style {
		if style, ok := styles[all[row].Outcome]; ok && col == 1 {
			return style
		}
		return u.plain
	})
}
