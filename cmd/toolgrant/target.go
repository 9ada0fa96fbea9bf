package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A target is a server that the command line names, with the key of the owner's
// credential for it.
type target struct {
	provider providers.Provider
	key      oauthstore.Key
	given    bool  // the URL is on the command line
	custom   bool  // the server is not in the catalogue
	fault    error // why no entry can be built for that server; nil if one can
}

// split splits PROVIDER or LABEL=URL. The URL may also come from --server-url;
// it is "" if there is none. A URL alone gets its label from the catalogue or
// from its host.
func (a *app) split(text string) (label, serverURL string, err error) {
	label, serverURL, given := strings.Cut(text, "=")
	if isURL(text) {
		label, serverURL, given = labelOf(text), text, true
	}
	switch {
	case label == "":
		return "", "", usagef("%q needs a provider or label", text)
	case given && serverURL == "":
		return "", "", usagef("%q needs a URL after the =", text)
	case given && a.global.serverURL != "" && a.global.serverURL != serverURL:
		return "", "", usagef("%s=URL and --server-url differ: pass one of them", label)
	case !given:
		serverURL = a.global.serverURL
	}
	return label, serverURL, nil
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

// labelOf returns a label for a server URL: the id of its catalogue entry, else
// the name in its host, such as "example" for mcp.example.com.
func labelOf(serverURL string) string {
	if p, ok := providers.ByURL(serverURL); ok && p.Retired == "" {
		return p.ID
	}
	u, err := url.Parse(serverURL)
	if err != nil {
		return ""
	}
	host := u.Hostname()
	if net.ParseIP(host) != nil {
		return "ip-" + strings.NewReplacer(".", "-", ":", "-").Replace(host)
	}
	names := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
	if len(names) > 1 {
		names = names[:len(names)-1] // the top-level domain
	}
	for len(names) > 1 && slices.Contains([]string{"co", "com", "org", "net", "ac", "gov"}, names[len(names)-1]) {
		names = names[:len(names)-1]
	}
	label := names[len(names)-1]
	if label == "" || label[0] < 'a' || label[0] > 'z' {
		return "host-" + label
	}
	return label
}

// resolve returns the target that PROVIDER names. A label that the owner has
// connected or imported stands for its stored URL; an ambiguous label is an error.
func (a *app) resolve(ctx context.Context, store *oauthstore.Store, text string) (target, error) {
	label, serverURL, err := a.split(text)
	if err != nil {
		return target{}, err
	}
	given := serverURL != ""
	if isURL(text) {
		if label, err = a.labelAt(ctx, store, label, serverURL); err != nil {
			return target{}, err
		}
	}
	if !given {
		if serverURL, err = a.remembered(ctx, store, label); err != nil {
			return target{}, err
		}
	}
	t := target{given: given, key: oauthstore.Key{Owner: a.global.owner, Provider: label, Account: a.global.account, Server: serverURL}}
	t.provider, t.custom, t.fault = providerAt(label, serverURL)
	if _, unknown := errors.AsType[*unknownProviderError](t.fault); unknown {
		return target{}, t.fault
	}
	if a.global.transport != "" {
		if !t.custom {
			return target{}, usagef("--transport is only for servers outside the catalogue, and %s is in it", t.provider.Name)
		}
		t.provider.Transport = transports[a.global.transport]
	}
	if serverURL == "" {
		if t.key.Server, err = t.provider.ServerURL(""); err != nil {
			t.fault = unusableFault(t.provider, err)
		}
	}
	if err := t.key.Validate(); err != nil {
		return target{}, usagef("%s", message(err))
	}
	if t.custom {
		t.addStoredTakes(ctx, store)
	}
	return t, nil
}

// labelAt returns the label under which the owner has a credential for that URL;
// label if there is no such credential, or several.
func (a *app) labelAt(ctx context.Context, store *oauthstore.Store, label, serverURL string) (string, error) {
	all, err := store.List(ctx, a.global.owner)
	if err != nil {
		return "", err
	}
	var labels []string
	for _, s := range all {
		if s.Key.Server == serverURL && !slices.Contains(labels, s.Key.Provider) {
			labels = append(labels, s.Key.Provider)
		}
	}
	if len(labels) == 1 {
		return labels[0], nil
	}
	return label, nil
}

// takes records that the server accepts those kinds of token.
func (t *target) takes(kinds ...providers.TokenKind) {
	for i := range t.provider.Ways {
		if w := &t.provider.Ways[i]; w.Kind != providers.WayNone {
			w.Takes = append(w.Takes, kinds...)
		}
	}
}

// addStoredTakes applies --takes of the import, which is stored with the credential.
func (t *target) addStoredTakes(ctx context.Context, store *oauthstore.Store) {
	if st, err := store.Status(ctx, t.key); err == nil && st.Provenance.TokenKind != "" {
		t.takes(providers.TokenKind(st.Provenance.TokenKind))
	}
}

// addTakes applies --takes: the kinds of token that the user knows a server outside
// the catalogue to accept.
func (t *target) addTakes(kinds []string) error {
	if len(kinds) > 0 && !t.custom {
		return usagef("--takes is only for servers outside the catalogue, and %s is in it", t.provider.Name)
	}
	for _, kind := range kinds {
		t.takes(providers.TokenKind(kind))
		if t.provider.Validate() != nil {
			return usagef("--takes %q: unknown kind of token; the message that refuses a token names its kind", kind)
		}
	}
	return nil
}

// refuse returns an error for a token that by its format belongs to another
// vendor than a server outside the catalogue. way may be "".
func (t *target) refuse(way, token string) error {
	if !t.custom {
		return nil
	}
	if way == "" {
		way = t.provider.WayOf(token).ID
	}
	_, err := t.provider.CheckToken(way, token)
	wrong, ok := errors.AsType[*providers.WrongTokenError](err)
	if r := wrong; !ok || r.Recognized.Kind == "" || r.Recognized.JWT != nil && r.Recognized.Never == "" {
		return nil // package connect checks JWTs, which may have expired and be refreshed
	}
	return faultf(mcptools.KindWrongTokenKind, "%s It was not sent. If the server accepts such tokens, add --takes %s", wrong.Detail, wrong.Recognized.Kind)
}

// resolveNew is like resolve for commands that create a credential: an unknown
// label is wrong usage.
func (a *app) resolveNew(ctx context.Context, store *oauthstore.Store, text string) (target, error) {
	t, err := a.resolve(ctx, store, text)
	if u, ok := errors.AsType[*unknownProviderError](err); ok {
		return t, u.fault(kindUsage)
	}
	return t, err
}

// remembered returns the URL stored for a bare label; "" if there is none.
func (a *app) remembered(ctx context.Context, store *oauthstore.Store, label string) (string, error) {
	all, err := store.List(ctx, a.global.owner)
	if err != nil {
		return "", err
	}
	var known, fits []oauthstore.Key
	for _, s := range all {
		if s.Key.Provider != label {
			continue
		}
		known = append(known, s.Key)
		if !a.global.given("account") || s.Key.Account == a.global.account {
			fits = append(fits, s.Key)
		}
	}
	if len(fits) == 0 {
		// Another account: use its URL if all accounts have the same one.
		fits = slices.CompactFunc(known, func(x, y oauthstore.Key) bool { return x.Server == y.Server })
	}
	switch len(fits) {
	case 0:
		return "", nil
	case 1:
		return fits[0].Server, nil
	}
	return "", ambiguous(label, fits)
}

// ambiguous returns an error that lists the credentials of a bare label.
func ambiguous(label string, keys []oauthstore.Key) error {
	all := []any{label}
	for _, k := range keys {
		s := quote(label + "=" + k.Server)
		if k.Account != "" {
			s += " --account " + quote(k.Account)
		} else {
			s += ` --account ""`
		}
		all = append(all, s)
	}
	return faultf(mcptools.KindMisconfigured, "%s is ambiguous, pass one of these:"+strings.Repeat("\n  %s", len(keys)), all...)
}

// providerAt returns the provider that a label and a URL name, whether it is
// outside the catalogue, and why it can't be used. A URL of a catalogue entry
// selects that entry under any label; any other URL is a custom server.
func providerAt(label, serverURL string) (p providers.Provider, custom bool, err error) {
	byID, inCatalogue := providers.Lookup(label)
	if serverURL == "" {
		if !inCatalogue {
			return providers.Provider{}, false, &unknownProviderError{label}
		}
		return byID, false, nil
	}
	if inCatalogue {
		if _, err := byID.ServerURL(serverURL); err == nil {
			return byID, false, nil
		}
	}
	p, ok := providers.ByURL(serverURL)
	if ok {
		p.ID, p.Label = label, ""
		_, err = p.ServerURL(serverURL)
	} else {
		p = providers.Custom(label, serverURL, nil)
	}
	if err == nil {
		err = p.Validate()
	}
	if err != nil {
		return p, !ok, unusableFault(p, err)
	}
	return p, !ok, nil
}

// unusableFault returns the fault for a provider or URL that no entry can use. For
// a retired provider the next step is its replacement.
func unusableFault(p providers.Provider, err error) *fault {
	f := faultf(mcptools.KindMisconfigured, "%s", message(err))
	if p.Retired != "" && p.ReplacedBy != "" {
		f.next = "toolgrant providers " + p.ReplacedBy
	}
	return f
}

// An unknownProviderError is a label that neither the catalogue nor the owner has.
type unknownProviderError struct{ label string }

func (e *unknownProviderError) Error() string {
	text := "unknown provider " + strconv.Quote(e.label) + ": "
	if ids := nearest(e.label); len(ids) > 0 {
		return text + "did you mean " + or(ids) + "? For a server outside the catalogue, pass LABEL=URL"
	}
	return text + "see 'toolgrant providers', or pass LABEL=URL"
}

// fault returns a fault of a kind with the next step.
func (e *unknownProviderError) fault(kind mcptools.Kind) *fault {
	f := faultf(kind, "%s", e.Error())
	if f.next = "toolgrant connect " + e.label + "=URL"; len(nearest(e.label)) > 0 {
		f.next = "toolgrant connect " + nearest(e.label)[0]
	}
	return f
}

// kind returns wrong usage for a label that resembles an id of the catalogue. Any
// other label is one that the owner has not connected.
func (e *unknownProviderError) kind() mcptools.Kind {
	if len(nearest(e.label)) > 0 {
		return kindUsage
	}
	return mcptools.KindNotConnected
}

// usable returns an error for a server that no entry can use, and for loopback
// and plain http without --allow-loopback.
func (a *app) usable(t target) error {
	if t.fault != nil {
		return t.fault
	}
	return a.reachable(t)
}

// reachable returns an error for loopback and plain http without
// --allow-loopback.
func (a *app) reachable(t target) error {
	if a.global.allowLoopback || t.key.Server == "" {
		return nil
	}
	u, err := url.Parse(t.key.Server)
	if err != nil {
		return faultf(mcptools.KindMisconfigured, "invalid server URL")
	}
	if isLoopback(u) {
		return faultf(mcptools.KindMisconfigured, "%s is on loopback or plain http: add --allow-loopback to allow that for tests", t.key.Provider)
	}
	return nil
}

// isLoopback reports whether a URL needs --allow-loopback.
func isLoopback(u *url.URL) bool { return u.Scheme == "http" || safehttp.IsLoopback(u.Hostname()) }
