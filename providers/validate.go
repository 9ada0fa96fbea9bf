package providers

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

var (
	idRE        = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
	labelRE     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	connectorRE = regexp.MustCompile(`^connector_[a-z]+$`)
	wayRE       = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	headerRE    = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	tokenTypeRE = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	scopeRE     = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`)
)

// Validate reports all errors in the provider's data at once. It does no I/O: a
// valid provider may name a server that does not exist.
func (p Provider) Validate() error {
	v := &validator{id: p.ID}
	for _, fault := range p.faults {
		v.checkf(false, "%s", fault)
	}
	v.checkf(idRE.MatchString(p.ID), "the id %q must be a letter, then up to 63 letters, digits, - or _", p.ID)
	v.checkf(p.Name != "", "it has no name")
	v.checkf(p.Label == "" || labelRE.MatchString(p.Label), "the label %q must be a letter, then letters, digits, - or _", p.Label)
	v.server(p)
	v.ways(p)
	v.oauth(p)
	v.tokens(p.Tokens)
	v.headers(p)
	for _, o := range p.Options {
		v.checkf(o != "" && !secretKeyRE.MatchString(o), "the option %q can't be a query parameter of a server_url", o)
	}
	for _, w := range p.Wrong {
		v.checkf(knownKind(w.Kind), "unknown kind of token %q", w.Kind)
	}
	return errors.Join(v.errs...)
}

// examples returns the examples of the parts, by name.
func (p Provider) examples() map[string]string {
	examples := make(map[string]string, len(p.Server.Params))
	for _, x := range p.Server.Params {
		examples[x.Name] = x.Example
	}
	return examples
}

type validator struct {
	id   string
	errs []error
}

func (v *validator) checkf(ok bool, format string, args ...any) {
	if !ok {
		v.errs = append(v.errs, errtext.Errorf("providers: %s: "+format, append([]any{v.id}, args...)...))
	}
}

func (v *validator) server(p Provider) {
	s := p.Server
	kinds := 0
	for _, set := range []bool{s.URL != "", s.Connector != "", len(s.Hosts) > 0} {
		if set {
			kinds++
		}
	}
	v.checkf(kinds == 1, "exactly one of URL, Connector and Hosts must be set")
	for _, host := range s.Hosts {
		v.checkf(hostRE.MatchString(host), "the host %q must be a name in lower case, *. and a domain, or *", host)
	}
	v.checkf(s.Connector == "" || connectorRE.MatchString(s.Connector), "the connector %q must be like connector_gmail", s.Connector)
	if s.Connector == "" {
		v.checkf(p.Transport == TransportHTTP || p.Transport == TransportSSE, "the transport %q is neither %s nor %s", p.Transport, TransportHTTP, TransportSSE)
	} else {
		v.checkf(p.Transport == "", "a connector has no transport")
	}
	examples := p.examples()
	v.checkf(len(examples) == len(s.Params), "a part of the URL is in Params twice")
	for _, x := range s.Params {
		_, err := regexp.Compile(x.Pattern)
		v.checkf(err == nil, "the pattern of the part %q does not compile", x.Name)
		v.checkf(x.takes(x.Example), "the example of the part %q does not match its pattern", x.Name)
	}
	for _, name := range parts(append(p.OAuth.strings(), p.urls()...)...) {
		_, ok := examples[name]
		v.checkf(ok, "the part %q is not in Params", name)
	}
	for _, t := range p.urls() {
		v.checkf(p.fixesDomain(t), "the parts %s of the host need patterns that write out the domain", strings.Join(parts(t), ", "))
		at := expand(t, examples)
		if why := faultOfURL(at); why != "" {
			v.checkf(false, "%s", why)
		}
	}
	for _, r := range s.Refused {
		re, err := regexp.Compile(r.Pattern)
		v.checkf(err == nil && r.Why != "", "a refused form of URL needs a pattern that compiles, and a reason")
		for _, t := range p.urls() {
			v.checkf(err != nil || p.Retired != "" || !re.MatchString(expand(t, examples)), "one of its own URLs has a form that it refuses")
		}
	}
}

func (v *validator) ways(p Provider) {
	v.checkf(len(p.Ways) > 0, "it has no way to authenticate, not even %q", WayNone)
	seen := make(map[string]bool)
	for _, w := range p.Ways {
		v.checkf(wayRE.MatchString(w.ID) && !seen[w.ID], "the way %q needs a unique id of lower-case letters, digits and _", w.ID)
		seen[w.ID] = true
		v.checkf(slices.Contains([]string{WayOAuth, WayMachine, WayKey, WayNone}, w.Kind), "the way %q has the unknown kind %q", w.ID, w.Kind)
		v.checkf(w.Kind != WayNone || len(w.Carry) == 0 && len(w.Takes) == 0, "the way %q takes no token, so it has no Carry or Takes", w.ID)
		v.checkf(w.Kind == WayOAuth || w.Registration == RegistrationUnknown, "the way %q is not OAuth, so it has no Registration", w.ID)
		for _, k := range w.Takes {
			v.checkf(knownKind(k), "unknown kind of token %q", k)
		}
		v.checkf(w.URL == "" || slices.Contains(p.urls(), w.URL), "the URL of the way %q must be one of the provider's", w.ID)
		headers := make(map[string]bool)
		for _, c := range w.Carry {
			v.checkf(headerRE.MatchString(c.Header) && !headers[strings.ToLower(c.Header)], "the way %q has an invalid or duplicate header %q", w.ID, c.Header)
			v.checkf(isFieldText(c.Prefix), "the prefix of the header %q has characters that headers can't carry", c.Header)
			headers[strings.ToLower(c.Header)] = true
		}
	}
}

func (v *validator) oauth(p Provider) {
	o := p.OAuth
	all := append(o.strings(), o.Resources...)
	for _, s := range all {
		if s == "" {
			continue
		}
		u, err := url.Parse(expand(s, p.examples()))
		ok := err == nil && u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()))
		v.checkf(ok, "a URL of the authorization server is not an https URL")
	}
	for _, t := range o.issuers() {
		v.checkf(p.fixesDomain(t), "the parts %s of an issuer's host need patterns that write out the domain", strings.Join(parts(t), ", "))
	}
	for at := range o.Issuers {
		ok := slices.ContainsFunc(p.urls(), func(t string) bool { return strings.HasPrefix(t+"/", at) })
		v.checkf(ok && strings.HasSuffix(at, "/"), "the key %q of Issuers must be a prefix of one of its URLs that ends in a slash", at)
	}
	for _, s := range append(slices.Clone(o.Scopes), o.DefaultScopes...) {
		v.checkf(scopeRE.MatchString(s), "the scope %q has an invalid character (RFC 6749 section 3.3)", s)
	}
	v.checkf(!o.NoScopes || len(o.DefaultScopes) == 0, "it has both NoScopes and DefaultScopes")
	for _, m := range o.AuthMethods {
		known := slices.Contains([]string{"none", "client_secret_basic", "client_secret_post", "private_key_jwt"}, m)
		v.checkf(known, "unknown client authentication %q", m)
	}
	v.checkf(!o.NoResource || !o.NoRefreshResource, "it has both NoResource and NoRefreshResource: NoResource suffices")
	if o.Pinned {
		consents := slices.ContainsFunc(p.Ways, func(w Way) bool { return w.Kind == WayOAuth })
		v.checkf(o.Issuer != "" && o.TokenEndpoint != "" && (o.AuthorizationEndpoint != "" || !consents), "a pinned OAuth needs the issuer, the token endpoint and, for consents, the authorization endpoint")
	}
}

func (v *validator) tokens(t Tokens) {
	for _, typ := range t.Types {
		v.checkf(tokenTypeRE.MatchString(typ), "invalid token type %q", typ)
		v.checkf(!slices.ContainsFunc(boundTypes, func(bound string) bool { return strings.EqualFold(typ, bound) }), "tokens of the type %q are bound to a key, so they are not bearer tokens", typ)
		v.checkf(!strings.EqualFold(typ, "bearer"), "Bearer is not one of the further token types")
	}
	v.checkf(t.Member == "" || wayRE.MatchString(t.Member) && !slices.Contains(tokenMembers, t.Member), "invalid member %q of a token response", t.Member)
}

// boundTypes are token types (RFC 6749 section 7.1) whose tokens are useless
// without a key.
var boundTypes = []string{"DPoP", "MAC", "PoP"}

// tokenMembers are members of a token response that contain no tokens of their
// own (RFC 6749 section 5.1).
var tokenMembers = []string{"access_token", "refresh_token", "token_type", "expires_in", "scope", "id_token"}

func (v *validator) headers(p Provider) {
	seen := make(map[string]bool)
	for _, h := range p.Headers {
		low := strings.ToLower(h.Name)
		v.checkf(headerRE.MatchString(h.Name) && !seen[low], "invalid or duplicate header %q", h.Name)
		v.checkf(low != "authorization", "the header Authorization belongs to a way, not to the provider")
		v.checkf(isFieldText(h.Value), "the value of the header %q has characters that headers can't carry", h.Name)
		seen[low] = true
	}
}

// isFieldText reports whether a header value can hold s: visible ASCII and
// spaces.
func isFieldText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
