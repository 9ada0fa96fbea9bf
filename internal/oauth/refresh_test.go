package oauth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
)

func TestRefreshSendsTheParametersOfTheGrant(t *testing.T) {
	t.Parallel()
	srv := newRecorder(t, says(200, `{"access_token":"new"}`))
	r := request(srv.URL + "/token?tenant=1")
	r.Scopes = []string{"read", "write"}
	_, err := oauth.Refresh(t.Context(), client(t), r)
	require.NoError(t, err)
	form, header := srv.one(t)
	assert.Equal(t, map[string][]string{
		"grant_type":    {"refresh_token"},
		"refresh_token": {canaryRefresh},
		"resource":      {"https://mcp.example/mcp"},
		"scope":         {"read write"},
		"client_id":     {"app"},
		"client_secret": {canarySecret},
	}, map[string][]string(form))
	assert.Equal(t, "application/json", header.Get("Accept"))
	assert.Equal(t, "application/x-www-form-urlencoded", header.Get("Content-Type"))
	assert.Empty(t, header.Get("Idempotency-Key"), "net/http would retry the request")
}

func TestRefreshOmitsEmptyParameters(t *testing.T) {
	t.Parallel()
	srv := newRecorder(t, says(200, `{"access_token":"new"}`))
	r := request(srv.URL)
	r.Resource = ""
	_, err := oauth.Refresh(t.Context(), client(t), r)
	require.NoError(t, err)
	form, _ := srv.one(t)
	assert.NotContains(t, form, "resource")
	assert.NotContains(t, form, "scope")
}

// success is the expected result of a response with status 200.
type success struct {
	access  string
	refresh string
	life    time.Duration // of Expiry; -1: none
	scopes  []string
	problem string // part of Problem's text
}

func TestSuccessfulResponsesAreParsedTolerantly(t *testing.T) {
	t.Parallel()
	year := 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		body string
		want success
	}{
		"21 no refresh_token: the caller keeps its own": {
			`{"access_token":"a","expires_in":60}`, success{access: "a", life: time.Minute},
		},
		"21 refresh_token null or empty is none": {
			`{"access_token":"a","refresh_token":null}`, success{access: "a", life: -1},
		},
		"21 a rotated refresh_token": {
			`{"access_token":"a","refresh_token":"r","expires_in":60}`, success{access: "a", refresh: "r", life: time.Minute},
		},
		"22 no expires_in: unknown, not forever": {
			`{"access_token":"a"}`, success{access: "a", life: -1},
		},
		"22 expires_in null": {
			`{"access_token":"a","expires_in":null}`, success{access: "a", life: -1},
		},
		"22 expires_in in words": {
			`{"access_token":"a","expires_in":"one hour"}`, success{access: "a", life: -1},
		},
		"22 expires_in is not a number": {
			`{"access_token":"a","expires_in":{"s":1}}`, success{access: "a", life: -1},
		},
		"23 expires_in as a text": {
			`{"access_token":"a","expires_in":"3600"}`, success{access: "a", life: time.Hour},
		},
		"23 expires_in with a fraction": {
			`{"access_token":"a","expires_in":3599.5}`, success{access: "a", life: 3599500 * time.Millisecond},
		},
		"23 expires_in with an exponent": {
			`{"access_token":"a","expires_in":3.6e3}`, success{access: "a", life: time.Hour},
		},
		"23 expires_in as a text with a fraction": {
			`{"access_token":"a","expires_in":" 3600.0 "}`, success{access: "a", life: time.Hour},
		},
		"24 negative expires_in is expired": {
			`{"access_token":"a","expires_in":-5}`, success{access: "a", life: 0},
		},
		"24 zero is zero, not never": {
			`{"access_token":"a","expires_in":0}`, success{access: "a", life: 0},
		},
		"24 1e18 is ten years": {
			`{"access_token":"a","expires_in":1e18}`, success{access: "a", life: 10 * year},
		},
		"24 a very long number is ten years": {
			`{"access_token":"a","expires_in":1e999}`, success{access: "a", life: 10 * year},
		},
		"24 the largest integer is ten years": {
			`{"access_token":"a","expires_in":9223372036854775807}`, success{access: "a", life: 10 * year},
		},
		"38 token_type of any case": {
			`{"access_token":"a","token_type":"bEaReR"}`, success{access: "a", life: -1},
		},
		"38 token_type mac is stored and not used": {
			`{"access_token":"a","refresh_token":"r","token_type":"mac"}`,
			success{access: "a", refresh: "r", life: -1, problem: "not bearer"},
		},
		"38 token_type DPoP is stored and not used": {
			`{"access_token":"a","refresh_token":"r","token_type":"DPoP"}`,
			success{access: "a", refresh: "r", life: -1, problem: "not bearer"},
		},
		"38 token_type is not a string": {
			`{"access_token":"a","refresh_token":"r","token_type":7}`,
			success{access: "a", refresh: "r", life: -1, problem: "not bearer"},
		},
		"38 token_type N_A is for exchanges": {
			`{"access_token":"a","token_type":"N_A"}`, success{access: "a", life: -1, problem: "not bearer"},
		},
		"39 empty access token: the refresh token is saved": {
			`{"access_token":"","refresh_token":"r"}`, success{refresh: "r", life: -1, problem: "empty or malformed"},
		},
		"39 no access token: the refresh token is saved": {
			`{"refresh_token":"r"}`, success{refresh: "r", life: -1, problem: "empty or malformed"},
		},
		"40 CR and LF in the access token": {
			`{"access_token":"a\r\nX-Evil: 1","refresh_token":"r"}`, success{refresh: "r", life: -1, problem: "empty or malformed"},
		},
		"40 NUL in the access token": {
			`{"access_token":"a\u0000b","refresh_token":"r"}`, success{refresh: "r", life: -1, problem: "empty or malformed"},
		},
		"40 space in the access token": {
			`{"access_token":"a b","refresh_token":"r"}`, success{refresh: "r", life: -1, problem: "empty or malformed"},
		},
		"40 letters beyond ASCII in the access token": {
			`{"access_token":"á","refresh_token":"r"}`, success{refresh: "r", life: -1, problem: "empty or malformed"},
		},
		"40 access token is not a string": {
			`{"access_token":{"v":1},"refresh_token":"r"}`, success{refresh: "r", life: -1, problem: "empty or malformed"},
		},
		"40 an access token of 100 KiB": {
			`{"access_token":"` + strings.Repeat("a", 100<<10) + `","refresh_token":"r"}`,
			success{refresh: "r", life: -1, problem: "empty or malformed"},
		},
		"40 slashes, colons and padding are real": {
			`{"access_token":"2/12345/6789:ab+c=="}`, success{access: "2/12345/6789:ab+c==", life: -1},
		},
		"41 token and error at once: stored and not used": {
			`{"access_token":"a","refresh_token":"r","error":"server_error"}`,
			success{access: "a", refresh: "r", life: -1, problem: "both a token and an error"},
		},
		"41 an empty error is ignored": {
			`{"access_token":"a","error":""}`, success{access: "a", life: -1},
		},
		"42 byte order mark": {
			"\xef\xbb\xbf" + `{"access_token":"a"}`, success{access: "a", life: -1},
		},
		"42 white space around": {
			"\r\n {\n\t\"access_token\" : \"a\" }\n\n", success{access: "a", life: -1},
		},
		"42 the same member twice with the same value": {
			`{"access_token":"a","x":1,"x":2,"access_token":"a"}`, success{access: "a", life: -1},
		},
		"42 names written with escapes": {
			`{"access\u005ftoken":"a","\u0065xpires_in":60}`, success{access: "a", life: time.Minute},
		},
		"42 names are not matched regardless of case": {
			`{"access_token":"a","Access_Token":"b"}`, success{access: "a", life: -1},
		},
		"42 nested members are ignored": {
			`{"x":{"access_token":"inner","q":"}\"]"},"access_token":"a","y":[["access_token","z"]]}`, success{access: "a", life: -1},
		},
		"43 narrowed scope is returned, sorted": {
			`{"access_token":"a","scope":"write read"}`, success{access: "a", life: -1, scopes: []string{"read", "write"}},
		},
		"43 scope with commas": {
			`{"access_token":"a","scope":"write,read,read"}`, success{access: "a", life: -1, scopes: []string{"read", "write"}},
		},
		"43 scope as a list": {
			`{"access_token":"a","scope":["write","read"]}`, success{access: "a", life: -1, scopes: []string{"read", "write"}},
		},
		"43 empty scope is unknown": {
			`{"access_token":"a","scope":""}`, success{access: "a", life: -1},
		},
		"43 scope of another type is unknown": {
			`{"access_token":"a","scope":7}`, success{access: "a", life: -1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := time.Now()
			got, err := refresh(t, says(200, c.body))
			require.NoError(t, err)
			assert.Equal(t, c.want.access, got.AccessToken.Expose())
			assert.Equal(t, c.want.refresh, got.RefreshToken.Expose())
			assert.Equal(t, c.want.scopes, got.Scopes)
			if c.want.life < 0 {
				assert.Zero(t, got.Expiry)
			} else {
				assert.False(t, got.Expiry.Before(before.Round(0).Add(c.want.life)))
				assert.False(t, got.Expiry.After(time.Now().Add(c.want.life)))
			}
			if c.want.problem == "" {
				require.NoError(t, got.Problem)
			} else {
				require.ErrorContains(t, got.Problem, c.want.problem)
			}
		})
	}
}

// failure is the expected result of a response without a token.
type failure struct {
	class       oauth.Class
	code        string
	description string
	retryAfter  time.Duration
}

func TestResponsesWithoutATokenAreClassified(t *testing.T) {
	t.Parallel()
	html := "<html><body>Just a moment...</body></html>"
	for name, c := range map[string]struct {
		status int
		body   string
		header []string
		want   failure
	}{
		"25 invalid_grant": {
			400, `{"error":"invalid_grant","error_description":"Token has been revoked"}`, nil,
			failure{class: oauth.ClassRefused, code: "invalid_grant", description: "Token has been revoked"},
		},
		"25 invalid_grant with 401": {401, `{"error":"invalid_grant"}`, nil, failure{class: oauth.ClassRefused, code: "invalid_grant"}},
		"25 invalid_grant in a 5xx is not a rejection": {
			500, `{"error":"invalid_grant"}`, nil, failure{class: oauth.ClassUnknown, code: "invalid_grant"},
		},
		"25 a provider's own code":            {400, `{"error":"token_dead"}`, nil, failure{class: oauth.ClassRefused, code: "token_dead"}},
		"26 invalid_client":                   {401, `{"error":"invalid_client"}`, nil, failure{class: oauth.ClassClient, code: "invalid_client"}},
		"26 unauthorized_client":              {400, `{"error":"unauthorized_client"}`, nil, failure{class: oauth.ClassClient, code: "unauthorized_client"}},
		"27 invalid_scope":                    {400, `{"error":"invalid_scope"}`, nil, failure{class: oauth.ClassConfig, code: "invalid_scope"}},
		"27 invalid_target":                   {400, `{"error":"invalid_target"}`, nil, failure{class: oauth.ClassConfig, code: "invalid_target"}},
		"27 invalid_request":                  {400, `{"error":"invalid_request"}`, nil, failure{class: oauth.ClassBlocked, code: "invalid_request"}},
		"27 unsupported_grant_type":           {400, `{"error":"unsupported_grant_type"}`, nil, failure{class: oauth.ClassConfig, code: "unsupported_grant_type"}},
		"28 400 without a body":               {400, ``, nil, failure{class: oauth.ClassBlocked}},
		"28 401 without a body":               {401, ``, nil, failure{class: oauth.ClassBlocked}},
		"28 403 of a firewall":                {403, html, []string{"Content-Type", "text/html"}, failure{class: oauth.ClassBlocked}},
		"28 404 of a bad deployment":          {404, `{"message":"no route"}`, nil, failure{class: oauth.ClassBlocked}},
		"28 an error that is an object":       {400, `{"error":{"message":"no"}}`, nil, failure{class: oauth.ClassBlocked}},
		"28 an error that is a sentence":      {401, `{"error":"Not allowed here"}`, nil, failure{class: oauth.ClassBlocked}},
		"28 an unregistered error":            {400, `{"error":"moon_phase"}`, nil, failure{class: oauth.ClassBlocked, code: "moon_phase"}},
		"28 an error of a hundred characters": {400, `{"error":"` + strings.Repeat("e", 100) + `"}`, nil, failure{class: oauth.ClassBlocked}},
		"29 temporarily_unavailable": {
			503, `{"error":"temporarily_unavailable"}`,
			[]string{"Retry-After", "7"},
			failure{class: oauth.ClassNotConsumed, code: "temporarily_unavailable", retryAfter: 7 * time.Second},
		},
		"29 temporarily_unavailable with 400": {
			400, `{"error":"temporarily_unavailable"}`, nil, failure{class: oauth.ClassNotConsumed, code: "temporarily_unavailable"},
		},
		"29 500":                {500, ``, nil, failure{class: oauth.ClassUnknown}},
		"29 500 server_error":   {500, `{"error":"server_error"}`, nil, failure{class: oauth.ClassUnknown, code: "server_error"}},
		"29 503 with a date":    {503, ``, []string{"Date", "Wed, 21 Oct 2026 07:28:00 GMT", "Retry-After", "Wed, 21 Oct 2026 07:29:30 GMT"}, failure{class: oauth.ClassUnknown, retryAfter: 90 * time.Second}},
		"29 a date in the past": {503, ``, []string{"Date", "Wed, 21 Oct 2026 07:28:00 GMT", "Retry-After", "Wed, 21 Oct 2026 07:00:00 GMT"}, failure{class: oauth.ClassUnknown}},
		"29 Retry-After is capped": {
			503, ``, []string{"Retry-After", "99999999999999"}, failure{class: oauth.ClassUnknown, retryAfter: time.Hour},
		},
		"29 invalid Retry-After": {503, ``, []string{"Retry-After", "-3"}, failure{class: oauth.ClassUnknown}},
		"30 429": {
			429, html, []string{"Retry-After", "30"}, failure{class: oauth.ClassNotConsumed, retryAfter: 30 * time.Second},
		},
		"30 429 with invalid_grant":  {429, `{"error":"invalid_grant"}`, nil, failure{class: oauth.ClassNotConsumed, code: "invalid_grant"}},
		"31 502 with a page":         {502, html, nil, failure{class: oauth.ClassUnknown}},
		"31 200 with a page":         {200, html, []string{"Content-Type", "text/html"}, failure{class: oauth.ClassUnknown}},
		"31 200 without a body":      {200, ``, nil, failure{class: oauth.ClassUnknown}},
		"31 204":                     {204, ``, nil, failure{class: oauth.ClassUnknown}},
		"39 200 without any token":   {200, `{"expires_in":3600}`, nil, failure{class: oauth.ClassUnknown}},
		"39 200 with an empty token": {200, `{"access_token":""}`, nil, failure{class: oauth.ClassUnknown}},
		"40 a refresh token is not a string": {
			200, `{"access_token":"a","refresh_token":{"v":"r"}}`, nil, failure{class: oauth.ClassUnknown},
		},
		"41 an error in a 200": {
			200, `{"error":"invalid_grant","error_description":"expired"}`, nil,
			failure{class: oauth.ClassRefused, code: "invalid_grant", description: "expired"},
		},
		"41 a provider's own code in a 200":   {200, `{"error":"token_dead"}`, nil, failure{class: oauth.ClassRefused, code: "token_dead"}},
		"41 a client error in a 200":          {200, `{"error":"incorrect_client_credentials"}`, nil, failure{class: oauth.ClassClient, code: "incorrect_client_credentials"}},
		"42 a duplicate member":               {200, `{"access_token":"a","access_token":"b"}`, nil, failure{class: oauth.ClassUnknown}},
		"42 a duplicate member, once escaped": {200, `{"refresh_token":"a","access_token":"b","refresh\u005ftoken":"c"}`, nil, failure{class: oauth.ClassUnknown}},
		"42 bytes after the object":           {200, `{"access_token":"a"}<!-- 3 ms -->`, nil, failure{class: oauth.ClassUnknown}},
		"42 two objects":                      {200, `{"access_token":"a"}{"access_token":"b"}`, nil, failure{class: oauth.ClassUnknown}},
		"42 a list":                           {200, `[{"access_token":"a"}]`, nil, failure{class: oauth.ClassUnknown}},
		"42 cut off":                          {200, `{"access_token":"a","refr`, nil, failure{class: oauth.ClassUnknown}},
		"42 form-encoded, not allowed":        {200, `access_token=a&token_type=bearer`, nil, failure{class: oauth.ClassUnknown}},
		"42 UTF-16": {
			200, "\xff\xfe{\x00\"\x00", nil, failure{class: oauth.ClassUnknown},
		},
		"61 a description with markup and control characters": {
			400, `{"error":"invalid_grant","error_description":"<b>\"no\"</b>\r\nX: é` + strings.Repeat("x", 500) + `"}`, nil,
			failure{class: oauth.ClassRefused, code: "invalid_grant", description: `<b>"no"</b> X: é` + strings.Repeat("x", 180) + "…"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, says(c.status, c.body, c.header...))
			r := request(srv.URL)
			r.RefusedCodes = []string{"token_dead"}
			got, err := oauth.Refresh(t.Context(), client(t), r)
			require.Nil(t, got)
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, c.want, failure{failed.Class, failed.Code, failed.Description, failed.RetryAfter})
			assert.Equal(t, c.status, failed.Status)
			assert.Equal(t, "refresh", failed.Op)
			assert.Equal(t, 1, srv.count(), "one request")
			if c.want.description != "" {
				assert.NotContains(t, err.Error(), c.want.description)
			}
		})
	}
}

func TestFormEncodedResponseIsParsedIfAllowed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		access string
		class  oauth.Class
	}{
		"token":        {200, "access_token=a%2Bb&expires_in=60&scope=repo%2Cgist&token_type=bearer", "a+b", ""},
		"JSON as well": {200, `{"access_token":"a"}`, "a", ""},
		"error":        {200, "error=invalid_grant&error_description=no", "", oauth.ClassRefused},
		"twice":        {200, "access_token=a&access_token=b", "", oauth.ClassUnknown},
		"page":         {200, "<html>;</html>", "", oauth.ClassUnknown},
		"page of 502":  {502, "<html></html>", "", oauth.ClassUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, says(c.status, c.body))
			r := request(srv.URL)
			r.FormAnswer = true
			got, err := oauth.Refresh(t.Context(), client(t), r)
			if c.class == "" {
				require.NoError(t, err)
				assert.Equal(t, c.access, got.AccessToken.Expose())
				return
			}
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, c.class, failed.Class)
		})
	}
}

func TestServerDateIsReturned(t *testing.T) {
	t.Parallel()
	got, err := refresh(t, says(200, `{"access_token":"a"}`, "Date", "Wed, 21 Oct 2026 07:28:00 GMT"))
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 10, 21, 7, 28, 0, 0, time.UTC), got.ServerDate)
}

func TestExpiryIsOfTheWallClock(t *testing.T) {
	t.Parallel()
	got, err := refresh(t, says(200, `{"access_token":"a","expires_in":60}`))
	require.NoError(t, err)
	// A monotonic reading, which stands still while the machine sleeps, would be printed as m=.
	assert.NotContains(t, got.Expiry.String(), "m=")
}

func TestEchoedSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	_, err := refresh(t, says(400, `{"error":"invalid_grant","error_description":"token `+canaryRefresh+` of `+canarySecret+` is dead"}`))
	var failed *oauth.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "token [redacted] of [redacted] is dead", failed.Description)

	_, err = refresh(t, says(400, `{"error":"`+canaryRefresh+`"}`))
	require.ErrorAs(t, err, &failed)
	assert.Empty(t, failed.Code)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		text := fmt.Sprintf(verb, err)
		assert.NotContains(t, text, canaryRefresh)
		assert.NotContains(t, text, canarySecret)
	}
}

func TestErrorsNameClassCodeAndStatus(t *testing.T) {
	t.Parallel()
	_, err := refresh(t, says(400, `{"error":"invalid_grant"}`))
	assert.EqualError(t, err, "oauth: refresh: rejected: invalid_grant (status 400)")
	_, err = refresh(t, says(502, "<html>secret page</html>"))
	assert.EqualError(t, err, "oauth: refresh: no usable response (status 502)")
	_, err = refresh(t, says(200, "<html>secret page</html>"))
	assert.EqualError(t, err, "oauth: refresh: no usable response (status 200): the response is not a JSON object")
	assert.NotErrorIs(t, err, errors.ErrUnsupported)
	r := request("https://example.com/token")
	r.Client = oauth.Client{ID: "app", AuthMethod: oauth.AuthBasic}
	_, err = oauth.Refresh(t.Context(), client(t), r)
	require.EqualError(t, err, "oauth: refresh: the client can't be used: no client secret")
	r.Client = oauth.Client{ID: "app", Secret: secret.New("s")}
	_, err = oauth.Refresh(t.Context(), client(t), r)
	require.EqualError(t, err, "oauth: refresh: the client can't be used: unknown client authentication method")
}
