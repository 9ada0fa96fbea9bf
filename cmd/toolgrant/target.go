package main

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A target is what PROVIDER names on the command line: a server, and which of
// the owner's credentials for it.
type target struct {
	provider providers.Provider
	key      oauthstore.Key
	given    bool  // the URL stands on the command line
	custom   bool  // the catalogue does not have the server
	fault    error // why no entry can be built for that server; nil if one can
}

// split takes PROVIDER or LABEL=URL apart. The URL may also come from
// --server-url; it is "" where none is given.
func (a *app) split(text string) (label, serverURL string, err error) {
	label, serverURL, given := strings.Cut(text, "=")
	switch {
	case label == "":
		return "", "", usagef("which provider? %q has no name", text)
	case given && serverURL == "":
		return "", "", usagef("%q has no URL after its =", text)
	case given && a.global.serverURL != "" && a.global.serverURL != serverURL:
		return "", "", usagef("%s and --server-url name two URLs", label)
	case !given:
		serverURL = a.global.serverURL
	}
	return label, serverURL, nil
}

// resolve finds out which credential PROVIDER names. A label that the owner
// has connected or imported remembers its URL; where that leaves a choice,
// nothing is chosen.
func (a *app) resolve(ctx context.Context, store *oauthstore.Store, text string) (target, error) {
	label, serverURL, err := a.split(text)
	if err != nil {
		return target{}, err
	}
	given := serverURL != ""
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
	if serverURL == "" {
		if t.key.Server, err = t.provider.ServerURL(""); err != nil {
			t.fault = faultf(mcptools.KindMisconfigured, "%s", message(err))
		}
	}
	if err := t.key.Validate(); err != nil {
		return target{}, usagef("%s", message(err))
	}
	if t.custom {
		// What --takes said at import holds for as long as the credential does.
		if st, err := store.Status(ctx, t.key); err == nil && st.Provenance.TokenKind != "" {
			t.takes(providers.TokenKind(st.Provenance.TokenKind))
		}
	}
	return t, nil
}

// takes notes that the server takes those kinds of token, whosever they are.
func (t *target) takes(kinds ...providers.TokenKind) {
	for i := range t.provider.Ways {
		if w := &t.provider.Ways[i]; w.Kind != providers.WayNone {
			w.Takes = append(w.Takes, kinds...)
		}
	}
}

// addTakes is --takes: what the user says that a server outside the catalogue
// takes.
func (t *target) addTakes(kinds []string) error {
	if len(kinds) > 0 && !t.custom {
		return usagef("--takes is for servers outside the catalogue, and %s is in it", t.provider.Name)
	}
	for _, kind := range kinds {
		t.takes(providers.TokenKind(kind))
		if t.provider.Validate() != nil {
			return usagef("--takes: there is no kind of token %q; the message that refuses a token names its kind", kind)
		}
	}
	return nil
}

// refuse refuses a token for a server outside the catalogue that is, by its
// shape, for something else. way may be "".
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
		return nil // package connect judges JWTs, which may have expired and be refreshed
	}
	return faultf(mcptools.KindWrongTokenKind, "%s It was sent nowhere. If the server takes such tokens, add --takes %s", wrong.Sentence, wrong.Recognized.Kind)
}

// resolveNew is resolve for commands that make a credential: a label that
// nobody knows is wrong usage there.
func (a *app) resolveNew(ctx context.Context, store *oauthstore.Store, text string) (target, error) {
	t, err := a.resolve(ctx, store, text)
	if u, ok := errors.AsType[*unknownProviderError](err); ok {
		return t, usagef("%s", u.Error())
	}
	return t, err
}

// remembered returns the one URL that the owner has under a bare label, or "".
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
		if !a.global.accountGiven() || s.Key.Account == a.global.account {
			fits = append(fits, s.Key)
		}
	}
	if len(fits) == 0 {
		// Of these only the URL is remembered, if there is but one.
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

// ambiguous lists what a bare label may mean.
func ambiguous(label string, keys []oauthstore.Key) error {
	var all []string
	for _, k := range keys {
		s := label + "=" + k.Server
		if k.Account != "" {
			s += " --account " + k.Account
		} else {
			s += ` --account ""`
		}
		all = append(all, s)
	}
	return faultf(mcptools.KindMisconfigured, "%s may be any of these, say which:\n  %s", label, strings.Join(all, "\n  "))
}

// providerAt returns what is known of the server that a label and a URL name,
// whether the catalogue lacks it, and what is wrong with it. Facts of the catalogue hold for a URL that is one
// of a provider's, whatever the label; any other URL is a server of its own.
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
		return p, !ok, faultf(mcptools.KindMisconfigured, "%s", message(err))
	}
	return p, !ok, nil
}

// An unknownProviderError is a label that neither the catalogue nor the owner has.
type unknownProviderError struct{ label string }

func (e *unknownProviderError) Error() string {
	return "there is no provider " + strconv.Quote(e.label) + ": see 'toolgrant providers', or give LABEL=URL"
}

// usable refuses a server that no entry can have, and what is only for tests
// unless --allow-loopback is given, before anything is sent.
func (a *app) usable(t target) error {
	if t.fault != nil {
		return t.fault
	}
	if a.global.allowLoopback || t.key.Server == "" {
		return nil
	}
	u, err := url.Parse(t.key.Server)
	if err != nil {
		return faultf(mcptools.KindMisconfigured, "the server URL can't be read")
	}
	if u.Scheme == "http" || safehttp.IsLoopback(u.Hostname()) {
		return faultf(mcptools.KindMisconfigured, "%s is on loopback or plain http, which is for tests: add --allow-loopback", t.key.Provider)
	}
	return nil
}
