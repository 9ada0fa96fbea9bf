package safehttp

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// A Plain says where plain http may be used with a secret.
type Plain int

// Values of Plain.
const (
	PlainNowhere  Plain = iota // https only
	PlainLoopback              // on this machine
	PlainAnywhere              // everywhere, such as inside a cluster
)

// CheckURL returns an error if a request with a secret must not be sent to u.
// The error is an [ErrBlocked], and its text contains no part of the URL.
func CheckURL(u *url.URL, plain Plain) error {
	switch {
	case u == nil || u.Host == "" || u.Opaque != "":
		return fmt.Errorf("%w: the URL has no host", ErrBlocked)
	case u.User != nil:
		return fmt.Errorf("%w: the URL has a user name or password", ErrBlocked)
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("%w: the URL is not https", ErrBlocked)
	case plain == PlainAnywhere, plain == PlainLoopback && IsLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%w: the URL is http, not https", ErrBlocked)
}

// IsLoopback reports whether host is a loopback address or name: localhost or a
// name that ends in .localhost (RFC 6761 section 6.3).
func IsLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// SameOrigin reports whether two URLs have the same scheme, host and port.
func SameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}
