package main

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// loopbackRedirect is the redirect URL of connect without --redirect-url.
const loopbackRedirect = "http://127.0.0.1:41617/callback"

// A diagnosis is one run of doctor.
type diagnosis struct {
	a         *app
	flags     connectFlags
	tokenFile string
	target    target
	examined  doctor.Case
	report    doctor.Report
	changed   string         // the authorization server that replaced the one of the stored credential; ""
	remedy    connect.Remedy // a setting with which a consent may begin
}

// checkConsent returns why connect, with the same flags, would fail before the
// user's consent.
func (d *diagnosis) checkConsent(ctx context.Context, store *oauthstore.Store) error {
	if err := d.a.usable(d.target); err != nil {
		return asConsentError(err)
	}
	p, err := d.a.prepare(ctx, store, d.target, &d.flags, nil)
	if changed, ok := errors.AsType[*issuerChangedError](err); ok {
		d.changed = changed.issuer
	}
	if err != nil {
		return d.noted(asConsentError(err))
	}
	ask := p.ask
	ask.RedirectURL = first(ask.RedirectURL, loopbackRedirect)
	return d.noted(p.connector.Check(ctx, p.target.provider, d.target.key.Owner, &ask))
}

// noted returns err, and keeps its remedy for the advice.
func (d *diagnosis) noted(err error) error {
	if e, ok := errors.AsType[*connect.Error](err); ok {
		d.remedy = e.Remedy
	}
	return err
}

// asConsentError returns a fault of the command as an error of package connect.
func asConsentError(err error) error {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		return err
	}
	return &connect.Error{Op: "check", Kind: connect.KindUntrusted, Detail: f.Message, Err: err}
}

// subject returns PROVIDER as the user typed it.
func (d *diagnosis) subject() string { return text(d.a.subject.Load()) }

// connectLine returns the command that connects with the flags of this run.
func (d *diagnosis) connectLine(more ...string) string {
	words := append([]string{"connect", d.subject()}, d.flags.client()...)
	if len(more) == 0 || more[0] != "--scope" {
		for _, s := range d.flags.scopes {
			words = append(words, "--scope", s)
		}
	}
	return d.a.again(append(words, more...)...)
}

// doctorLine returns the command that examines again.
func (d *diagnosis) doctorLine(more ...string) string {
	words := append([]string{"doctor", d.subject()}, d.flags.client()...)
	return d.a.again(append(words, more...)...)
}

// importLine returns the command that imports a key from stdin.
func (d *diagnosis) importLine() string {
	return d.a.again("import", d.subject(), "--token-file", "-")
}

// advice returns what to do about the cause, in words that need no knowledge of
// OAuth, and the commands that do it. It returns no command if none helps.
func (d *diagnosis) advice() (sentences, commands []string) {
	r := d.report
	switch {
	case r.Verdict == doctor.VerdictOK:
		return nil, nil
	case r.Cause == "expired" && r.Action == mcptools.ActionRefresh && d.expired():
		return []string{"The token has expired. It can be renewed without the user."}, []string{d.a.again("token", d.subject())}
	case r.Cause == "expired" && r.Action == mcptools.ActionRefresh && d.examined.Status.Verdict.Outcome != oauthstore.OutcomeAccepted:
		return []string{"The server says that the token has expired. The next use renews it."}, []string{d.a.again("entry", d.subject())}
	}
	switch r.Cause {
	case "private_address":
		return d.privateAddress()
	case "wrong_endpoint":
		return d.wrongEndpoint()
	case "unreachable":
		return []string{"No command of toolgrant can make the server respond. Check its URL, or ask its operator. Then examine it again."}, []string{d.doctorLine()}
	case "rate_limited", "server_error":
		return []string{"The server has to recover by itself. Wait a few minutes, then examine it again."}, []string{d.doctorLine()}
	case "no_metadata":
		return d.noMetadata()
	case "no_registration":
		return d.noRegistration()
	case "untrusted_metadata":
		return d.untrusted()
	case "scope_missing":
		return d.scopeMissing()
	case "address_blocked":
		return []string{"No command of toolgrant can lift a block. Ask the vendor's or workspace's administrator to allow OpenAI's addresses, or the access of this application."}, nil
	case "forbidden":
		return []string{"No command of toolgrant can lift this. Ask the vendor's or workspace's administrator whether the account and this application may use the server."}, nil
	case "no_tools":
		return []string{"The server works but offers nothing. No command of toolgrant can change that: check the account's permissions and the server's settings at the vendor."}, nil
	case "tool_limits":
		return []string{"OpenAI rejects a tool with such a name. No command of toolgrant can rename it: ask the server's operator, and until then offer only the tools that you need, each with --allow NAME."}, nil
	case "lists_for_anyone":
		return []string{"Nothing has to be fixed: only the call of a tool shows whether the server accepts the token."}, nil
	case "misconfigured":
		return []string{"OpenAI would refuse this entry. The reason above names the setting to change."}, nil
	case "openai":
		return []string{"The cause is at OpenAI. Wait, then try again."}, nil
	case "":
		return []string{"The examination found no cause. Wait a few minutes, then examine it again."}, []string{d.doctorLine()}
	}
	return d.newCredential()
}

// expired reports whether the examined token has expired by the clock.
func (d *diagnosis) expired() bool {
	t := d.examined.Token
	return t != nil && !t.Expiry.IsZero() && time.Until(t.Expiry) <= 0
}

// newCredential is the advice for a missing or useless credential.
func (d *diagnosis) newCredential() (sentences, commands []string) {
	lead := map[string]string{
		"not_connected":   "There is no credential yet.",
		"expired":         "The token has expired and can't be renewed.",
		"revoked":         "The access was revoked.",
		"reauth_required": "The access is no longer valid.",
		"wrong_audience":  "The token is for another service.",
		"unauthorized":    "The server does not accept the token.",
	}[d.report.Cause]
	if d.report.Cause == "wrong_token_kind" {
		lead = "The token is of another kind than the server takes."
	}
	switch {
	case d.usesKey():
		return []string{lead + " " + obtainKey(d.target.provider) + " Then pass it on stdin."}, []string{d.importLine()}
	case d.report.Consent == doctor.ConsentUnknown && d.report.Action == mcptools.ActionWait:
		return []string{lead + " Users can't sign in now, since the sign-in server does not respond. Wait a few minutes, then examine it again."}, []string{d.doctorLine()}
	case d.report.Consent == doctor.ConsentPossible, d.report.Consent == doctor.ConsentUnknown:
		return []string{lead + " Sign in at the vendor and allow the access."}, []string{d.connectLine()}
	case d.report.Consent == doctor.ConsentNotNeeded:
		return []string{lead + " The server needs none: disconnect this one, and use the server without it."},
			[]string{d.a.again("disconnect", d.subject())}
	}
	sentences, commands = d.noConsent()
	return append([]string{lead + " A new sign-in would fail: " + d.report.ConsentReason}, sentences...), commands
}

// noConsent is the advice for a consent that can't begin.
func (d *diagnosis) noConsent() (sentences, commands []string) {
	at := func(id string) bool {
		return slices.ContainsFunc(d.report.Hypotheses, func(h doctor.Hypothesis) bool { return h.ID == id && h.Verdict == doctor.Confirmed })
	}
	switch {
	case at("no_metadata"):
		return d.noMetadata()
	case at("no_registration"):
		return d.noRegistration()
	}
	return d.untrusted()
}

// usesKey reports whether the credential is, or has to be, a key.
func (d *diagnosis) usesKey() bool {
	if t := d.examined.Token; t != nil && d.tokenFile == "" {
		way, ok := d.target.provider.Way(t.Provenance.Way)
		return ok && way.Kind == providers.WayKey && d.report.Consent != doctor.ConsentPossible
	}
	return !slices.ContainsFunc(d.target.provider.Ways, func(w providers.Way) bool { return w.Kind == providers.WayOAuth })
}

// obtainKey returns where a key for a provider comes from, as a sentence.
func obtainKey(p providers.Provider) string {
	for _, w := range p.Ways {
		if w.Kind == providers.WayKey && w.Obtain != "" && p.Vendor != "" {
			return strings.TrimSuffix(w.Obtain, ".") + "."
		}
	}
	return "Get a key from the vendor."
}

func (d *diagnosis) noMetadata() (sentences, commands []string) {
	sentences = []string{
		"The server wants a token and does not say where it comes from. If the vendor gave you a key, pass it on stdin.",
		"If the vendor has a sign-in (OAuth), register an application there and name both: " + d.connectLine("--client-id", "ID", "--issuer", "URL"),
	}
	if d.remedy == connect.RemedyLegacyDiscovery {
		sentences = append(sentences, "If the server has a sign-in of its own (MCP 2025-03-26): "+d.connectLine("--insecure-legacy-discovery"))
	}
	return sentences, []string{d.importLine()}
}

func (d *diagnosis) noRegistration() (sentences, commands []string) {
	return []string{
		"A person must register an application at the vendor once, with the redirect URL " + first(d.flags.redirectURL, loopbackRedirect) +
			"; no command can do that. Then pass the id that the vendor shows: " + d.connectLine("--client-id", "ID", "--redirect-url", first(d.flags.redirectURL, loopbackRedirect)),
	}, nil
}

func (d *diagnosis) untrusted() (sentences, commands []string) {
	if d.changed != "" {
		return []string{"The server now sends users to another place to sign in. If its operator announced " + d.changed + ", connect again."},
			[]string{d.connectLine("--issuer", d.changed)}
	}
	if d.remedy == connect.RemedyNoPKCEMetadata {
		return []string{
			"The sign-in does not say that it has a protection against stolen codes (PKCE), so nothing is sent there. Only its operator can fix that; no command of toolgrant can. " +
				"If you know that it has the protection, accept it: " + d.connectLine("--insecure-no-pkce-metadata"),
		}, nil
	}
	return []string{
		"The addresses that the server publishes for its sign-in do not fit together, or lack a protection, so nothing is sent there. " +
			"Only the server's operator can fix that; no command of toolgrant can.",
	}, nil
}

func (d *diagnosis) scopeMissing() (sentences, commands []string) {
	if d.report.Consent == doctor.ConsentImpossible {
		return d.newCredential()
	}
	var words []string
	scopes := slices.Concat(d.examined.Token.Provenance.ScopesAsked, d.examined.Token.Provenance.ScopesGranted, strings.Fields(d.report.Scope))
	slices.Sort(scopes)
	for _, s := range slices.Compact(scopes) {
		words = append(words, "--scope", s)
	}
	return []string{"The access does not include everything that the server needs. Connect again and allow all that is asked."}, []string{d.connectLine(words...)}
}

func (d *diagnosis) privateAddress() (sentences, commands []string) {
	if u, err := url.Parse(d.report.ServerURL); err == nil && !d.a.global.allowLoopback && isLoopback(u) {
		return []string{"The address is on this machine. That is for tests only, and has to be allowed."}, []string{d.doctorLine("--allow-loopback")}
	}
	return []string{"OpenAI reaches public addresses only. No command of toolgrant can change that: give the server a public https address."}, nil
}

func (d *diagnosis) wrongEndpoint() (sentences, commands []string) {
	p := d.target.provider
	if p.Retired != "" && p.ReplacedBy != "" {
		return []string{"This entry is retired. Use the one that replaces it."}, []string{d.a.again("connect", p.ReplacedBy)}
	}
	if !d.target.custom {
		if own, err := p.ServerURL(""); err == nil && own != d.report.ServerURL {
			if known, ok := providers.Lookup(p.ID); ok {
				return []string{"Use the URL " + own + " of the catalogue."}, []string{d.a.again("connect", known.ID)}
			}
		}
	}
	if d.report.MovedTo != "" {
		label, _, _ := strings.Cut(d.subject(), "=")
		line := append([]string{"connect", label + "=" + d.report.MovedTo}, d.flags.client()...)
		return []string{"The server has moved to another path. Use that URL, and connect there."}, []string{d.a.again(line...)}
	}
	return []string{"There is no MCP server at this URL that OpenAI can use, and no command can make one: ask the vendor for the URL of its MCP server. It often ends in /mcp."}, nil
}
