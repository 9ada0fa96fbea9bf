package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// A TokenResponse is what a token endpoint answered with success (RFC 6749
// section 5.1), read as tolerantly as is safe: by the time it is read, a
// rotating refresh token is spent.
type TokenResponse struct {
	AccessToken  secret.Secret
	RefreshToken secret.Secret // zero: none in the answer, and the caller keeps the one it has
	TokenType    string        // as sent; "" if the answer did not say
	// Expiry is counted from the start of the request, and never lies outside
	// of [start, start + 10 years]. Zero: the answer did not say.
	Expiry     time.Time
	Scopes     []string  // granted, sorted; nil: the answer did not say
	ServerDate time.Time // Date header, for the skew of clocks; zero if there is none
	// IssuedTokenType says what a token exchange gave (RFC 8693 section 2.2.1).
	IssuedTokenType string
	// Problem, if not nil, says why the access token can't be used: a
	// token_type that is not bearer, an empty or malformed token. The refresh
	// token may be good: the pair is stored first and then not handed out.
	Problem error
}

// Problems of an access token.
var (
	errForeignType    = errors.New("oauth: the token_type is not bearer")
	errMalformedToken = errors.New("oauth: the access token is empty or malformed")
	errMixedAnswer    = errors.New("oauth: the answer holds both a token and an error")
	errOtherTokenType = errors.New("oauth: the server issued another type of token than was asked for")
)

var errNoToken = errors.New("the answer holds no token")

// A grant is one request for a token.
type grant struct {
	op       string
	endpoint string
	client   *Client
	form     url.Values
	sent     []secret.Secret
	refused  []string
	// formAnswer: an answer may be form-encoded.
	formAnswer bool
	// exchanged: the answer is that of a token exchange, whose token need not be
	// an access token.
	exchanged bool
}

// tokenMembers are the members of a token answer that are read.
var tokenMembers = []string{
	"access_token", "refresh_token", "token_type", "expires_in", "scope", "issued_token_type", "error", "error_description",
}

func (g grant) request(ctx context.Context, hc *http.Client) (*TokenResponse, error) {
	p := formPost{op: g.op, endpoint: g.endpoint, form: g.form, client: g.client, sent: g.sent, refused: g.refused}
	a, err := p.send(ctx, hc)
	if err != nil {
		return nil, err
	}
	o, err := decodeToken(a, g.formAnswer)
	if a.status < 200 || a.status > 299 {
		return nil, p.failure(a, o, a.bodyErr)
	}
	if err != nil {
		return nil, &Error{Op: g.op, Class: ClassUnknown, Status: a.status, Err: err}
	}
	t, err := tokenFrom(o, a.start, g.exchanged)
	if err != nil {
		if o.code() != "" { // an error with the status of a success
			return nil, p.failure(a, o, nil)
		}
		return nil, &Error{Op: g.op, Class: ClassUnknown, Status: a.status, Err: err}
	}
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		t.ServerDate = date
	}
	return t, nil
}

// decodeToken reads the members of a token answer. The Content-Type is not
// asked: servers that send JSON as text exist, and what is no JSON object is
// found out by reading it.
func decodeToken(a *answer, formAnswer bool) (object, error) {
	if a.bodyErr != nil {
		return nil, a.bodyErr
	}
	o, err := parseObject(a.body, tokenMembers...)
	if errors.Is(err, errNotObject) && formAnswer && len(a.body) <= maxText {
		return parseForm(string(a.body))
	}
	return o, err
}

// parseForm reads a form-encoded answer, which some servers give to whoever
// does not ask for JSON, and a few even then.
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

// code returns the OAuth error code of an answer, or "".
func (o object) code() string {
	text, _ := o.text("error", maxCode)
	return oauthCode(text)
}

// tokenFrom makes a token of an answer's members.
func tokenFrom(o object, start time.Time, exchanged bool) (*TokenResponse, error) {
	access, accessOK := o.text("access_token", maxText)
	refresh, refreshOK := o.text("refresh_token", maxText)
	if !refreshOK && !o.missing("refresh_token") {
		return nil, errAnswer // it may be the successor of the one that was spent
	}
	if access == "" && refresh == "" && (accessOK || o.missing("access_token")) {
		return nil, errNoToken
	}
	t := &TokenResponse{RefreshToken: secret.New(refresh)}
	t.TokenType, _ = o.text("token_type", maxCode)
	t.TokenType = said(t.TokenType, maxCode)
	t.IssuedTokenType, _ = o.text("issued_token_type", maxURL)
	if wellFormed(access) {
		t.AccessToken = secret.New(access)
	} else {
		t.Problem = errMalformedToken
	}
	switch {
	case o.code() != "":
		t.Problem = errMixedAnswer
	case t.Problem == nil && !o.bearer(exchanged):
		t.Problem = errForeignType
	}
	if life, ok := o.seconds("expires_in"); ok {
		t.Expiry = start.Add(life)
	}
	t.Scopes = o.scopes()
	return t, nil
}

// bearer reports whether the access token travels as a bearer token, which is
// all that an entry's authorization can carry. A server that names no type
// means this one. What an exchange gives may be no access token at all, and is
// then of type N_A (RFC 8693 section 2.2.1).
func (o object) bearer(exchanged bool) bool {
	if o.missing("token_type") {
		return true
	}
	text, ok := o.text("token_type", maxCode)
	return ok && (text == "" || strings.EqualFold(text, "bearer") || exchanged && strings.EqualFold(text, "N_A"))
}

// wellFormed reports whether token can travel in a header. RFC 6750 section
// 2.1 has fewer characters than that, but tokens with colons are real.
func wellFormed(token string) bool {
	for _, c := range []byte(token) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return token != ""
}

// scopes reads the granted scopes: a text with spaces as RFC 6749 has it, with
// commas as some servers write it, or a list.
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
