package oauth

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// maxClientDocument is the size that servers should support at least
// (draft-ietf-oauth-client-id-metadata-document section 6.6).
const maxClientDocument = 5 << 10

var (
	errDocumentURL = errtext.New("oauth: the URL of a client ID metadata document must be https with a path, and have no user name, fragment, query or dot segments")
	errDocument    = errtext.New("oauth: invalid client ID metadata document")
)

// CheckDocumentURL returns an error if the URL can't be the client id of a
// metadata document (draft-ietf-oauth-client-id-metadata-document section 3).
// Servers compare it byte by byte. loopback also allows http on loopback, for
// tests.
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

// ClientDocument returns the document to serve at documentURL as
// application/json, which makes that URL a client id. The client is public or
// has a key: a public document can't contain a secret.
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

// ValidateDocument checks a document as an authorization server does after it
// fetched it from documentURL.
func ValidateDocument(documentURL string, body []byte, loopback bool) error {
	if err := CheckDocumentURL(documentURL, loopback); err != nil {
		return err
	}
	fail := func(reason string) error { return fmt.Errorf("%w: %s", errDocument, reason) }
	if len(body) > maxClientDocument {
		return fail("larger than 5 KiB")
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
		return fail("contains a client secret")
	}
	switch method, _ := o.text("token_endpoint_auth_method", maxCode); method {
	case AuthNone:
	case AuthPrivateKeyJWT:
		if o.missing("jwks") && o.missing("jwks_uri") {
			return fail("private_key_jwt needs jwks or jwks_uri")
		}
	default:
		return fail("token_endpoint_auth_method must be none or private_key_jwt")
	}
	return nil
}
