package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// A Registration is a client that an authorization server registered.
type Registration struct {
	ClientID     string
	Secret       secret.Secret // zero for a public client, even if the server sent one
	AuthMethod   string        // one of the Auth constants: the server's, else the requested one
	IssuedAt     time.Time     // zero: unknown
	SecretExpiry time.Time     // zero: none, or no secret
	GrantTypes   []string      // nil: unknown
	Scopes       []string      // sorted; nil: unknown
	// ManageURL and ManageToken read and change the registration (RFC 7592). They
	// are empty if the server does not support that.
	ManageURL   string
	ManageToken secret.Secret
}

// A RegisterRequest describes a dynamic registration (RFC 7591 section 3.1).
type RegisterRequest struct {
	Endpoint     string
	Metadata     ClientMetadata
	InitialToken secret.Secret // for servers without open registration; zero: none
}

const (
	opRegister = "registration"
	opManage   = "registration management"
)

var registrationMembers = []string{
	"client_id", "client_secret", "client_id_issued_at", "client_secret_expires_at", "token_endpoint_auth_method",
	"grant_types", "scope", "registration_client_uri", "registration_access_token",
	"error", "error_description",
}

var (
	errNoClientID    = errors.New("the response has no client id")
	errForeignMethod = errors.New("the server registered an authentication method that was not requested")
	errSecretMissing = errors.New("the server requires a client secret but issued none")
)

// Register registers the application as a client of an authorization server. It
// sends one request; an error of class [ClassUnknown] means that a client may
// have been registered. Errors contain no response text except the code,
// because the response contains the client's secret.
func Register(ctx context.Context, hc *http.Client, r RegisterRequest) (*Registration, error) {
	document, err := r.Metadata.document()
	if err != nil {
		return nil, &Error{Op: opRegister, Class: ClassConfig, Err: err}
	}
	m := registrationPost{op: opRegister, method: http.MethodPost, target: r.Endpoint, token: r.InitialToken}
	return m.send(ctx, hc, &document, Registration{AuthMethod: r.Metadata.AuthMethod})
}

// registrationPost is one request to a registration or management endpoint.
type registrationPost struct {
	op     string
	method string
	target string
	token  secret.Secret
}

// send sends document, if not nil, and returns the registration in the
// response. Values that the response omits are taken from known.
func (r registrationPost) send(ctx context.Context, hc *http.Client, document *clientDocument, known Registration) (*Registration, error) {
	id, err := parseIdentifier(r.target)
	if err != nil {
		return nil, &Error{Op: r.op, Class: ClassConfig, Err: errEndpoint}
	}
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}}
	if !r.token.IsZero() {
		header.Set("Authorization", "Bearer "+r.token.Expose())
	}
	var content []byte
	if document != nil {
		header.Set("Content-Type", "application/json")
		if content, err = json.Marshal(document); err != nil { //nolint:gosec // RFC 7592 section 2.2 sends the secret
			return nil, &Error{Op: r.op, Class: ClassConfig, Err: err}
		}
	}
	a, err := sendOnce(ctx, withinOrigin(hc), r.op, r.method, r.target, header, string(content), maxMetadataBody)
	if err != nil {
		return nil, err
	}
	o, err := parseObject(a.body, registrationMembers...)
	if a.bodyErr != nil {
		o, err = nil, a.bodyErr
	}
	p := formPost{op: r.op, sent: []secret.Secret{r.token, known.Secret}}
	if a.status < 200 || a.status > 299 {
		return nil, p.failure(a, o, a.bodyErr)
	}
	if err == nil && o.missing("client_id") && o.code() != "" {
		return nil, p.failure(a, o, nil)
	}
	if err == nil {
		var got *Registration
		if got, err = parseRegistration(o, known, id.local); err == nil {
			return got, nil
		}
		if errors.Is(err, errForeignMethod) || errors.Is(err, errSecretMissing) {
			return nil, &Error{Op: r.op, Class: ClassConfig, Status: a.status, Err: err}
		}
	}
	return nil, &Error{Op: r.op, Class: ClassUnknown, Status: a.status, Err: err}
}

// parseRegistration parses a registration response (RFC 7591 section 3.2.1, RFC
// 7592 section 3) and tolerates deviations of real servers: times as strings or
// with fractions, a secret for a public client, omitted members. The redirect
// URIs in it are not compared: servers omit or normalize them, and the
// authorization endpoint decides.
func parseRegistration(o object, known Registration, local bool) (*Registration, error) {
	r := known
	if id, ok := o.text("client_id", maxURL); ok && id != "" {
		r.ClientID = id
	}
	if r.ClientID == "" {
		return nil, errNoClientID
	}
	if method, ok := o.text("token_endpoint_auth_method", maxCode); ok && method != "" {
		r.AuthMethod = method
	}
	if text, ok := o.text("client_secret", maxText); ok && text != "" {
		r.Secret = secret.New(text)
		r.SecretExpiry = o.instant("client_secret_expires_at")
	}
	switch r.AuthMethod {
	case AuthNone:
		r.Secret, r.SecretExpiry = secret.Secret{}, time.Time{}
	case AuthBasic, AuthPost:
		if r.Secret.IsZero() {
			return nil, errSecretMissing
		}
	case AuthPrivateKeyJWT:
		if known.AuthMethod != AuthPrivateKeyJWT {
			return nil, errForeignMethod
		}
	default:
		return nil, errForeignMethod
	}
	if at := o.instant("client_id_issued_at"); !at.IsZero() {
		r.IssuedAt = at
	}
	lists := lists{o: o}
	if grants := lists.get("grant_types"); grants != nil {
		r.GrantTypes = grants
	}
	if lists.err != nil {
		return nil, lists.err
	}
	if scopes := o.scopes(); scopes != nil {
		r.Scopes = scopes
	}
	urls := endpoints{o: o, local: local}
	if manage := urls.get("registration_client_uri"); manage != "" {
		r.ManageURL = manage
	}
	if token, ok := o.text("registration_access_token", maxText); ok && wellFormed(token) {
		r.ManageToken = secret.New(token)
	}
	return &r, nil
}

// instant returns a member that is a point in time: seconds since 1970 as a
// number or string, milliseconds if it would otherwise be after the year 5000,
// or an RFC 3339 date. It returns the zero time if the member is absent, 0 or
// not a time.
func (o object) instant(name string) time.Time {
	if text, ok := o.text(name, 64); ok {
		if at, err := time.Parse(time.RFC3339, strings.TrimSpace(text)); err == nil {
			return at
		}
	}
	const millis = 1e11
	f, ok := o.number(name)
	switch {
	case !ok || f <= 0 || f > millis*1000:
		return time.Time{}
	case f > millis:
		return time.UnixMilli(int64(f))
	default:
		return time.Unix(int64(f), 0)
	}
}
