package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

const maxMetadataBody = 256 << 10

// Discovery errors. Each is the cause of an [*Error].
var (
	// ErrNoMetadata: every location responded and none has such a document. A
	// location that could not be reached gives another error.
	ErrNoMetadata = errors.New("no metadata found")
	// ErrNoResource is [ErrNoMetadata] where a document lacks the resource that it
	// is for (RFC 9728 section 2).
	ErrNoResource = fmt.Errorf("%w: the document has no resource", ErrNoMetadata)
	// ErrMetadataLocked is [ErrNoMetadata] where a location requires a credential.
	ErrMetadataLocked = fmt.Errorf("%w: a location requires a credential", ErrNoMetadata)
	// ErrResourceMismatch: the document is for another resource (RFC 9728 section
	// 3.3). It must not be used, and no other location is tried.
	ErrResourceMismatch = errors.New("the metadata is for another resource")
	// ErrIssuerMismatch: a document or response has another issuer than expected
	// (RFC 8414 section 3.3, RFC 9207 section 2.4).
	ErrIssuerMismatch = errors.New("unexpected issuer")
	// ErrBadMetadata: a required endpoint is missing from the document, or an
	// endpoint is not allowed.
	ErrBadMetadata = errors.New("invalid metadata")
	// ErrNoPKCE: the authorization server does not advertise S256.
	ErrNoPKCE = errors.New("the server does not support PKCE with S256")
	// ErrNotBearer: the resource does not accept bearer tokens in a header: its
	// tokens are bound to a key or certificate, and another party can't use them.
	ErrNotBearer = errors.New("the server does not accept plain bearer tokens")
)

// firstDocument requests the places in order until read accepts a document. A
// place without such a document leads to the next one: any status but 200, an
// HTML page, a redirect to another origin, no response. An error of read ends
// the search, but for [ErrNoResource].
func firstDocument(ctx context.Context, hc *http.Client, op string, places []string, read func(place string, body []byte) (bool, error)) error {
	hc = withinOrigin(hc)
	var transient *Error
	none := ErrNoMetadata
	for _, place := range places {
		body, failed := getDocument(ctx, hc, op, place)
		if failed != nil {
			switch {
			case failed.Class != "":
				transient = failed
			case none == ErrNoMetadata && (failed.Status == http.StatusUnauthorized || failed.Status == http.StatusForbidden): //nolint:errorlint // the first value
				none = ErrMetadataLocked
			}
			continue
		}
		switch found, err := read(place, body); {
		case errors.Is(err, ErrNoResource):
			none = ErrNoResource
		case found || err != nil:
			return err
		}
	}
	if transient != nil {
		return transient
	}
	return &Error{Op: op, Err: none}
}

// getDocument fetches the document at place. A failure with a class means that
// a document may be there but could not be retrieved.
func getDocument(ctx context.Context, hc *http.Client, op, place string) ([]byte, *Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, &Error{Op: op, Class: ClassConfig, Err: errEndpoint}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	resp, err := hc.Do(req)
	if err != nil {
		if resp != nil {
			_ = resp.Body.Close()
		}
		failed := &Error{Op: op, Class: ClassNotConsumed, Err: safehttp.Cause(err)}
		if errors.Is(err, safehttp.ErrRedirect) {
			failed.Class = "" // to another origin: no document here
		}
		return nil, failed
	}
	defer resp.Body.Close()
	switch status := resp.StatusCode; {
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return nil, &Error{Op: op, Class: ClassNotConsumed, Status: status, RetryAfter: retryAfter(resp.Header)}
	case status != http.StatusOK:
		return nil, &Error{Op: op, Status: status}
	}
	body, err := readBody(resp, maxMetadataBody)
	if err != nil {
		return nil, &Error{Op: op, Class: ClassNotConsumed, Status: resp.StatusCode, Err: err}
	}
	return body, nil
}

// withinOrigin returns a client that follows redirects within an origin only:
// another origin must not respond for this one.
func withinOrigin(hc *http.Client) *http.Client {
	c := *hc
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if !safehttp.SameOrigin(req.URL, via[0].URL) {
			return safehttp.ErrRedirect
		}
		if hc.CheckRedirect != nil {
			return hc.CheckRedirect(req, via)
		}
		return nil
	}
	return &c
}

// An identifier is a parsed resource or issuer identifier.
type identifier struct {
	origin string // scheme and host, without a slash
	path   string // escaped, as written; "" or begins with a slash
	query  string // with the question mark, or ""
	local  bool   // http, allowed for loopback hosts only
}

var errIdentifier = errors.New("the identifier is not an absolute https URL")

// parseIdentifier parses an identifier: an https URL without user name and
// fragment, or an http URL with a loopback host.
func parseIdentifier(raw string) (identifier, error) {
	u, err := url.Parse(raw)
	if err != nil || checkEndpoint(raw) != nil || u.Opaque != "" {
		return identifier{}, errIdentifier
	}
	id := identifier{origin: u.Scheme + "://" + u.Host, path: u.EscapedPath(), local: u.Scheme == "http"}
	if u.RawQuery != "" {
		id.query = "?" + u.RawQuery
	}
	if id.local && !safehttp.IsLoopback(u.Hostname()) {
		return identifier{}, errIdentifier
	}
	return id, nil
}

// wellKnown inserts a well-known path between host and path (RFC 8414 section
// 3.1, RFC 9728 section 3.1).
func (id identifier) wellKnown(name string) string {
	path := id.path
	if path == "/" {
		path = ""
	}
	return id.origin + "/.well-known/" + name + path + id.query
}

// appendNew appends the strings that are not empty and not yet in the list.
func appendNew(list []string, more ...string) []string {
	for _, s := range more {
		if s != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// endpoints checks the URLs of a document. An http URL is allowed only if both
// it and the document's own URL are on loopback.
type endpoints struct {
	o     object
	local bool
	bad   []string
	shown []string // with their URLs
}

func (e *endpoints) get(name string) string {
	raw, ok := e.o.text(name, maxURL)
	if !ok && !e.o.missing(name) {
		e.bad = append(e.bad, name)
		return ""
	}
	if raw == "" {
		return ""
	}
	if id, err := parseIdentifier(raw); err != nil || id.local && !e.local {
		e.bad, e.shown = append(e.bad, name), append(e.shown, name+" "+ShowURL(raw))
		return ""
	}
	return raw
}

func (e *endpoints) err() error {
	if len(e.bad) == 0 {
		return nil
	}
	return &memberError{strings.Join(e.bad, ", "), strings.Join(e.shown, ", ")}
}

// A memberError names the invalid members of a document.
type memberError struct {
	members string
	shown   string // with their URLs; "" if the document has none
}

// ShowURL returns a URL of a document for an error: its scheme, host and path in
// ASCII, at most 200 bytes, without user name and query.
func ShowURL(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return "(none)"
	case err != nil:
		return "(malformed)"
	case u.Host == "":
		return "a URL of the scheme " + strconv.QuoteToASCII(u.Scheme)
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
	shown = strings.Trim(strconv.QuoteToASCII(shown), `"`)
	if len(shown) > maxDescription {
		shown = shown[:maxDescription] + "…"
	}
	return shown
}

func (e *memberError) Error() string { return ErrBadMetadata.Error() + ": " + e.members }

func (e *memberError) Unwrap() error { return ErrBadMetadata }
