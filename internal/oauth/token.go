package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/secret"
)

// A TokenResponse is a successful response of a token endpoint (RFC 6749
// section 5.1). Parsing is as tolerant as is safe: a rotating refresh token is
// already consumed at this point.
type TokenResponse struct {
	AccessToken  secret.Secret
	RefreshToken secret.Secret // zero: none in the response; the caller keeps its own
	TokenType    string        // as sent, but "Bearer" for one of TokenShape.Types; "" if absent
	// Expiry is relative to the start of the request and within [start, start + 10
	// years]. Zero: not in the response.
	Expiry     time.Time
	Scopes     []string  // granted scopes, sorted; nil: not in the response
	ServerDate time.Time // Date header, to detect clock skew; zero if absent
	// IssuedTokenType is the type that a token exchange issued (RFC 8693 section
	// 2.2.1).
	IssuedTokenType string
	// Problem, if not nil, says why the access token can't be used: its token_type
	// is not bearer, or it is empty or malformed. The refresh token may still be
	// valid: store both tokens, but do not use the access token.
	Problem error
}

// Problems of an access token.
var (
	// ErrTokenType: the token_type is not bearer, so that OpenAI can't send the
	// token.
	ErrTokenType = errors.New("the token_type is not bearer")

	errMalformedToken = errtext.New("oauth: the access token is empty or malformed")
	errMixedAnswer    = errtext.New("oauth: the response has both a token and an error")
	errOtherTokenType = errtext.New("oauth: the server issued another token type than requested")
)

var errNoToken = errors.New("the response has no token")

// A TokenShape describes how a server's token responses differ from RFC 6749.
// The zero value means that they do not.
type TokenShape struct {
	Types  []string // token_type values beside bearer of bearer tokens
	Member string   // member of the response whose tokens take precedence; "": none
}

// A grant is one request for a token.
type grant struct {
	op       string
	endpoint string
	client   *Client
	form     url.Values
	sent     []secret.Secret
	refused  []string
	// formAnswer allows a form-encoded response.
	formAnswer bool
	shape      TokenShape
	// exchanged: the response is that of a token exchange, whose token need not be
	// an access token.
	exchanged bool
}

// tokenMembers are the members of a token response that are parsed.
var tokenMembers = []string{
	"access_token", "refresh_token", "token_type", "expires_in", "scope", "issued_token_type", "error", "error_description",
}

func (g grant) request(ctx context.Context, hc *http.Client) (*TokenResponse, error) {
	p := formPost{op: g.op, endpoint: g.endpoint, form: g.form, client: g.client, sent: g.sent, refused: g.refused}
	a, err := p.send(ctx, hc)
	if err != nil {
		return nil, err
	}
	o, err := decodeToken(a, g.formAnswer, g.shape.Member)
	if a.status < 200 || a.status > 299 {
		return nil, p.failure(a, o, a.bodyErr)
	}
	if err != nil {
		return nil, &Error{Op: g.op, Class: ClassUnknown, Status: a.status, Err: err}
	}
	t, err := tokenFrom(o, a.start, g)
	if err != nil {
		if o.code() != "" { // an error with a success status
			return nil, p.failure(a, o, nil)
		}
		return nil, &Error{Op: g.op, Class: ClassUnknown, Status: a.status, Err: err}
	}
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		t.ServerDate = date
	}
	return t, nil
}

// decodeToken parses the members of a token response. It ignores the
// Content-Type, because some servers send JSON as text.
func decodeToken(a *answer, formAnswer bool, member string) (object, error) {
	if a.bodyErr != nil {
		return nil, a.bodyErr
	}
	wanted := tokenMembers
	if member != "" {
		wanted = append([]string{member}, tokenMembers...)
	}
	o, err := parseObject(a.body, wanted...)
	if inner, innerErr := parseObject(o[member], tokenMembers...); err == nil && innerErr == nil && o.code() == "" && !inner.missing("access_token") {
		return inner, nil
	}
	if errors.Is(err, errNotObject) && formAnswer && len(a.body) <= maxText {
		return parseForm(string(a.body))
	}
	return o, err
}

// parseForm parses a form-encoded response. Some servers send it unless JSON is
// requested, and a few always.
func parseForm(body string) (object, error) {
	values, err := url.ParseQuery(strings.TrimSpace(body))
	if err != nil {
		return nil, errNotObject
	}
	o := make(object, len(tokenMembers))
	for _, name := range tokenMembers {
		all := values[name]
		if len(slices.Compact(all)) > 1 {
			return nil, errDuplicate
		}
		if len(all) > 0 {
			if o[name], err = json.Marshal(all[0]); err != nil {
				return nil, errNotObject
			}
		}
	}
	return o, nil
}

// code returns the OAuth error code of a response, or "".
func (o object) code() string {
	text, _ := o.text("error", maxCode)
	return oauthCode(text)
}

// tokenFrom converts a response's members to a token response.
func tokenFrom(o object, start time.Time, g grant) (*TokenResponse, error) {
	access, accessOK := o.text("access_token", maxText)
	refresh, refreshOK := o.text("refresh_token", maxText)
	if !refreshOK && !o.missing("refresh_token") {
		return nil, errAnswer // it may replace the consumed one
	}
	if access == "" && refresh == "" && (accessOK || o.missing("access_token")) {
		return nil, errNoToken
	}
	t := &TokenResponse{RefreshToken: secret.New(refresh)}
	t.TokenType, _ = o.text("token_type", maxCode)
	t.TokenType = oneLine(t.TokenType, maxCode)
	if slices.Contains(g.shape.Types, t.TokenType) {
		t.TokenType = "Bearer"
	}
	t.IssuedTokenType, _ = o.text("issued_token_type", maxURL)
	if wellFormed(access) {
		t.AccessToken = secret.New(access)
	} else {
		t.Problem = errMalformedToken
	}
	switch {
	case o.code() != "":
		t.Problem = errMixedAnswer
	case t.Problem == nil && !strings.EqualFold(t.TokenType, "bearer") && !o.bearer(g.exchanged):
		t.Problem = foreignType(t.TokenType)
	}
	if life, ok := o.seconds("expires_in"); ok {
		t.Expiry = start.Add(life)
	}
	t.Scopes = o.scopes()
	return t, nil
}

// foreignType returns an error that names the type. It is text of the server,
// so only the form of a type's name is quoted.
func foreignType(name string) error {
	if !typeRE.MatchString(name) {
		return errtext.Errorf("oauth: %w", ErrTokenType)
	}
	return errtext.Errorf("oauth: %w but %s", ErrTokenType, name)
}

var typeRE = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// bearer reports whether the access token is a bearer token, the only kind that
// a tool's authorization field can contain. A missing type means bearer. An
// exchange may issue something other than an access token, with the type N_A
// (RFC 8693 section 2.2.1).
func (o object) bearer(exchanged bool) bool {
	if o.missing("token_type") {
		return true
	}
	text, ok := o.text("token_type", maxCode)
	return ok && (text == "" || strings.EqualFold(text, "bearer") || exchanged && strings.EqualFold(text, "N_A"))
}

// wellFormed reports whether a header can contain token. RFC 6750 section 2.1
// allows fewer characters, but real tokens have colons.
func wellFormed(token string) bool {
	for _, c := range []byte(token) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return token != ""
}

// scopes returns the granted scopes: a string separated by spaces (RFC 6749)
// or, for some servers, by commas, or a list.
func (o object) scopes() []string {
	list, err := o.list("scope")
	if err != nil {
		return nil
	}
	if text, ok := o.text("scope", maxText); ok {
		list = splitScopes(text)
	}
	return sortedScopes(list)
}
