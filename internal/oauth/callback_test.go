package oauth_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safetext"
)

const issuer = "https://as.example/tenant"

func TestIssuerOfACallbackIsChecked(t *testing.T) {
	t.Parallel()
	success := url.Values{"code": {"c"}, "state": {"s"}}
	failure := url.Values{"error": {"access_denied"}, "error_description": {"phished"}, "state": {"s"}}
	for name, c := range map[string]struct {
		advertised bool
		iss        string // "-": none
		err        error
	}{
		"advertised and equal":                       {true, issuer, nil},
		"advertised and another":                     {true, "https://evil.example", oauth.ErrIssuerMismatch},
		"advertised and absent":                      {true, "-", oauth.ErrIssuerMismatch},
		"advertised and empty":                       {true, "", oauth.ErrIssuerMismatch},
		"advertised and equal but for a slash":       {true, issuer + "/", oauth.ErrIssuerMismatch},
		"advertised and equal but for its case":      {true, "https://AS.example/tenant", oauth.ErrIssuerMismatch},
		"advertised and equal but for its port":      {true, "https://as.example:443/tenant", oauth.ErrIssuerMismatch},
		"not advertised, and equal":                  {false, issuer, nil},
		"not advertised, and another":                {false, "https://evil.example", oauth.ErrIssuerMismatch},
		"not advertised, and empty":                  {false, "", oauth.ErrIssuerMismatch},
		"not advertised, and absent":                 {false, "-", nil},
		"not advertised, and equal but for a slash":  {false, issuer + "/", oauth.ErrIssuerMismatch},
		"not advertised, and equal but for encoding": {false, "https://as.example/tenan%74", oauth.ErrIssuerMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, q := range []url.Values{success, failure} {
				query := q.Encode()
				if c.iss != "-" {
					query += "&iss=" + url.QueryEscape(c.iss)
				}
				callback, err := oauth.ParseCallback(query)
				require.NoError(t, err)
				code, err := callback.Code(oauth.Expected{State: "s", Issuer: issuer, IssParameter: c.advertised})
				var failed *oauth.Error
				switch {
				case c.err != nil:
					require.ErrorIs(t, err, c.err)
					require.ErrorAs(t, err, &failed)
					assert.Empty(t, failed.Code, "another server's response is not shown")
					assert.Empty(t, failed.Description)
					assert.True(t, code.IsZero())
				case q.Has("error"):
					require.ErrorAs(t, err, &failed)
					assert.Equal(t, "access_denied", failed.Code)
					assert.Equal(t, oauth.ClassRefused, failed.Class)
					assert.True(t, code.IsZero())
				default:
					require.NoError(t, err)
					assert.Equal(t, "c", code.Expose())
				}
			}
		})
	}
}

func TestStateOfACallbackIsCheckedFirst(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"code=c&state=other", "error=access_denied&state=other", "code=c&state=other&iss=https://evil.example"} {
		callback, err := oauth.ParseCallback(query)
		require.NoError(t, err)
		for _, state := range []string{"s", "", "othe", "other2"} {
			code, err := callback.Code(oauth.Expected{State: state, Issuer: issuer})
			require.ErrorIs(t, err, oauth.ErrState)
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Empty(t, failed.Code)
			assert.True(t, code.IsZero())
		}
	}
}

func TestEmptyStateMatchesNothing(t *testing.T) {
	t.Parallel()
	_, err := new(oauth.Callback).Code(oauth.Expected{})
	require.ErrorIs(t, err, oauth.ErrState)
}

func TestPastedCallbacksAreParsed(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"a query":                    "code=a%2Fb&state=s",
		"a whole URL":                "http://127.0.0.1:8080/callback?state=s&code=a%2Fb",
		"with white space":           "\n  https://app.example/cb?code=a%2Fb&state=s \t",
		"with an empty fragment":     "https://app.example/cb?code=a%2Fb&state=s#",
		"with a server's fragment":   "https://app.example/cb?code=a%2Fb&state=s#_=_",
		"with more parameters":       "code=a%2Fb&state=s&session_state=x&session_state=y&scope=z",
		"with a question mark in it": "code=a/b&state=s&x=y?z",
		"a path":                     "/callback?code=a/b&state=s",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callback, err := oauth.ParseCallback(raw)
			require.NoError(t, err)
			assert.Equal(t, "s", callback.State)
			code, err := callback.Code(oauth.Expected{State: "s", Issuer: issuer})
			require.NoError(t, err)
			assert.Equal(t, "a/b", code.Expose())
		})
	}
}

func TestMalformedCallbacksAreRejected(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"empty":                 "",
		"no state":              "code=c",
		"no code and no error":  "state=s",
		"both":                  "state=s&code=c&error=access_denied",
		"an empty code":         "state=s&code=",
		"two codes":             "state=s&code=c&code=d",
		"two states":            "state=s&state=s&code=c",
		"two issuers":           "state=s&code=c&iss=a&iss=b",
		"two errors":            "state=s&error=a&error=b",
		"a state of 2 KiB":      "code=c&state=" + strings.Repeat("s", 2048),
		"too long":              "state=s&code=" + strings.Repeat("c", 20<<10),
		"a percent sign":        "state=s&code=%zz",
		"in the fragment":       "https://app.example/cb#code=c&state=s",
		"only in the user name": "https://code=c&state=s@app.example/",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := oauth.ParseCallback(raw)
			require.ErrorIs(t, err, oauth.ErrBadCallback)
			assert.NotContains(t, err.Error(), "code=")
		})
	}
}

func TestAuthorizationErrorsAreClassified(t *testing.T) {
	t.Parallel()
	for code, class := range map[string]oauth.Class{
		"access_denied":             oauth.ClassRefused,
		"invalid_scope":             oauth.ClassConfig,
		"invalid_request":           oauth.ClassConfig,
		"unauthorized_client":       oauth.ClassClient,
		"temporarily_unavailable":   oauth.ClassNotConsumed,
		"server_error":              oauth.ClassUnknown,
		"unsupported_response_type": oauth.ClassConfig,
		"moon_phase":                oauth.ClassBlocked,
	} {
		callback, err := oauth.ParseCallback("state=s&error=" + code + "&error_description=" + url.QueryEscape("<b>\"no\"</b>\r\n"+strings.Repeat("x", 300)))
		require.NoError(t, err)
		_, err = callback.Code(oauth.Expected{State: "s", Issuer: issuer})
		var failed *oauth.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, class, failed.Class, code)
		assert.Equal(t, code, failed.Code)
		assert.LessOrEqual(t, len(failed.Description), 200)
		assert.Equal(t, safetext.Line(failed.Description), failed.Description)
		assert.NotContains(t, failed.Description, "\n")
		assert.NotContains(t, err.Error(), "xxx")
	}
}

func FuzzCallback(f *testing.F) {
	for _, seed := range []string{
		"code=c&state=s&iss=https%3A%2F%2Fas.example%2Ftenant", "https://app.example/cb?error=access_denied&state=s#_=_",
		"state=s&code=c&error=x", "error=access_denied", "state=s;code=c", "state=%00&code=%ff", "?&&=&state=s&code=c?", "",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, raw string, advertised bool) {
		callback, err := oauth.ParseCallback(raw)
		if err != nil {
			require.ErrorIs(t, err, oauth.ErrBadCallback)
			return
		}
		_, err = callback.Code(oauth.Expected{State: callback.State + "x", Issuer: issuer, IssParameter: advertised})
		require.ErrorIs(t, err, oauth.ErrState)
		if callback.State == "" {
			assert.NotNil(t, callback.Unbound(), "only an error needs no state")
			_, err = callback.Code(oauth.Expected{Issuer: issuer, IssParameter: advertised})
			require.ErrorIs(t, err, oauth.ErrState)
			return
		}
		assert.Nil(t, callback.Unbound())
		code, err := callback.Code(oauth.Expected{State: callback.State, Issuer: issuer, IssParameter: advertised})
		if err != nil {
			assert.True(t, code.IsZero())
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			if errors.Is(err, oauth.ErrIssuerMismatch) {
				assert.Empty(t, failed.Description)
			}
			return
		}
		assert.False(t, code.IsZero())
		if advertised {
			assert.Contains(t, raw, "iss=")
		}
	})
}
