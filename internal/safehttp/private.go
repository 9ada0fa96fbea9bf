package safehttp

import (
	"net/netip"
	"strings"
)

// IsPrivate reports whether host can only be one of the caller's own network or
// machine: an address that is not public, or a name without a public suffix. It
// does not resolve names.
func IsPrivate(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		return !addr.IsGlobalUnicast() || addr.IsPrivate() || sharedAddresses.Contains(addr)
	}
	if !strings.Contains(host, ".") {
		return true
	}
	for _, suffix := range privateSuffixes {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

var (
	sharedAddresses = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

	// privateSuffixes end names that the public DNS does not have: RFC 6761, RFC 6762,
	// RFC 8375, ICANN's .internal, and names of clusters and home networks.
	privateSuffixes = []string{
		".localhost", ".local", ".internal", ".home.arpa", ".svc", ".lan", ".intranet", ".corp", ".home",
	}
)
