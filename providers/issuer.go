package providers

import (
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/issuer"
)

// AcceptsIssuer reports whether iss is the authorization server that the
// provider's data name for the server at serverURL ("" is the provider's own).
// Where the issuer is a template, such as that of an Entra tenant, parts that
// the server URL has must have the same values in the issuer. Issuers without
// a path are the same with and without a slash at the end.
func (p Provider) AcceptsIssuer(serverURL, iss string) bool {
	raw, err := p.ServerURL(serverURL)
	if err != nil {
		return false
	}
	known := p.at(raw).OAuth.Issuer
	return known != "" && p.issuerFits(known, iss, nil)
}

// NamesIssuer reports whether the data names this authorization server, for any
// server of the provider: as one of its issuers, or by a template of them whose
// parts it fills. A template that would admit any host names none.
func (p Provider) NamesIssuer(iss string) bool {
	return slices.ContainsFunc(p.OAuth.issuers(), func(t string) bool { return p.issuerFits(t, iss, nil) })
}

// issuers returns the issuers that the data names, some of which are templates.
func (o *OAuth) issuers() []string {
	var all []string
	if o.Issuer != "" {
		all = append(all, o.Issuer)
	}
	for _, iss := range o.Issuers {
		all = append(all, iss)
	}
	return all
}

// issuerAt returns the issuer that Issuers names for a server URL.
func (o *OAuth) issuerAt(serverURL string) (iss string, ok bool) {
	longest := ""
	for at, named := range o.Issuers {
		if strings.HasPrefix(serverURL+"/", at) && len(at) > len(longest) {
			longest, iss, ok = at, named, true
		}
	}
	return iss, ok
}

// issuerFits reports whether iss fits a template, with the values of the server
// URL where it has the same parts.
func (p Provider) issuerFits(template, iss string, known map[string]string) bool {
	if len(parts(template)) == 0 {
		return issuer.Same(template, iss)
	}
	values, ok := matchURL(template, iss, nil, false)
	if !ok || p.checkValues(template, values) != nil || !p.fixesDomain(template) {
		return false
	}
	for name, value := range values {
		if want, filled := known[name]; filled && want != value {
			return false
		}
	}
	return true
}

// ByIssuer returns a provider whose data names this authorization server. If
// several do, it prefers one that has a server at serverURL ("" is a
// connector); serves reports whether that is so. A provider that admits any host
// serves no server by its data alone.
func (c *Catalogue) ByIssuer(iss, serverURL string) (p Provider, serves, named bool) {
	return c.by(func(p Provider) bool { return p.NamesIssuer(iss) }, func(p Provider) bool { return p.mayServe(serverURL, iss) })
}

// ByEndpoint is like ByIssuer for a URL on the host of an authorization server.
// It ignores the path.
func (c *Catalogue) ByEndpoint(rawURL, serverURL string) (p Provider, serves, named bool) {
	origin, _, _ := splitURL(strings.ToLower(rawURL))
	origin = strings.TrimSuffix(strings.TrimSuffix(origin, ":443"), ".") // what reaches the same server
	return c.by(func(p Provider) bool { return p.authorizesAt(origin) }, func(p Provider) bool { return p.mayServe(serverURL, "") })
}

// by returns the first provider that names something, or better one that serves
// it.
func (c *Catalogue) by(names, serves func(Provider) bool) (p Provider, served, named bool) {
	for _, r := range c.sorted {
		if !names(r) {
			continue
		}
		if serves(r) {
			return clone(r), true, true
		}
		if !named {
			p, named = r, true
		}
	}
	return clone(p), false, named
}

// ByIssuer searches the built-in catalogue; see [Catalogue.ByIssuer].
func ByIssuer(iss, serverURL string) (p Provider, serves, named bool) {
	return builtIn().ByIssuer(iss, serverURL)
}

// ByEndpoint searches the built-in catalogue; see [Catalogue.ByEndpoint].
func ByEndpoint(rawURL, serverURL string) (p Provider, serves, named bool) {
	return builtIn().ByEndpoint(rawURL, serverURL)
}

// authorizesAt reports whether the provider's authorization server is at an
// origin.
func (p Provider) authorizesAt(origin string) bool {
	known := append(p.OAuth.issuers(), p.OAuth.AuthorizationEndpoint, p.OAuth.TokenEndpoint, p.OAuth.RegistrationEndpoint)
	return slices.ContainsFunc(known, func(raw string) bool {
		at, _, _ := splitURL(raw)
		if len(parts(at)) == 0 {
			return raw != "" && at == origin
		}
		values := make(map[string]string)
		return matchParts(at, origin, `[A-Za-z0-9.-]+`, identity, values) && p.checkValues(at, values) == nil && p.fixesDomain(at)
	})
}

// mayServe reports whether a server URL is one of the provider's, and iss,
// unless empty, one of its issuers with the same values. Which of several
// regions it is does not matter here, since all of them are the vendor's.
func (p Provider) mayServe(serverURL, iss string) bool {
	if serverURL == "" || p.AdmitsAnyHost() {
		return serverURL == "" && p.Server.Connector != ""
	}
	if _, err := p.ServerURL(serverURL); err != nil {
		return false
	}
	values, _ := p.match(serverURL, false)
	return iss == "" || slices.ContainsFunc(p.OAuth.issuers(), func(t string) bool { return p.issuerFits(t, iss, values) })
}

// WithIssuer returns the provider at one server URL, as [Provider.Resolve] does,
// with iss as its authorization server: for a server that shares the issuer of
// another one, or whose issuer the data does not name or names wrongly. The
// caller vouches for both URLs. What the data says of another issuer's
// endpoints is dropped. The errors are those of [Provider.ServerURL] and
// [Provider.Validate].
func (p Provider) WithIssuer(serverURL, iss string) (Provider, error) {
	q, err := p.Resolve(serverURL)
	if err != nil {
		return Provider{}, err
	}
	if q.Server.URL != "" {
		q.Server.Hosts = nil
	}
	if !issuer.Same(q.OAuth.Issuer, iss) {
		own := q.OAuth
		q.OAuth = own.anywhere()
		q.OAuth.Issuer, q.OAuth.InsecureLegacyDiscovery = iss, false
		q.OAuth.InsecureNoPKCEMetadata = own.InsecureNoPKCEMetadata && p.NamesIssuer(iss)
		q.OAuth.Resource, q.OAuth.Resources, q.OAuth.Audiences = own.Resource, own.Resources, own.Audiences
	}
	return q, q.Validate()
}
