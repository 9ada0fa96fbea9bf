package platform

import (
	"net/url"
	"path"
	"strings"
)

// Of returns the platform whose API has a host of u, and whether there is one. It
// does not resolve names.
func Of(u *url.URL) (Platform, bool) {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	var found Platform
	longest := -1
	for _, p := range data {
		candidate := p()
		for _, pattern := range candidate.Hosts {
			name, below, _ := strings.Cut(pattern, "/")
			if ok, err := path.Match(name, host); err != nil || !ok || !strings.HasPrefix(path.Clean("/"+u.Path)+"/", "/"+below) {
				continue
			}
			if len(below) > longest {
				found, longest = candidate, len(below)
			}
		}
	}
	return found, longest >= 0
}
