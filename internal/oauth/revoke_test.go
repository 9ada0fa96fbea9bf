package oauth_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/secret"
)

func TestRevocationResponsesAreClassified(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		class   oauth.Class // "": no error
	}{
		"done":                          {says(200, ``), ""},
		"done, with a page":             {says(200, htmlPage), ""},
		"unsupported token type":        {says(400, `{"error":"unsupported_token_type"}`), ""},
		"an unknown client":             {says(401, `{"error":"invalid_client"}`), oauth.ClassClient},
		"an outage":                     {says(503, ``, "Retry-After", "3"), oauth.ClassUnknown},
		"a firewall":                    {says(403, htmlPage), oauth.ClassBlocked},
		"not an OAuth error":            {says(400, `{"error":"unsupported token type"}`), oauth.ClassBlocked},
		"the response echoes the token": {says(400, `{"error":"invalid_request","error_description":"`+canaryRefresh+`"}`), oauth.ClassConfig},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, c.handler)
			err := oauth.Revoke(t.Context(), client(t), oauth.RevokeRequest{
				Endpoint: srv.URL, Client: appClient(), Token: secret.New(canaryRefresh), Hint: oauth.HintRefreshToken,
			})
			form, _ := srv.one(t)
			assert.Equal(t, url.Values{
				"token": {canaryRefresh}, "token_type_hint": {"refresh_token"}, "client_id": {"app"}, "client_secret": {canarySecret},
			}, form)
			if c.class == "" {
				require.NoError(t, err)
				return
			}
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, c.class, failed.Class)
			assert.NotContains(t, failed.Description, canaryRefresh)
			if name == "an outage" {
				assert.Equal(t, 3*time.Second, failed.RetryAfter)
			}
		})
	}
}

func TestRevocationIsNotRedirected(t *testing.T) {
	t.Parallel()
	thief := newRecorder(t, nil)
	srv := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL, http.StatusPermanentRedirect)
	})
	err := oauth.Revoke(t.Context(), client(t), oauth.RevokeRequest{Endpoint: srv.URL, Client: appClient(), Token: secret.New(canaryRefresh)})
	require.ErrorIs(t, err, safehttp.ErrRedirect)
	assert.Zero(t, thief.count())
}
