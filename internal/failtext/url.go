package failtext

import (
	"net/url"
	"regexp"
	"strings"
)

// plainURL returns the first URL in t without default port, user, query and
// fragment; "" if there is none.
func plainURL(t string) string {
	raw := urlInText.FindString(t)
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return ""
	}
	rest = strings.TrimRight(rest, ".,;:!)]}>")
	rest, _, _ = strings.Cut(rest, "#")
	rest, _, _ = strings.Cut(rest, "?")
	host, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	scheme, host = strings.ToLower(scheme), strings.ToLower(host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	if host == "" {
		return ""
	}
	return scheme + "://" + host + path
}

var urlInText = regexp.MustCompile(`(?i)\bhttps?://[^\s"'<>|\\^` + "`" + `]+`)

// maxURL is how long a consent page's URL may be: it carries a sealed state.
const maxURL = 4 << 10

// consentURL returns the URL of a consent page if it may be shown: https, with a
// host, without a user, and on one line.
func consentURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || len(raw) > maxURL || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsFunc(raw, unfit) {
		return ""
	}
	return raw
}

// unfit reports whether a URL must not contain the character.
func unfit(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"'<>\\^`{|}", c) }
