package issuer

import "strings"

// Same reports whether two issuers are the same when one of them is looked up
// in configuration: byte for byte or, for issuers without a path, but for one
// slash at the end, which vendors write in one document and leave out in
// another. The iss parameter and metadata documents are compared byte for byte
// instead (RFC 8414 section 3.3, RFC 9207 section 2.4).
func Same(a, b string) bool {
	if a == b {
		return true
	}
	a, b = strings.TrimSuffix(a, "/"), strings.TrimSuffix(b, "/")
	_, rest, absolute := strings.Cut(a, "://")
	return a == b && absolute && rest != "" && !strings.ContainsAny(rest, "/?#")
}
