package providers

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// Kinds of [Way].
const (
	WayOAuth   = "oauth"              // an access token by a user's consent at the provider's authorization server
	WayMachine = "client_credentials" // an access token that an application gets for itself (RFC 6749, 4.4)
	WayKey     = "key"                // a key that a person makes at the provider and that is not refreshed
	WayNone    = "none"               // the server is open to anyone
)

// A Way is one way to authenticate.
type Way struct {
	ID     string // unique in the provider, such as "oauth", "api_key", "connection_token"
	Kind   string // one of the Way constants
	Name   string // for people, such as "connection token"
	Obtain string // a sentence: where the user or the developer gets it
	// Carry names the headers that carry the secrets. If nil, the token is a
	// bearer, which OpenAI's authorization field carries; other secrets can only
	// travel in the entry's headers.
	Carry []Carry
	// Takes are the recognisable kinds of token that belong to this way. A
	// token of another recognisable kind is refused or warned about; one that
	// is not recognised is never refused for its looks.
	Takes []TokenKind
	// URL is the server_url of this way. If empty, that of the provider; see
	// [Provider.Using].
	URL string
	// Registration is how an application becomes a client, for WayOAuth.
	Registration Registration
	Source       Source // zero: the provider's
}

// A Carry is one header that carries a secret.
type Carry struct {
	Header string // such as "Authorization", "x-api-key"
	Prefix string // precedes the secret, with its space: "Sentry-Bearer ", "Token token="
	Secret string // name in the credential's secrets; "" is the token itself
	// User, if not empty, names a further secret: the user name of HTTP Basic
	// (RFC 7617). Prefix is then followed by base64(user:secret).
	User string
}

// A Registration is a kind of client registration.
type Registration string

// Kinds of registration.
const (
	RegistrationUnknown    Registration = ""           // no source covers it
	RegistrationOpen       Registration = "open"       // anyone, by dynamic registration (RFC 7591)
	RegistrationRestricted Registration = "restricted" // dynamic, but only for clients or redirect URIs that the vendor has approved
	RegistrationPaused     Registration = "paused"     // as restricted, and the vendor approves no new clients for now
	RegistrationManual     Registration = "manual"     // a person makes an application; see Way.Obtain
)

// Bearer reports whether the token travels as a bearer, so that OpenAI's
// authorization field can carry it.
func (w Way) Bearer() bool { return w.Kind != WayNone && len(w.Carry) == 0 }

// Secrets returns the names of the secrets that the way needs beside the
// token, sorted: "application_key" for Datadog, "email" for an Atlassian API
// token. Most ways need none.
func (w Way) Secrets() []string {
	var names []string
	for _, c := range w.Carry {
		for _, name := range []string{c.Secret, c.User} {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Headers returns the headers that carry the secrets, with their clear text;
// nil for a way that carries none or a bearer. secret returns the text of the
// secret with that name, where "" is the token itself. If it returns "", Headers
// returns an error that names the secret; no error holds a secret's text.
func (w Way) Headers(secret func(name string) string) (map[string]string, error) {
	if len(w.Carry) == 0 {
		return nil, nil
	}
	headers := make(map[string]string, len(w.Carry))
	var missing []string
	need := func(name string) string {
		text := secret(name)
		if text == "" {
			missing = append(missing, cmp.Or(name, "token"))
		}
		return text
	}
	for _, c := range w.Carry {
		text := need(c.Secret)
		if c.User != "" {
			text = base64.StdEncoding.EncodeToString([]byte(need(c.User) + ":" + text))
		}
		headers[c.Header] = c.Prefix + text
	}
	if missing != nil {
		return nil, errtext.Errorf("providers: the %s also needs %s", w.Name, strings.Join(missing, ", "))
	}
	return headers, nil
}

// Way returns the way with that id; "" gives the first, which is the best.
func (p Provider) Way(id string) (Way, bool) {
	for _, w := range p.Ways {
		if id == "" || w.ID == id {
			return w, true
		}
	}
	return Way{}, false
}

// Using returns the provider with one way only and, where that way has a
// server URL of its own, at that URL. "" means the first way; an unknown way is an
// error.
func (p Provider) Using(way string) (Provider, error) {
	w, ok := p.Way(way)
	if !ok {
		return Provider{}, errtext.Errorf("providers: %s has no way %q", p.ID, way)
	}
	p = clone(p)
	p.Ways = []Way{w}
	if w.URL != "" {
		p.Server.URL, p.Server.Alternates = w.URL, nil
		maps.DeleteFunc(p.OAuth.Issuers, func(at, _ string) bool { return !strings.HasPrefix(w.URL+"/", at) })
	}
	return p, nil
}
