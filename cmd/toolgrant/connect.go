package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	issuers "github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// connectFlags are the flags of connect.
type connectFlags struct {
	clientID, secretFile, metadataURL, redirectURL, issuer string
	scopes                                                 []string
	noBrowser, machine, device                             bool
	noResource, noPKCEMetadata, legacyDiscovery            bool
	timeout                                                time.Duration
}

// An issuerEvent is the authorization server that an MCP server names.
type issuerEvent struct {
	Event string `json:"event"`
	URL   string `json:"url"`
}

// A connectedEvent is the status of a new credential.
type connectedEvent struct {
	Event string `json:"event"`
	statusView
}

func (a *app) connectCommand() *cobra.Command {
	var f connectFlags
	cmd := &cobra.Command{
		Use:   "connect PROVIDER",
		Short: "Get a credential with the user's consent",
		Long: `Gets a credential with the user's consent: discovers the authorization server,
registers a client there, opens the browser, waits for the redirect to a loopback
address, stores the credential and verifies it at the MCP server.

If the browser can't reach this machine, paste the URL that it shows at the end:
stdin is read while the command waits. Over SSH without a display, and with
--device, the command also prints a code to enter on any device, if the
authorization server supports that (RFC 8628).

For a server that takes an API key, use 'toolgrant import'.`,
		Example: `  toolgrant connect linear
  toolgrant connect asana --client-id 1208 --client-secret-file secret
  toolgrant connect wiki=https://mcp.example.com/mcp`,
		Args: cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			if f.timeout <= 0 {
				return usagef("--timeout must be positive")
			}
			return a.withStore(ctx, func(store *oauthstore.Store) error {
				t, err := a.resolveNew(ctx, store, args[0])
				if err != nil {
					return err
				}
				if err := a.usable(t); err != nil {
					return err
				}
				return a.connect(ctx, store, t, f)
			})
		}),
	}
	f.registerClient(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.device, "device", false, "also print a code to enter on any device (default: only over SSH without a display)")
	flags.BoolVar(&f.noBrowser, "no-browser", false, "print the URL and do not open a browser")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "how long to wait for the user")
	flags.BoolVar(&f.machine, "client-credentials", false, "get a token for the application itself, without a user")
	return cmd
}

// registerClient adds the flags that select the client and what it asks for.
func (f *connectFlags) registerClient(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.clientID, "client-id", "", "client `ID` of an application that you registered (default: register one dynamically)")
	flags.StringVar(&f.secretFile, "client-secret-file", "", "`FILE` with the client secret")
	flags.StringVar(&f.issuer, "issuer", "", "`URL` of the expected authorization server (default: the one that the server names, which is printed and stored)")
	flags.StringVar(&f.metadataURL, "client-metadata-url", "", "https `URL` of a client ID metadata document")
	flags.StringArrayVar(&f.scopes, "scope", nil, "`SCOPE` to request; repeatable (default: the scopes that the server names)")
	flags.StringVar(&f.redirectURL, "redirect-url", "", "redirect `URL` of the registered application (default: one on 127.0.0.1)")
	flags.BoolVar(&f.noResource, "no-resource", false, "leave out the resource parameter, for an authorization server that rejects it")
	flags.BoolVar(&f.noPKCEMetadata, "insecure-no-pkce-metadata", false, "accept an authorization server whose metadata does not say that it supports PKCE")
	flags.BoolVar(&f.legacyDiscovery, "insecure-legacy-discovery", false, "look for the authorization server at the server's origin (MCP 2025-03-26)")
}

// client returns the flags of registerClient that are set, for a command that the
// user should run next.
func (f *connectFlags) client() []string {
	var words []string
	for _, flag := range []field{
		{"client-id", f.clientID}, {"client-secret-file", f.secretFile}, {"issuer", f.issuer}, {"client-metadata-url", f.metadataURL}, {"redirect-url", f.redirectURL},
	} {
		if flag.value != "" {
			words = append(words, "--"+flag.name, flag.value)
		}
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"no-resource", f.noResource}, {"insecure-no-pkce-metadata", f.noPKCEMetadata}, {"insecure-legacy-discovery", f.legacyDiscovery}} {
		if flag.set {
			words = append(words, "--"+flag.name)
		}
	}
	return words
}

// A preparation is what a consent begins with.
type preparation struct {
	connector *connect.Connector
	target    target // bound to the issuer that is named
	ask       connect.Ask
	issuer    string
}

// prepare chooses the authorization server and the client for a target. found,
// if not nil, is called with a discovered authorization server before it is sent
// anything.
func (a *app) prepare(ctx context.Context, store *oauthstore.Store, t target, f *connectFlags, found func(issuer string)) (preparation, error) {
	p := preparation{ask: connect.Ask{Account: t.key.Account, ServerURL: t.key.Server, Scopes: f.scopes, RedirectURL: f.redirectURL}, issuer: f.issuer}
	if f.issuer != "" {
		if err := t.bind(f.issuer); err != nil {
			return p, err
		}
	}
	if f.issuer != "" && f.legacyDiscovery {
		return p, usagef("--issuer and --insecure-legacy-discovery exclude each other")
	}
	o := &t.provider.OAuth
	o.NoResource = o.NoResource || f.noResource
	o.NoRefreshResource = o.NoRefreshResource && !o.NoResource
	o.InsecureNoPKCEMetadata = o.InsecureNoPKCEMetadata || f.noPKCEMetadata
	o.InsecureLegacyDiscovery = o.InsecureLegacyDiscovery || f.legacyDiscovery
	p.target = t
	opts, app, err := a.connectOptions(store, t, f)
	if err != nil {
		return p, err
	}
	if p.connector, err = connect.New(store, opts); err != nil {
		return p, faultf(mcptools.KindMisconfigured, "%s", message(err))
	}
	if app == nil && !f.machine && needsApplication(t.provider, f) {
		if err := p.connector.Check(ctx, t.provider, t.key.Owner, &p.ask); connect.KindOf(err) == connect.KindNoClient {
			return p, err
		}
	}
	if p.issuer == "" {
		if p.issuer, err = p.connector.Issuer(ctx, t.provider, t.key.Owner, &p.ask); err != nil {
			return p, err
		}
		if err := a.sameIssuer(ctx, store, t.key, p.issuer); err != nil {
			return p, err
		}
		if found != nil {
			found(p.issuer)
		}
	}
	if app != nil {
		// From here on the client is bound to the server and its issuer.
		app.Issuer = p.issuer
		opts.Apps = connect.Apps{*app}
		if p.connector, err = connect.New(store, opts); err != nil {
			return p, faultf(mcptools.KindMisconfigured, "%s", message(err))
		}
	}
	return p, nil
}

// needsApplication reports whether the vendor admits only applications that a
// person registers, so that a consent without one fails before any request.
func needsApplication(p providers.Provider, f *connectFlags) bool {
	return slices.ContainsFunc(p.Ways, func(w providers.Way) bool {
		return w.Kind == providers.WayOAuth &&
			(w.Registration == providers.RegistrationPaused || w.Registration == providers.RegistrationManual && f.metadataURL == "")
	})
}

// connect obtains the credential and prints the events.
func (a *app) connect(ctx context.Context, store *oauthstore.Store, t target, f connectFlags) error {
	p, err := a.prepare(ctx, store, t, &f, func(issuer string) {
		if a.global.json {
			a.print(issuerEvent{"issuer", issuer}, nil)
		} else {
			a.notef("Authorization server: %s", issuer)
		}
	})
	if err != nil {
		return a.orNotNeeded(ctx, t, err)
	}
	var result connect.Result
	if f.machine {
		result, err = p.connector.ClientCredentials(ctx, p.target.provider, t.key.Owner, &p.ask)
	} else {
		result, err = a.consent(ctx, p.connector, p.target, &p.ask, f, p.issuer)
	}
	if err != nil {
		return err
	}
	if v := result.Status.Verdict; v.Outcome == oauthstore.OutcomeRefused {
		return &oauthstore.Error{Op: "connect", Key: t.key, Reason: v.Reason, Said: v.Detail, Err: oauthstore.ErrRefused}
	}
	view := viewOf(result.Status)
	if result.Warning != "" && view.Warning == nil { // the status has that one
		a.notef("warning: %s", result.Warning)
	}
	a.print(connectedEvent{"connected", view}, func(w io.Writer) {
		head := a.ui.good.Render("Connected.")
		if view.VerifiedAt == nil {
			head = a.ui.warn.Render("Connected, but not verified.")
		}
		_, _ = io.WriteString(w, head+"\n\n")
		a.ui.status(w, view)
		if view.Warning != nil {
			a.ui.commands(w, []string{a.again("doctor", text(a.subject.Load()))})
		}
	})
	return nil
}

// orNotNeeded returns err, or a better one for a server outside the catalogue
// that needs no credential.
func (a *app) orNotNeeded(ctx context.Context, t target, err error) error {
	if kind := connect.KindOf(err); !t.custom || kind == connect.KindUnavailable || kind == "" || a.askOpen(ctx, t).Outcome != mcpprobe.Accepted {
		return err
	}
	f := faultf(mcptools.KindUnsupported, "%s needs no sign-in: its server lists its tools for anyone. Use it without connecting: %s",
		t.key.Provider, a.again("entry", text(a.subject.Load())))
	f.Action = mcptools.ActionNone
	return f
}

// sameIssuer returns an error if the stored credential comes from another
// authorization server than issuer.
func (a *app) sameIssuer(ctx context.Context, store *oauthstore.Store, key oauthstore.Key, issuer string) error {
	st, err := store.Status(ctx, key)
	before := st.Provenance.Issuer
	switch {
	case errors.Is(err, oauthstore.ErrNotFound), errors.Is(err, backend.ErrKeyUnavailable):
		return nil
	case err != nil:
		return err
	case before == "" || issuers.Same(before, issuer):
		return nil
	}
	return &issuerChangedError{issuer, faultf(kindUntrustedMetadata,
		"%s now names the authorization server %s, but was connected with %s: if the change is legitimate, add --issuer %s", key.Provider, issuer, before, quote(issuer))}
}

// An issuerChangedError is a stored credential of another authorization server
// than the one that the server names now.
type issuerChangedError struct {
	issuer string
	*fault
}

// Unwrap returns the fault.
func (e *issuerChangedError) Unwrap() error { return e.fault }

// bind sets the target's authorization server.
func (t *target) bind(issuer string) error {
	p, err := t.provider.WithIssuer(t.key.Server, issuer)
	if err != nil {
		return usagef("--issuer: %s", message(err))
	}
	t.provider = p
	return nil
}

// connectOptions returns the options to connect a target, and the registered
// client that the flags name; nil if they name none.
func (a *app) connectOptions(store *oauthstore.Store, t target, f *connectFlags) (*connect.Options, *connect.App, error) {
	b, err := mcptools.NewBuilder(t.provider, store, &mcptools.Options{InsecureAllowLoopback: a.global.allowLoopback})
	if err != nil {
		return nil, nil, faultf(mcptools.KindMisconfigured, "%s", message(err))
	}
	o := &connect.Options{
		ClientMetadataURL: f.metadataURL, ClientName: "toolgrant", Verify: b.Verifier(),
		InsecureAllowLoopback: a.global.allowLoopback,
	}
	if f.secretFile != "" && f.clientID == "" {
		return nil, nil, usagef("--client-secret-file needs --client-id")
	}
	if f.machine && (f.clientID == "" || f.secretFile == "") {
		return nil, nil, usagef("--client-credentials needs --client-id and --client-secret-file")
	}
	if f.clientID == "" {
		return o, nil, nil
	}
	app := &connect.App{Servers: []string{t.key.Server}, ID: f.clientID, Keep: true}
	if t.key.Server == "" {
		app.Servers, app.Providers = nil, []string{t.provider.ID} // one of OpenAI's connectors
	}
	if f.secretFile != "" {
		secret, err := a.readInput(f.secretFile)
		if err != nil {
			return nil, nil, err
		}
		app.Secret = oauthstore.NewSecret(oneLine(secret))
	}
	return o, app, nil
}

// connectKinds maps the kinds of package connect that the command does not print
// to those that it prints.
var connectKinds = map[connect.Kind]mcptools.Kind{
	connect.KindNoClient:       mcptools.KindMisconfigured,
	connect.KindRefused:        mcptools.KindReauthorize,
	connect.KindRejected:       mcptools.KindUnauthorized,
	connect.KindTooManySteps:   mcptools.KindForbidden,
	connect.KindClientReplaced: mcptools.KindReauthorize,
	connect.KindStateUnknown:   kindUsage,
	connect.KindStateUsed:      kindUsage,
	connect.KindWrongBrowser:   kindUsage,
	connect.KindWrongOwner:     kindUsage,
	connect.KindExpired:        kindCallbackTimeout,
}

// remedyWords are the remedies of package connect as flags of the command.
var remedyWords = map[connect.Remedy]string{
	connect.RemedyClient:          "Register an application there and pass its --client-id (and --client-secret-file)",
	connect.RemedyRedirect:        "Pass a redirect URL that the authorization server accepts, such as --redirect-url http://localhost:41617/callback",
	connect.RemedyScopes:          "Name the scopes to request with --scope",
	connect.RemedyIssuer:          "If you know the authorization server of this server, name it with --issuer",
	connect.RemedyNoResource:      "If the authorization server does not support resource indicators, add --no-resource",
	connect.RemedyNoPKCEMetadata:  "If you know that the authorization server supports PKCE with S256, add --insecure-no-pkce-metadata",
	connect.RemedyLegacyDiscovery: "For a server that takes a key, use 'toolgrant import'. If you know the authorization server, name it with --issuer and --client-id. If the server is its own authorization server (MCP 2025-03-26), add --insecure-legacy-discovery",
}

// connectFault returns the fault for an error of package connect.
func connectFault(e *connect.Error) *fault {
	kind, ok := connectKinds[e.Kind]
	if !ok {
		kind = mcptools.Kind(e.Kind)
	}
	text := first(e.Detail, message(e))
	switch {
	case e.Detail == "" && e.Err != nil:
		text = message(e.Err)
	case e.Key.Provider != "":
		text = e.Key.Provider + ": " + text
	}
	if words := remedyWords[e.Remedy]; words != "" {
		text += ". " + words
	}
	if e.Said != "" {
		text += ". The server said: " + e.Said
	}
	if e.Obtain != "" {
		text += ". " + e.Obtain
	}
	f := faultf(kind, "%s", text)
	if e.Kind == connect.KindRejected {
		f.Action = mcptools.ActionReconnect // there is nothing to refresh
		if s, ok := errors.AsType[*oauthstore.Error](e.Err); ok {
			why := faultOf(s) // the reason for the rejection
			f.Kind, f.Action = why.Kind, why.Action
		}
	}
	return f
}
