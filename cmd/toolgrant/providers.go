package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/providers"
)

// A providerView is a provider as it is printed. The list has only the fields up
// to Verified.
type providerView struct {
	ID                string   `json:"id"`
	Name              string   `json:"name"`
	ServerURL         *string  `json:"server_url"`
	Transport         *string  `json:"transport"`
	Auth              []string `json:"auth"`
	RESTTokenAccepted *bool    `json:"rest_token_accepted"`
	Scopes            []string `json:"scopes"`
	Quirks            []string `json:"quirks"`
	Docs              []string `json:"docs"`
	Verified          string   `json:"verified"`
	*providerDetail
}

type providerDetail struct {
	ConnectorID *string     `json:"connector_id"`
	Alternates  []string    `json:"alternate_urls"`
	Params      []paramView `json:"url_parts"`
	Ways        []wayView   `json:"ways"`
	Issuer      *string     `json:"issuer"`
	Resource    *string     `json:"resource"`
	Rotates     *bool       `json:"rotates"`
	TokenTTL    *string     `json:"token_ttl"`
	ReadOnly    *string     `json:"read_only"`
	Hazards     []string    `json:"hazards"`
	Retired     *string     `json:"retired"`
	ReplacedBy  *string     `json:"replaced_by"`
	Confidence  string      `json:"confidence"`
}

type paramView struct {
	Name    string `json:"name"`
	Example string `json:"example"`
	Doc     string `json:"doc"`
}

type wayView struct {
	ID           string  `json:"id"`
	Kind         string  `json:"kind"`
	Name         string  `json:"name"`
	Obtain       string  `json:"obtain"`
	Registration *string `json:"registration"`
	Carries      string  `json:"carries"` // "authorization" or "headers"
}

func providerViewOf(p providers.Provider, whole bool) providerView {
	v := providerView{
		ID: p.ID, Name: p.Name, ServerURL: orNull(p.Server.URL), Transport: orNull(p.Transport),
		RESTTokenAccepted: yesNo(p.RESTToken), Scopes: list(p.OAuth.Scopes), Quirks: list(p.Quirks), Docs: list(p.Docs),
		Verified: p.Source.Date,
	}
	for _, w := range p.Ways {
		v.Auth = append(v.Auth, w.ID)
	}
	if !whole {
		return v
	}
	d := &providerDetail{
		ConnectorID: orNull(p.Server.Connector), Alternates: list(p.Server.Alternates), Params: []paramView{},
		Issuer: orNull(p.OAuth.Issuer), Resource: orNull(p.OAuth.Resource), Rotates: yesNo(p.Tokens.Rotates),
		ReadOnly: orNull(p.ReadOnly), Hazards: list(p.Hazards), Retired: orNull(p.Retired), ReplacedBy: orNull(p.ReplacedBy), Confidence: p.Source.Confidence,
	}
	if p.Tokens.TTL > 0 {
		d.TokenTTL = orNull(p.Tokens.TTL.String())
	}
	for _, x := range p.Server.Params {
		d.Params = append(d.Params, paramView{x.Name, x.Example, x.Doc})
	}
	for _, w := range p.Ways {
		carries := "authorization"
		if !w.Bearer() {
			carries = "headers"
		}
		if w.Kind == providers.WayNone {
			carries = "nothing"
		}
		d.Ways = append(d.Ways, wayView{w.ID, w.Kind, w.Name, w.Obtain, orNull(string(w.Registration)), carries})
	}
	v.providerDetail = d
	return v
}

// list returns s, or an empty slice for nil, which is [] in JSON.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func yesNo(a providers.Answer) *bool {
	switch a {
	case providers.Yes, providers.No:
		yes := a == providers.Yes
		return &yes
	case providers.Unknown:
	}
	return nil
}

func (a *app) providersCommand() *cobra.Command {
	var auth, search string
	var noAccount bool
	cmd := &cobra.Command{
		Use:   "providers [ID]",
		Short: "List the catalogue of MCP servers, or show one",
		Args:  cobra.MaximumNArgs(1),
		RunE: a.begin(func(_ context.Context, args []string) error {
			if len(args) == 1 {
				return a.showProvider(args[0])
			}
			all := slices.DeleteFunc(providers.All(), func(p providers.Provider) bool {
				return auth != "" && !offers(p, auth) || noAccount && !offers(p, providers.WayNone) || !mentions(p, search)
			})
			a.listProviders(all)
			return nil
		}),
	}
	cmd.AddCommand(a.verifyProvidersCommand())
	cmd.Flags().StringVar(&auth, "auth", "", "list only servers with this `WAY` to authenticate, such as oauth, api_key or none")
	cmd.Flags().StringVar(&search, "search", "", "list only servers whose id, name, URL or description contains this `TEXT`")
	cmd.Flags().BoolVar(&noAccount, "no-account-needed", false, "list only servers that need no account")
	return cmd
}

// offers reports whether a provider has a way with that id or kind.
func offers(p providers.Provider, way string) bool {
	return slices.ContainsFunc(p.Ways, func(w providers.Way) bool { return w.ID == way || w.Kind == way })
}

func mentions(p providers.Provider, text string) bool {
	return strings.Contains(strings.ToLower(strings.Join([]string{p.ID, p.Name, p.Server.URL, p.Description}, "\n")), strings.ToLower(text))
}

func (a *app) listProviders(all []providers.Provider) {
	views := make([]providerView, 0, len(all))
	for _, p := range all {
		views = append(views, providerViewOf(p, false))
	}
	a.print(views, func(w io.Writer) {
		if len(all) == 0 {
			_, _ = io.WriteString(w, "No matching server. For a server outside the catalogue: toolgrant connect LABEL=URL\n")
			return
		}
		rows := make([][]string, len(all))
		for i, p := range all {
			var kinds []string
			for _, way := range p.Ways {
				if !slices.Contains(kinds, way.Kind) {
					kinds = append(kinds, way.Kind)
				}
			}
			rows[i] = []string{p.ID, strings.Join(kinds, ", "), serverHost(p)}
		}
		a.ui.table(w, []string{"ID", "AUTH", "SERVER"}, rows, func(row, _ int) lipgloss.Style {
			if all[row].Retired != "" {
				return a.ui.dim
			}
			return a.ui.plain
		})
		_, _ = fmt.Fprintf(w, "\n%d servers. Details of one: toolgrant providers ID\n", len(all))
	})
}

// serverHost returns the host of a provider's server.
func serverHost(p providers.Provider) string {
	if p.Server.Connector != "" {
		return "OpenAI's connector"
	}
	u, err := url.Parse(p.Server.URL)
	if err != nil || u.Host == "" || strings.Contains(u.Host, "{") {
		return "a URL per customer"
	}
	const widest = 25 // so that a line has 80 cells
	return cut(u.Host, widest)
}

// unlisted returns the error for an id that is not in the catalogue.
func unlisted(id string) error {
	if ids := nearest(id); len(ids) > 0 {
		return usagef("unknown provider %q: did you mean %s?", id, or(ids))
	}
	return usagef("unknown provider %q: see 'toolgrant providers'", id)
}

func (a *app) showProvider(id string) error {
	p, ok := providers.Lookup(id)
	if !ok {
		return unlisted(id)
	}
	v := providerViewOf(p, true)
	a.print(v, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s\n", a.ui.head.Render(p.Name))
		if p.Description != "" {
			_, _ = fmt.Fprintf(w, "%s\n", p.Description)
		}
		_, _ = io.WriteString(w, "\n")
		a.ui.fields(w,
			field{"id", p.ID}, field{"server", p.Server.URL}, field{"connector", p.Server.Connector}, field{"transport", p.Transport},
			field{"also at", strings.Join(p.Server.Alternates, "\n")},
			field{"retired", a.ui.warn.Render(p.Retired)}, field{"issuer", p.OAuth.Issuer},
			field{"clients", clientWords[registrationOf(p)]}, field{"scopes", strings.Join(p.OAuth.Scopes, " ")},
			field{"REST token", map[providers.Answer]string{providers.Yes: "accepted", providers.No: "rejected"}[p.RESTToken]},
			field{"read-only", p.ReadOnly}, field{"cost", p.Cost},
			field{"docs", strings.Join(p.Docs, "\n")},
			field{"facts from", strings.TrimSpace(p.Source.Date + ", " + p.Source.Confidence + " confidence")},
		)
		for _, way := range p.Ways {
			_, _ = fmt.Fprintf(w, "\n%s  %s\n  %s\n", a.ui.head.Render(way.ID), way.Name, way.Obtain)
		}
		a.ui.bullets(w, "Notes", append(slices.Clone(p.Hazards), p.Quirks...))
		_, _ = fmt.Fprintf(w, "\nTo connect: %s\n", toConnect(p))
	})
	return nil
}

// clientWords say which applications a vendor admits.
var clientWords = map[providers.Registration]string{
	providers.RegistrationOpen:       "any application; connect registers one",
	providers.RegistrationRestricted: "only applications that the vendor has listed",
	providers.RegistrationPaused:     "closed: the vendor admits no new applications for now",
	providers.RegistrationManual:     "only an application that you register at the vendor",
}

// registrationOf returns how an application becomes a client of the provider.
func registrationOf(p providers.Provider) providers.Registration {
	for _, way := range p.Ways {
		if way.Kind == providers.WayOAuth {
			return way.Registration
		}
	}
	return providers.RegistrationUnknown
}

// toConnect returns the command that gets a credential in the provider's best
// way.
func toConnect(p providers.Provider) string {
	if other, ok := providers.Lookup(p.ReplacedBy); ok {
		p = other
	}
	const application = " --client-id ID --client-secret-file FILE"
	switch way, _ := p.Way(""); {
	case way.Kind == providers.WayNone:
		return "no credential is needed: toolgrant entry " + p.ID
	case way.Kind == providers.WayKey:
		return "toolgrant import " + p.ID + " --token-file FILE"
	case way.Kind == providers.WayMachine:
		return "toolgrant connect " + p.ID + " --client-credentials" + application
	case way.Registration == providers.RegistrationPaused:
		return "not possible for a new application now"
	case way.Registration == providers.RegistrationManual && slices.Contains(p.OAuth.AuthMethods, "none"):
		return "toolgrant connect " + p.ID + " --client-id ID"
	case way.Registration == providers.RegistrationManual:
		return "toolgrant connect " + p.ID + application
	}
	return "toolgrant connect " + p.ID
}
