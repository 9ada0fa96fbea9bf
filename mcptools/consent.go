package mcptools

import (
	"net/url"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// consentURL returns the page at which the owner of key connects the entry's
// provider; "" if there is none.
func (o *BuildOptions) consentURL(key oauthstore.Key) string {
	if o.ConsentURL == nil {
		return ""
	}
	if page := o.ConsentURL(key); isPage(page) {
		return page
	}
	return ""
}

// isPage reports whether a link is safe in a page of the caller's site: a path of
// that site, or https. A site on loopback may use http.
func isPage(link string) bool {
	u, err := url.Parse(link)
	if err != nil || u.Opaque != "" || u.User != nil || !printable(link) || strings.ContainsAny(link, "\\\t\r\n") {
		return false
	}
	switch u.Scheme {
	case "":
		return u.Host == "" && strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//")
	case "https":
		return u.Host != ""
	case "http":
		return safehttp.IsLoopback(u.Hostname())
	}
	return false
}

// askForConsent adds the page to a failure that the owner can fix there, unless
// the platform named one.
func (f *Failure) askForConsent(page string) {
	if f.ConsentURL == "" && (f.Action == ActionConnect || f.Action == ActionReconnect) {
		f.ConsentURL = page
	}
}
