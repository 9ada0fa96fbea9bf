// Package safehttp makes the one kind of HTTP client that this module uses.
//
// A backend that connects its users to remote servers fetches addresses that
// strangers wrote: a WWW-Authenticate header names a metadata document, which
// names an authorization server, which names a token endpoint. [New] returns
// an ordinary [http.Client] that is safe to point at them:
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
// Only https is spoken. What a name resolves to is judged when the connection
// is made, so that a name which changes its mind is caught too: addresses that
// are private, link-local, loopback, reserved or translated to IPv6 are
// refused. Proxies of the environment are not used, since behind one only the
// proxy's address could be judged; who wants one, or an intranet, brings a
// transport of their own. A request with a body is never redirected;
// GET and HEAD follow at most three redirects, each judged anew, and lose all
// headers but Accept and User-Agent where the origin changes. Bodies and
// headers are bounded, never inflated, and have one deadline in total.
//
// HTTP/1.1 only is spoken, and idle connections are closed after three
// seconds: common servers close theirs after five, and a token request that
// meets a closing connection can't tell whether it was read.
//
// # Errors
//
// [ErrBlocked], [ErrRedirect] and [ErrTooLarge] are found with [errors.Is].
// The [net/url.Error] around them names the whole URL: a caller that logs
// unwraps it first.
package safehttp
