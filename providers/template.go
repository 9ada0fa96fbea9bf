package providers

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// A template is a URL with named parts in braces, such as
// https://{shop}.myshopify.com/api/mcp. A part in the host takes letters,
// digits, dots and hyphens; one in the path a whole or partial segment; one in
// the query a value.

var partRE = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)

// parts returns the names in braces of s, in order and without duplicates.
func parts(s ...string) []string {
	var names []string
	for _, t := range s {
		if !strings.Contains(t, "{") {
			continue // most have none, and catalogue searches read all
		}
		for _, m := range partRE.FindAllStringSubmatch(t, -1) {
			if !slices.Contains(names, m[1]) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// splitURL splits a URL into scheme and host, path, and query.
func splitURL(raw string) (origin, path, query string) {
	raw, query, _ = strings.Cut(raw, "?")
	at := strings.Index(raw, "://")
	if at < 0 {
		return raw, "", query
	}
	if slash := strings.IndexByte(raw[at+3:], '/'); slash >= 0 {
		return raw[:at+3+slash], raw[at+3+slash:], query
	}
	return raw, "", query
}

// expand fills the parts of a template that have a value, escaped for their
// place.
func expand(template string, values map[string]string) string {
	origin, path, query := splitURL(template)
	fill := func(s string, escape func(string) string) string {
		return partRE.ReplaceAllStringFunc(s, func(part string) string {
			if v, ok := values[part[1:len(part)-1]]; ok {
				return escape(v)
			}
			return part
		})
	}
	out := fill(origin, func(v string) string { return v }) + fill(path, url.PathEscape)
	if query != "" {
		out += "?" + fill(query, url.QueryEscape)
	}
	return out
}

// hostValueRE matches values of a part of a host.
var hostValueRE = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// fitsPart reports whether value is possible for a part of any URL; the
// provider's own pattern is checked apart.
func fitsPart(value string, inHost bool) bool {
	if inHost {
		return hostValueRE.MatchString(value) && !strings.Contains(value, "..")
	}
	segments := strings.FieldsFunc(value, func(r rune) bool { return r == '/' || r == '\\' })
	return value != "" && !strings.ContainsFunc(value, unicode.IsControl) &&
		!slices.Contains(segments, ".") && !slices.Contains(segments, "..")
}

// matchURL reports whether raw matches the template, and returns the values of
// its parts. Query parameters named in options are optional in raw and in the
// template; the others must be those of the template. With lenient, further
// parameters are ignored.
func matchURL(template, raw string, options []string, lenient bool) (map[string]string, bool) {
	tOrigin, tPath, tQuery := splitURL(template)
	origin, path, query := splitURL(raw)
	values := make(map[string]string)
	if !matchParts(tOrigin, origin, `[A-Za-z0-9.-]+`, identity, values) ||
		!matchParts(tPath, path, `[^/?#]+`, url.PathUnescape, values) {
		return nil, false
	}
	want, err1 := url.ParseQuery(tQuery)
	got, err2 := url.ParseQuery(query)
	if err1 != nil || err2 != nil {
		return nil, false
	}
	for key := range want {
		if slices.Contains(options, key) {
			continue
		}
		if len(got[key]) != 1 || !matchParts(want.Get(key), got.Get(key), `.+`, identity, values) {
			return nil, false
		}
	}
	for key, v := range got {
		if _, known := want[key]; !known && !lenient && (!slices.Contains(options, key) || len(v) > 1) {
			return nil, false
		}
	}
	return values, true
}

func identity(s string) (string, error) { return s, nil }

// matchParts matches s against a piece of a template and adds the values of its
// parts to values. A part that occurs twice must have the same value.
func matchParts(template, s, class string, unescape func(string) (string, error), values map[string]string) bool {
	if !strings.Contains(template, "{") {
		return template == s
	}
	var re strings.Builder
	re.WriteString(`^`)
	last := 0
	for _, at := range partRE.FindAllStringIndex(template, -1) {
		re.WriteString(regexp.QuoteMeta(template[last:at[0]]))
		re.WriteString(`(` + class + `)`)
		last = at[1]
	}
	re.WriteString(regexp.QuoteMeta(template[last:]))
	re.WriteString(`$`)
	whole, err := compile(re.String())
	if err != nil {
		return false
	}
	m := whole.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	for i, part := range partRE.FindAllStringSubmatch(template, -1) {
		v, err := unescape(m[i+1])
		if old, again := values[part[1]]; err != nil || again && old != v {
			return false
		}
		values[part[1]] = v
	}
	return true
}

// compiled holds regular expressions by their patterns. These come from data,
// so there are few.
var compiled sync.Map

func compile(pattern string) (*regexp.Regexp, error) {
	if v, ok := compiled.Load(pattern); ok {
		re, _ := v.(*regexp.Regexp)
		return re, nil
	}
	re, err := regexp.Compile(pattern)
	if err == nil {
		compiled.Store(pattern, re)
	}
	return re, err
}
