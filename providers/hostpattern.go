package providers

import (
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// hostLabel is a pattern for one label of a host name, in lower case.
const hostLabel = `[a-z0-9]([a-z0-9-]*[a-z0-9])?`

// hostRE is what [Server].Hosts may hold: a host name of at least two labels,
// the same below "*.", or "*".
var hostRE = regexp.MustCompile(`^(\*|(\*\.)?` + hostLabel + `(\.` + hostLabel + `)+)$`)

// AdmitsAnyHost reports whether the provider's data admit server URLs in
// domains that the data do not name, so that the URL that a caller passes
// decides who receives the credential. An application may be used with such a
// provider only for server URLs that the operator lists. No record of the
// catalogue admits any host.
func (p Provider) AdmitsAnyHost() bool {
	return slices.Contains(p.Server.Hosts, "*") ||
		slices.ContainsFunc(p.urls(), func(t string) bool { return !p.fixesDomain(t) })
}

// onHosts reports whether the host of a valid URL is one of Server.Hosts. A
// port is never admitted.
func (p Provider) onHosts(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && slices.ContainsFunc(p.Server.Hosts, func(host string) bool {
		domain, below := strings.CutPrefix(host, "*.")
		if !below {
			return host == "*" || host == u.Host
		}
		sub, ok := strings.CutSuffix(u.Host, "."+domain)
		return ok && labelsRE.MatchString(sub)
	})
}

var labelsRE = regexp.MustCompile(`^` + hostLabel + `(\.` + hostLabel + `)*$`)

// fixesDomain reports whether every part in the host of a URL template has a
// pattern, and every host of it is in a domain of at least two labels that the
// template and its patterns write out.
func (p Provider) fixesDomain(template string) bool {
	origin, _, _ := splitURL(template)
	_, host, _ := strings.Cut(origin, "://")
	if len(parts(host)) == 0 {
		return true
	}
	var pattern strings.Builder
	last := 0
	for _, at := range partRE.FindAllStringSubmatchIndex(host, -1) {
		i := slices.IndexFunc(p.Server.Params, func(x Param) bool { return x.Name == host[at[2]:at[3]] })
		if i < 0 || p.Server.Params[i].Pattern == "" {
			return false
		}
		pattern.WriteString(regexp.QuoteMeta(host[last:at[0]]))
		pattern.WriteString("(?:" + p.Server.Params[i].Pattern + ")")
		last = at[1]
	}
	pattern.WriteString(regexp.QuoteMeta(host[last:]))
	re, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil {
		return false
	}
	ends, whole := endsOf(re)
	return !slices.ContainsFunc(ends, func(end string) bool {
		if !whole {
			_, end, _ = strings.Cut(end, ".") // what precedes the first dot may go on to the left
		}
		return !hostRE.MatchString(end)
	})
}

// maxEnds is the maximum number of literal ends of a pattern.
const maxEnds = 64

// endsOf returns literal texts of which each match of re ends in one; whole
// reports that the matches are exactly these texts.
func endsOf(re *syntax.Regexp) (ends []string, whole bool) {
	ends, whole = []string{""}, false
	switch {
	case re.Flags&syntax.FoldCase != 0:
	case re.Op == syntax.OpEmptyMatch || re.Op == syntax.OpBeginText || re.Op == syntax.OpEndText:
		whole = true
	case re.Op == syntax.OpLiteral:
		ends, whole = []string{string(re.Rune)}, true
	case re.Op == syntax.OpCharClass:
		if runes, small := smallClass(re.Rune); small {
			ends, whole = runes, true
		}
	case re.Op == syntax.OpCapture:
		ends, whole = endsOf(re.Sub[0])
	case re.Op == syntax.OpPlus:
		ends, _ = endsOf(re.Sub[0])
	case re.Op == syntax.OpQuest:
		sub, exact := endsOf(re.Sub[0])
		ends, whole = slices.Concat(sub, []string{""}), exact
	case re.Op == syntax.OpAlternate:
		ends, whole = nil, true
		for _, sub := range re.Sub {
			more, exact := endsOf(sub)
			ends, whole = append(ends, more...), whole && exact
		}
	case re.Op == syntax.OpConcat:
		ends, whole = endsOfConcat(re.Sub)
	}
	if len(ends) > maxEnds {
		return []string{""}, false
	}
	return ends, whole
}

func endsOfConcat(subs []*syntax.Regexp) (ends []string, whole bool) {
	ends, whole = []string{""}, true
	for i := len(subs) - 1; i >= 0 && whole; i-- {
		var before []string
		before, whole = endsOf(subs[i])
		var longer []string
		for _, b := range before {
			for _, e := range ends {
				longer = append(longer, b+e)
			}
		}
		if len(longer) > maxEnds {
			return ends, false
		}
		ends = longer
	}
	return ends, whole
}

// smallClass lists the runes of a character class, given as ranges.
func smallClass(ranges []rune) (runes []string, small bool) {
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if len(runes) == 8 {
				return nil, false
			}
			runes = append(runes, string(r))
		}
	}
	return runes, true
}
