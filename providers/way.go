package providers

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
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
	// Carry says in which headers the secrets travel. Empty means as a bearer
	// token, which is what OpenAI's authorization field carries; anything else
	// can only travel in the entry's headers.
	Carry []Carry
	// Takes are the recognisable kinds of token that belong to this way. A
	// token of another recognisable kind is refused or warned about; one that
	// is not recognised is never refused for its looks.
	Takes []TokenKind
	// URL is the server_url that this way works at, where it is not the
	// provider's own; see [Provider.Using].
	URL string
	// Registration says how an application becomes a client, for WayOAuth.
	Registration Registration
	Source       Source // zero: the provider's
}

// A Carry is one header that carries a secret.
type Carry struct {
	Header string // such as "Authorization", "x-api-key"
	Prefix string // stands before the secret, to the byte: "Sentry-Bearer ", "Token token="; "" for none
	Secret string // which one: "" is the token itself, else a name in the credential's secrets
	// User, if not empty, names a further secret: the user name of HTTP Basic
	// (RFC 7617). What stands after Prefix is then base64(user:secret).
	User string
}

// A Registration is a kind of client registration.
type Registration string

// Kinds of registration.
const (
	RegistrationUnknown    Registration = ""
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
// secret with that name, where "" is the token itself. What secret does not
// know ("") is an error that names it; no error holds a secret.
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
		return nil, fmt.Errorf("providers: the %s needs %s beside what was given", w.Name, strings.Join(missing, ", "))
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
// server URL of its own, at that URL. "" means the first way.
func (p Provider) Using(way string) (Provider, error) {
	w, ok := p.Way(way)
	if !ok {
		return Provider{}, fmt.Errorf("providers: %s has no way %q", p.ID, way)
	}
	p = clone(p)
	p.Ways = []Way{w}
	if w.URL != "" {
		p.Server.URL, p.Server.Alternates = w.URL, nil
	}
	return p, nil
}
