// Package safehttp provides the HTTP client that this module uses.
//
// A backend that connects its users to remote servers requests URLs from
// untrusted responses: a WWW-Authenticate header names a metadata document,
// which names an authorization server, which names a token endpoint. [New]
// returns an [http.Client] that can safely request them:
//
//	hc := safehttp.New(nil)
//	req, err := http.NewRequestWithContext(ctx, http.MethodGet, metadataURL, nil)
//	…
//	resp, err := hc.Do(req)
//	switch {
//	case errors.Is(err, safehttp.ErrBlocked): // a private address, plain http, a user name in the URL
//	case errors.Is(err, safehttp.ErrRedirect): // a redirect that must not be followed
//	}
//
// # Security
//
// Only https is allowed. Addresses are checked when the connection is made,
// which also catches names that resolve differently later: private, link-local,
// loopback, reserved and IPv6-translated addresses are blocked. Proxies of the
// environment are ignored, because behind a proxy only the proxy's address
// could be checked; to use one, or an intranet, pass a transport. A request
// with a body is never redirected. GET and HEAD follow at most three redirects,
// each of them checked, and lose all headers except Accept and User-Agent if
// the origin changes. Bodies and headers are limited, never decompressed, and
// share one deadline.
//
// Only HTTP/1.1 is used, and idle connections are closed after three seconds:
// common servers close theirs after five, and if a token request meets a
// closing connection, it is unknown whether the server read it.
//
// # Errors
//
// Use [errors.Is] for [ErrBlocked], [ErrRedirect] and [ErrTooLarge]. The
// [net/url.Error] around them contains the whole URL: log [Cause] of it
// instead.
package safehttp
