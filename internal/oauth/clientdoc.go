package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// maxClientDocument is the size that servers are told to read at least
// (draft-ietf-oauth-client-id-metadata-document section 6.6).
const maxClientDocument = 5 << 10

var (
	errDocumentURL = errors.New("oauth: the URL of a client ID metadata document is https with a path, without user name, fragment, query and dot segments")
	errDocument    = errors.New("oauth: the client ID metadata document is unusable")
)

// CheckDocumentURL judges whether a URL can be a client id that names a
// document (draft-ietf-oauth-client-id-metadata-document section 3). Servers
// compare it to the byte. loopback permits http on this machine too, for tests.
func CheckDocumentURL(raw string, loopback bool) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && (!loopback || u.Scheme != "http" || !safehttp.IsLoopback(u.Hostname())) || u.Hostname() == "" || u.User != nil || len(raw) > maxURL ||
		strings.ContainsAny(raw, "#?") || u.EscapedPath() == "" || u.EscapedPath() == "/" {
		return errDocumentURL
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return errDocumentURL
		}
	}
	return nil
}

// ClientDocument builds the document to serve at documentURL as
// application/json, which makes that URL a client id. The client is public or
// holds a key: secrets can't be in a document that anyone reads.
func ClientDocument(documentURL string, m ClientMetadata, loopback bool) ([]byte, error) {
	if err := CheckDocumentURL(documentURL, loopback); err != nil {
		return nil, err
	}
	d, err := m.document()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDocument, err)
	}
	d.ClientID = documentURL
	body, err := json.Marshal(d) //nolint:gosec // the secret is empty in a document
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDocument, err)
	}
	return body, ValidateDocument(documentURL, body, loopback)
}

// ValidateDocument judges a document as an authorization server will that
// fetched it from documentURL.
func ValidateDocument(documentURL string, body []byte, loopback bool) error {
	if err := CheckDocumentURL(documentURL, loopback); err != nil {
		return err
	}
	fail := func(why string) error { return fmt.Errorf("%w: %s", errDocument, why) }
	if len(body) > maxClientDocument {
		return fail("it is larger than 5 KiB")
	}
	o, err := parseObject(body, "client_id", "client_name", "redirect_uris", "token_endpoint_auth_method",
		"client_secret", "client_secret_expires_at", "jwks", "jwks_uri")
	if err != nil {
		return fmt.Errorf("%w: %w", errDocument, err)
	}
	if id, _ := o.text("client_id", maxURL); id != documentURL {
		return fail("client_id is not the URL of the document")
	}
	if name, _ := o.text("client_name", maxText); name == "" {
		return fail("client_name is missing")
	}
	redirects, err := o.list("redirect_uris")
	if err != nil || len(redirects) == 0 {
		return fail("redirect_uris is missing")
	}
	if slices.ContainsFunc(redirects, func(uri string) bool { _, err := checkRedirectURI(uri); return err != nil }) {
		return fmt.Errorf("%w: %w", errDocument, errRedirectURI)
	}
	if !o.missing("client_secret") || !o.missing("client_secret_expires_at") {
		return fail("it holds a secret")
	}
	switch method, _ := o.text("token_endpoint_auth_method", maxCode); method {
	case AuthNone:
	case AuthPrivateKeyJWT:
		if o.missing("jwks") && o.missing("jwks_uri") {
			return fail("private_key_jwt needs jwks or jwks_uri")
		}
	default:
		return fail("token_endpoint_auth_method is neither none nor private_key_jwt")
	}
	return nil
}
