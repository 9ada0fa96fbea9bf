package oauthstore

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// An Owner is the person or service on whose behalf a tool is used. Both
// parts are the caller's own identifiers and are opaque here.
type Owner struct {
	Tenant  string // the organisation; required
	Subject string // the user within it; required
}

// String returns "tenant/subject", for messages. It is no key: use the struct.
func (o Owner) String() string { return o.Tenant + "/" + o.Subject }

// validate checks an owner that narrows a walk: one whose part was forgotten
// must not stand for more than it names.
func (o Owner) validate() error {
	if o.Tenant == "" || o.Subject == "" {
		return &Error{Err: ErrMisconfigured, Detail: "owner needs both Tenant and Subject"}
	}
	return nil
}

// A Key identifies a credential. All parts must match exactly; an empty account
// is not a wildcard.
type Key struct {
	Owner    Owner
	Provider string // the provider's id, such as "asana"; required
	Account  string // which of several accounts at that provider; "" is the default one
	Server   string // the exact URL of the MCP server; required, except for tunnels and connectors
}

// String returns the key for messages: "acme/u_42 asana" and, where there is
// one, the account. The server URL is left out, since it may name a tenant.
func (k Key) String() string {
	s := k.Owner.String() + " " + k.Provider
	if k.Account != "" {
		s += " (" + k.Account + ")"
	}
	return s
}

// maxKeyPart bounds each part of a key, in bytes: enough for any URL that a
// provider documents, and within the index limits of the databases.
const maxKeyPart = 1024

// Validate joins one error for each part that is missing, too long or not printable.
func (k Key) Validate() error {
	var errs []error
	check := func(name, value string, required bool) {
		if value != "" && len(value) <= maxKeyPart && isPlain(value) {
			return // as nearly all are
		}
		switch {
		case value == "" && required:
			errs = append(errs, errtext.Errorf("oauthstore: key has no %s", name))
		case len(value) > maxKeyPart:
			errs = append(errs, errtext.Errorf("oauthstore: key's %s is longer than %d bytes", name, maxKeyPart))
		case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
			errs = append(errs, errtext.Errorf("oauthstore: key's %s holds control characters or is not UTF-8", name))
		}
	}
	check("tenant", k.Owner.Tenant, true)
	check("subject", k.Owner.Subject, true)
	check("provider", k.Provider, true)
	check("account", k.Account, false)
	check("server", k.Server, false)
	return errors.Join(errs...)
}

// isPlain reports whether s is printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// check is Validate for the methods of [Store], whose errors match a class.
func (k Key) check() error {
	if err := k.Validate(); err != nil {
		return &Error{Err: ErrMisconfigured, Detail: errtext.Sentence(err)}
	}
	return nil
}
