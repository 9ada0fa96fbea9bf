package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// errAnswered is returned by a command that has printed its result, and whose
// result is a failure.
var errAnswered = errors.New("the result is a failure")

func (a *app) doctorCommand() *cobra.Command {
	d := &diagnosis{a: a}
	var takes []string
	var verbose bool
	cmd := &cobra.Command{
		Use:   "doctor PROVIDER",
		Short: "Find out why a connection does or does not work",
		Long: `Examines the server, its metadata and the credential, and reports why the
connection does or does not work, and what to do. It has no side effects: it
refreshes, registers and stores nothing, and calls no tool. Pass the flags with
which you connect, so that it judges the same consent. The exit code is 0 if all
is well, else 1.`,
		Example: `  toolgrant doctor linear
  toolgrant doctor wiki=https://mcp.example.com/mcp --token-file token`,
		Args: cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				if err := d.load(ctx, store, args[0], takes); err != nil {
					return err
				}
				d.report = doctor.Examine(ctx, d.examined, &doctor.Options{
					InsecureAllowLoopback: a.global.allowLoopback,
					CheckConsent:          func(ctx context.Context) error { return d.checkConsent(ctx, store) },
				})
				if ctx.Err() != nil {
					return ctx.Err()
				}
				sentences, commands := d.advice()
				a.print(diagnosisView{d.report, list(sentences), list(commands)}, func(w io.Writer) {
					a.ui.report(w, d.report, verbose)
					a.ui.bullets(w, "What to do", sentences)
					a.ui.commands(w, commands)
				})
				if d.report.Verdict != doctor.VerdictOK {
					return errAnswered
				}
				return nil
			})
		}),
	}
	cmd.Flags().StringVar(&d.tokenFile, "token-file", "", "`FILE` with a token to examine instead of the stored one, - for stdin")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "print every possible cause, also those that are ruled out")
	d.flags.registerClient(cmd)
	registerTakes(cmd, &takes)
	return cmd
}

// A diagnosisView is a report with advice, as it is printed.
type diagnosisView struct {
	report   doctor.Report
	Advice   []string `json:"advice"`
	Commands []string `json:"commands"`
}

// MarshalJSON returns the fields of the report, then those of the advice.
func (v diagnosisView) MarshalJSON() ([]byte, error) {
	report, err := json.Marshal(v.report)
	if err != nil {
		return nil, err
	}
	type advice diagnosisView
	more, err := json.Marshal(advice(v))
	if err != nil {
		return nil, err
	}
	return append(append(bytes.TrimSuffix(report, []byte("}")), ','), more[1:]...), nil
}

// load sets the target and the case to examine: a stored credential, a token from
// a file, or only the server.
func (d *diagnosis) load(ctx context.Context, store *oauthstore.Store, name string, takes []string) error {
	if d.flags.secretFile != "" && d.flags.clientID == "" {
		return usagef("--client-secret-file needs --client-id")
	}
	t, err := d.a.resolveNew(ctx, store, name)
	if err != nil {
		return err
	}
	if err := t.addTakes(takes); err != nil {
		return err
	}
	// The doctor reports unusable URLs itself: t.fault is ignored.
	d.target, d.examined = t, doctor.Case{Provider: t.provider, ServerURL: t.key.Server}
	if d.tokenFile == "" {
		d.examined, err = doctor.Stored(ctx, store, t.provider, t.key)
		return err
	}
	data, err := d.a.readInput(d.tokenFile)
	if err != nil {
		return err
	}
	file, err := parseToken(data)
	if err != nil {
		return err
	}
	if err := t.refuse("", file.AccessToken); err != nil {
		return err
	}
	d.examined.Token = file.examined(t.provider)
	return nil
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

// maxReasons is the number of reasons that a report shows without --verbose.
const maxReasons = 5

// report writes a report as plain text.
func (u *ui) report(w io.Writer, r doctor.Report, verbose bool) {
	look := map[string]lipgloss.Style{doctor.VerdictOK: u.good, doctor.VerdictFailing: u.bad, doctor.VerdictUnknown: u.warn}[r.Verdict]
	_, _ = fmt.Fprintf(w, "%s  %s at %s\n\n", look.Render(r.Verdict), safetext.Line(r.Provider), safetext.Line(r.ServerURL))
	for _, s := range r.Steps {
		mark := u.good.Render("+")
		if !s.OK {
			mark = u.bad.Render("-")
		}
		_, _ = fmt.Fprintf(w, "%s %s  %s\n", mark, u.head.Render(s.Name), safetext.Line(s.Detail))
	}
	var why []string
	for _, h := range r.Hypotheses {
		if !verbose && (h.Verdict == doctor.RuledOut || h.Verdict == doctor.Possible && r.Cause != "" || len(why) == maxReasons) {
			continue
		}
		why = append(why, fmt.Sprintf("  %s  %s: %s\n", u.warn.Render(h.Verdict), h.ID, safetext.Line(h.Detail)))
	}
	if len(why) > 0 && (verbose || r.Verdict != doctor.VerdictOK) {
		_, _ = fmt.Fprintf(w, "\n%s\n%s", u.head.Render("Why"), strings.Join(why, ""))
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
		rows = append(rows, []string{v.Provider, v.Outcome, safetext.Line(detail)})
	}
	styles := map[string]lipgloss.Style{doctor.OutcomeSame: u.good, doctor.OutcomeDiffers: u.bad}
	u.table(w, []string{"ID", "OUTCOME", "DIFFERENCES"}, rows, func(row, col int) lipgloss.Style {
		if style, ok := styles[all[row].Outcome]; ok && col == 1 {
			return style
		}
		return u.plain
	})
}
