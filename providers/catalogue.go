package providers

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// A Catalogue is a set of providers with unique ids. It is immutable and safe
// for concurrent use.
type Catalogue struct {
	sorted []Provider
}

// NewCatalogue returns the built-in catalogue with own providers added. Each is
// a [Provider] literal or comes from [Custom]. It reports all errors of all of
// them, and duplicate ids.
func NewCatalogue(own ...Provider) (*Catalogue, error) {
	var errs []error
	c := &Catalogue{sorted: slices.Clone(builtIn().sorted)}
	for _, p := range own {
		if err := p.Validate(); err != nil {
			errs = append(errs, err)
		}
		if _, taken := c.Lookup(p.ID); taken {
			errs = append(errs, errtext.Errorf("providers: there is already a provider %q", p.ID))
			continue
		}
		c.sorted = append(c.sorted, clone(p))
	}
	slices.SortFunc(c.sorted, byID)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

func byID(a, b Provider) int { return cmp.Compare(a.ID, b.ID) }

// builtIn is the catalogue of the data files.
var builtIn = sync.OnceValue(func() *Catalogue {
	c := &Catalogue{sorted: slices.Concat(families...)}
	slices.SortFunc(c.sorted, byID)
	return c
})

// record returns the built-in provider with that id. It panics if there is
// none.
func record(id string) Provider {
	p, ok := builtIn().Lookup(id)
	if !ok {
		panic("providers: no record " + id)
	}
	return p
}

// All returns the providers, sorted by id. The caller owns the result.
func (c *Catalogue) All() []Provider {
	all := make([]Provider, len(c.sorted))
	for i, p := range c.sorted {
		all[i] = clone(p)
	}
	return all
}

// Lookup returns the provider with that id.
func (c *Catalogue) Lookup(id string) (Provider, bool) {
	at, ok := slices.BinarySearchFunc(c.sorted, id, func(p Provider, id string) int { return cmp.Compare(p.ID, id) })
	if !ok {
		return Provider{}, false
	}
	return clone(c.sorted[at]), true
}

// ByURL returns the provider whose server is at that URL, by host and path. It
// ignores the case of the host, the default port, a missing scheme, query
// options and one slash at the end, although they matter in a server_url. It
// also finds retired providers and URLs that [Provider.ServerURL] refuses, so
// that a caller can explain them. If a host and path belong to two records, it
// returns the first by id.
func (c *Catalogue) ByURL(rawURL string) (Provider, bool) {
	plain, ok := plainURL(rawURL)
	if !ok {
		return Provider{}, false
	}
	var best Provider
	rank := 5
	for _, p := range c.sorted {
		if rank > 4 && refusedByName(p, plain) {
			best, rank = p, 4
		}
		for i, t := range p.urls() {
			r := 0
			switch {
			case len(parts(t)) > 0:
				r = 3
			case i > 0 || p.Server.URL == "":
				r = 1
			}
			if !matchesLeniently(p, t, plain) || r >= rank {
				continue
			}
			best, rank = p, r
		}
	}
	return clone(best), rank < 5
}

// refusedByName reports whether a URL has a form that a provider refuses on a
// host that the form names.
func refusedByName(p Provider, raw string) bool {
	return slices.ContainsFunc(p.Server.Refused, func(r Refused) bool {
		re, err := compile(r.Pattern)
		return err == nil && strings.HasPrefix(r.Pattern, "^http") && re.MatchString(raw)
	})
}

// matchesLeniently matches with and without one slash at the path's end.
func matchesLeniently(p Provider, template, raw string) bool {
	if values, ok := matchURL(template, raw, p.Options, true); ok && p.checkValues(template, values) == nil {
		return true
	}
	origin, path, query := splitURL(raw)
	path, cut := strings.CutSuffix(path, "/")
	if !cut {
		path += "/"
	}
	values, ok := matchURL(template, origin+path+"?"+query, p.Options, true)
	return ok && p.checkValues(template, values) == nil
}

// plainURL converts a URL that a person typed to the form of the data.
func plainURL(raw string) (string, bool) {
	raw = strings.TrimSpace(raw)
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "", false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Host), ":443")
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		host = strings.TrimSuffix(host, ":80")
		u.Scheme = "https"
	}
	plain := strings.ToLower(u.Scheme) + "://" + host + u.EscapedPath()
	if u.RawQuery != "" {
		plain += "?" + u.RawQuery
	}
	return plain, true
}

// All returns the built-in catalogue, sorted by id. The caller owns the result.
func All() []Provider { return builtIn().All() }

// Lookup returns the built-in provider with that id.
func Lookup(id string) (Provider, bool) { return builtIn().Lookup(id) }

// ByURL returns the built-in provider at that URL; see [Catalogue.ByURL].
func ByURL(rawURL string) (Provider, bool) { return builtIn().ByURL(rawURL) }
