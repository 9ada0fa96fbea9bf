package providers

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// A RefusedURLError reports that a URL must not become a server_url. Its text
// holds no part of the refused URL, which may be a secret. Its methods are safe for
// concurrent use.
type RefusedURLError struct {
	Provider string // id of the provider
	Use      string // the server_url to use instead; "" where there is no single one
	Detail   string // the reason, and the URL to use instead
}

// Error returns "providers: id: detail".
func (e *RefusedURLError) Error() string { return "providers: " + e.Sentence() }

// Sentence returns the text of Error without the name of the package.
func (e *RefusedURLError) Sentence() string { return e.Provider + ": " + e.Detail }

func (p Provider) refusef(format string, args ...any) error {
	e := &RefusedURLError{Provider: p.ID, Detail: fmt.Sprintf(format, args...)}
	if p.Retired != "" {
		p, _ = Lookup(p.ReplacedBy)
	}
	if len(parts(p.Server.URL)) == 0 {
		e.Use = p.Server.URL
	}
	return e
}

// ServerURL returns the exact server_url of an entry: override, or the
// provider's own URL if override is empty. An override must be the provider's
// URL, one of its alternates, or match one of its templates; it may add query
// parameters of Provider.Options. ServerURL returns a [*RefusedURLError] for a
// retired provider, a refused form of URL, a secret or a user name in the URL,
// and any scheme but https (http is for tests on loopback). For a connector it
// returns "".
func (p Provider) ServerURL(override string) (string, error) {
	switch {
	case len(p.faults) > 0:
		return "", p.refusef("%s", strings.Join(p.faults, "; "))
	case p.Retired != "":
		return "", p.refusef("%s", p.Retired)
	case p.Server.Connector != "" && override == "":
		return "", nil
	case p.Server.Connector != "":
		return "", p.refusef("OpenAI's connector %s has no server_url", p.Server.Connector)
	case override == "" && len(p.Server.Hosts) > 0:
		return "", p.refusef("%s has a separate URL for each customer: pass that URL", p.Name)
	case override == "" && len(parts(p.Server.URL)) > 0:
		return "", p.refusef("%s has a separate URL for each customer: pass that URL, or %s", p.Name, strings.Join(parts(p.Server.URL), ", "))
	}
	raw := override
	if raw == "" {
		raw = p.Server.URL
	}
	for _, r := range p.Server.Refused {
		if re, err := compile(r.Pattern); err == nil && re.MatchString(raw) {
			return "", p.refusef("%s", r.Why)
		}
	}
	if why := faultOfURL(raw); why != "" {
		return "", p.refusef("%s", why)
	}
	if override == "" {
		return raw, nil
	}
	if hosts := p.Server.Hosts; len(hosts) > 0 {
		if !p.onHosts(raw) {
			return "", p.refusef("that is not a URL of %s, whose servers are on %s", p.Name, strings.Join(hosts, " or "))
		}
		return raw, nil
	}
	if _, ok := p.match(raw, false); ok {
		return raw, nil
	}
	for _, known := range p.urls() {
		if strings.TrimSuffix(known, "/") == strings.TrimSuffix(raw, "/") {
			return "", p.refusef("the slash at the end matters: use exactly %s", known)
		}
	}
	return "", p.refusef("that is not a URL of %s, whose server is at %s", p.Name, strings.Join(p.urls(), " or "))
}

// urls returns the URL, then the alternates.
func (p Provider) urls() []string {
	if p.Server.URL == "" {
		return p.Server.Alternates
	}
	return append([]string{p.Server.URL}, p.Server.Alternates...)
}

// match returns the values of the parts of the first template that raw matches.
func (p Provider) match(raw string, lenient bool) (map[string]string, bool) {
	for _, t := range p.urls() {
		if values, ok := matchURL(t, raw, p.Options, lenient); ok && p.checkValues(t, values) == nil {
			return values, true
		}
	}
	return nil, false
}

// At fills a URL template and returns the provider at that URL. The values are
// escaped for their place. At uses the first of Server.URL and
// Server.Alternates whose parts, together with those of the OAuth endpoints, are
// exactly the keys of values. The error names all invalid values.
func (p Provider) At(values map[string]string) (Provider, error) {
	oauth := parts(p.OAuth.strings()...)
	urls := p.urls()
	if p.Server.Connector != "" {
		urls = []string{""}
	}
	for _, t := range urls {
		want := append(parts(t), oauth...)
		slices.Sort(want)
		if slices.Equal(slices.Compact(want), slices.Sorted(maps.Keys(values))) {
			if err := p.checkValues(t, values); err != nil {
				return Provider{}, err
			}
			return p.filled(expand(t, values), values), nil
		}
	}
	return Provider{}, errtext.Errorf("providers: %s needs values for all parts of one of %s, and got %s", p.ID,
		strings.Join(append(urls, oauth...), ", "), strings.Join(slices.Sorted(maps.Keys(values)), ", "))
}

// checkValues reports every value that is invalid for its part.
func (p Provider) checkValues(template string, values map[string]string) error {
	var errs []error
	origin, _, _ := splitURL(template)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		at := slices.IndexFunc(p.Server.Params, func(x Param) bool { return x.Name == name })
		if at < 0 || !fitsPart(values[name], slices.Contains(parts(origin), name)) || !p.Server.Params[at].takes(values[name]) {
			errs = append(errs, errtext.Errorf("providers: %s: invalid %s for the URL", p.ID, name))
		}
	}
	return errors.Join(errs...)
}

func (x Param) takes(value string) bool {
	if x.Pattern == "" {
		return true
	}
	re, err := compile(`^(?:` + x.Pattern + `)$`)
	return err == nil && re.MatchString(value)
}

// filled returns the provider at one URL: with the ways that work there, and
// with the facts about its authorization server.
func (p Provider) filled(serverURL string, values map[string]string) Provider {
	own, _, _ := splitURL(expand(p.Server.URL, values))
	at, _, _ := splitURL(serverURL)
	moved := own != at && p.Server.URL != ""
	p = clone(p)
	p.Ways = slices.DeleteFunc(p.Ways, func(w Way) bool { return w.URL != "" && w.URL != serverURL })
	p.Server.URL, p.Server.Alternates, p.Server.Params = serverURL, nil, nil
	if iss, other := p.OAuth.issuerAt(serverURL); moved || other {
		p.OAuth = p.OAuth.anywhere()
		p.Check.URL = "" // a token for this host must not go to the one of another
		p.OAuth.Issuer = iss
	}
	p.OAuth.Issuers = nil
	for _, s := range p.OAuth.fields() {
		*s = expand(*s, values)
	}
	return p
}

// at returns the provider at one of its URLs; "" is a connector's.
func (p Provider) at(raw string) Provider {
	if raw == "" {
		return clone(p)
	}
	values, _ := p.match(raw, false)
	return p.filled(raw, values)
}

// anywhere returns the facts that hold for every authorization server of a
// vendor.
func (o *OAuth) anywhere() OAuth {
	return OAuth{
		Scopes: o.Scopes, DefaultScopes: o.DefaultScopes, NoScopes: o.NoScopes, AuthorizationParams: o.AuthorizationParams,
		AuthMethods: o.AuthMethods, InsecureLegacyDiscovery: o.InsecureLegacyDiscovery, InsecureNoPKCEMetadata: o.InsecureNoPKCEMetadata,
		NoResource: o.NoResource, NoRefreshResource: o.NoRefreshResource, RefreshScopes: o.RefreshScopes, Source: o.Source,
	}
}

// Resolve returns the provider as it is at one server URL, which is checked as
// by [Provider.ServerURL] ("" is the provider's own). Templates are filled, the
// issuer's and the endpoints' from the same values as the server URL; those
// that need a value which the URL does not have are dropped. So are the facts
// about an authorization server that were published for another host, such as
// that of another region. Discovery and consent start from the result. The errors
// are those of [Provider.ServerURL].
func (p Provider) Resolve(serverURL string) (Provider, error) {
	raw, err := p.ServerURL(serverURL)
	if err != nil {
		return Provider{}, err
	}
	q := p.at(raw)
	for _, s := range q.OAuth.fields() {
		if len(parts(*s)) > 0 {
			*s = ""
		}
	}
	return q, nil
}

// AcceptsResource reports whether a token for that resource (RFC 8707) is for
// the server at serverURL. The resource must be the URL itself, with or without
// the query parameters of Provider.Options, or a resource on the same host that
// the provider documents. It is compared byte for byte.
func (p Provider) AcceptsResource(serverURL, resource string) bool {
	if resource == "" || serverURL == "" {
		return false
	}
	if resource == serverURL {
		return true
	}
	origin, path, _ := splitURL(serverURL)
	if _, ok := matchURL(origin+path, serverURL, p.Options, false); ok && resource == origin+path {
		return true
	}
	known := p.OAuth.Resource == resource || slices.Contains(p.OAuth.Resources, resource)
	at, _, _ := splitURL(resource)
	return known && at == origin
}

// secretKeyRE matches names of query parameters that carry credentials.
var secretKeyRE = regexp.MustCompile(`(?i)(^|[_.-])(token|secret|password|passwd|pwd|auth|authorization|credentials?|key|jwt|sig|signature)$|api_?key$|token$`)

// maxURL is the maximum length of a server URL in bytes: the URL is part of
// credentials' keys.
const maxURL = 1024

// faultOfURL returns why a URL is invalid for every provider; "" if it is valid.
func faultOfURL(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || strings.ContainsFunc(raw, isControlOrSpace) || strings.Contains(raw, `\`):
		return "that is not an absolute URL such as https://mcp.example.com/mcp"
	case len(raw) > maxURL:
		return fmt.Sprintf("the URL is longer than %d bytes", maxURL)
	case u.User != nil:
		return "the URL holds a user name, and OpenAI shows server_url in its responses: import the secret as a token"
	case strings.Contains(raw, "#"):
		return "the URL has a fragment, which never reaches the server: remove it"
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return "the URL must begin with https:// (http is for loopback addresses only)"
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r > unicode.MaxASCII }) || !strings.HasPrefix(raw, u.Scheme+"://"):
		return "the URL's scheme must be lower case and its host ASCII: write an international name in its xn-- form"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "the URL's query is malformed"
	}
	for _, key := range slices.Sorted(maps.Keys(query)) {
		if secretKeyRE.MatchString(key) {
			return fmt.Sprintf("the URL holds a secret (parameter %s), and OpenAI shows server_url in its responses: import it as a token", key)
		}
	}
	texts := strings.Split(u.Path, "/")
	for _, v := range query {
		texts = append(texts, v...)
	}
	for _, text := range texts {
		if r, ok := Recognize(text); ok && r.Certainty == Certain {
			return fmt.Sprintf("the URL holds a secret (a %s), and OpenAI shows server_url in its responses: import it as a token", r.Name)
		}
	}
	return ""
}

// isLoopback reports whether a host is a loopback address or localhost. It
// resolves no names.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func isControlOrSpace(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }
