package oauth_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

// FuzzTokenResponse checks that a parsed token response is within its limits,
// and that encoding/json gives the same token.
func FuzzTokenResponse(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a","refresh_token":"r","expires_in":3600,"scope":"read write","token_type":"Bearer"}`,
		`{"access_token":"a","expires_in":"1e999","scope":["x",1,{"y":[]}]}`,
		"\xef\xbb\xbf {\"access\\u005ftoken\":\"\\ud83d\\ude00\",\"x\":\"}\\\"]\"}",
		`{"error":"invalid_grant"}`,
		`access_token=a%2B&scope=repo%2Cgist&expires_in=-1`,
		`{"access_token":"a","access_token":"b"}`,
		`{"access_token":"a"}{`,
		`{"x":[[{"access_token":"inner"}]],"refresh_token":"r"}`,
		``,
		`{`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, form bool) {
		got, err := oauth.ParseToken(body, form, false)
		if err != nil {
			require.Nil(t, got)
			return
		}
		start := time.Unix(0, 0)
		if !got.Expiry.IsZero() {
			assert.False(t, got.Expiry.Before(start))
			assert.False(t, got.Expiry.After(start.Add(10*366*24*time.Hour)))
		}
		access := got.AccessToken.Expose()
		assert.Equal(t, got.AccessToken.IsZero(), access == "")
		assert.NotContains(t, access, "\n")
		assert.NotContains(t, access, " ")
		if got.Problem == nil {
			assert.NotEmpty(t, access)
		}
		assert.LessOrEqual(t, len(got.Scopes), 1000)
		if form {
			return
		}
		var oracle map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\xef\xbb\xbf")), &oracle), "encoding/json rejects it")
		if access != "" {
			var want string
			require.NoError(t, json.Unmarshal(oracle["access_token"], &want))
			assert.Equal(t, want, access)
		}
	})
}
