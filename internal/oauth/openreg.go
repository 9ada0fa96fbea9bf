package oauth

import (
	"context"
	"net/http"
)

// CheckRegistration reports whether an authorization server takes registrations
// from any client. It sends a document that is not JSON, which can't register
// anything, and returns an [*Error] if the server rejects the sender or the
// endpoint instead of the document. A server that checks the document first
// looks open, so nil is not a promise.
func CheckRegistration(ctx context.Context, hc *http.Client, endpoint string) error {
	if _, err := parseIdentifier(endpoint); err != nil {
		return &Error{Op: opRegister, Class: ClassConfig, Err: errEndpoint}
	}
	header := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {userAgent}}
	a, err := sendOnce(ctx, withinOrigin(hc), opRegister, http.MethodPost, endpoint, header, "[", maxMetadataBody)
	if err != nil {
		return err
	}
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone,
		http.StatusTooManyRequests, http.StatusServiceUnavailable:
		o, _ := parseObject(a.body, "error", "error_description")
		return formPost{op: opRegister}.failure(a, o, nil)
	}
	return nil
}
