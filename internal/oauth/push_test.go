package oauth_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
)

// pushed is an authorization request for a server that requires pushed
// requests.
func pushed(endpoint string) oauth.AuthorizationRequest {
	r := authorization("https://as.example/authorize?tenant=t")
	r.Server.PushedRequestEndpoint, r.Server.RequirePushed = endpoint, true
	r.State = "synthetic-state-c4nary"
	return r
}

func TestBrowserGetsOnlyTheReferenceOfAPushedRequest(t *testing.T) {
	t.Parallel()
	srv := newRecorder(t, says(201, `{"request_uri":"urn:ietf:params:oauth:request_uri:a&b","expires_in":60}`))
	r := pushed(srv.URL)
	confidential := oauth.Client{ID: "app", AuthMethod: oauth.AuthBasic, Secret: secret.New(canarySecret)}
	raw, err := r.PushedURL(t.Context(), client(t), confidential)
	require.NoError(t, err)
	assert.Equal(t, "https://as.example/authorize?tenant=t&client_id=app&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Aa%26b", raw)

	form, header := srv.one(t)
	direct, err := r.URL()
	require.NoError(t, err)
	u, err := url.Parse(direct)
	require.NoError(t, err)
	want := u.Query()
	want.Del("tenant")
	assert.Equal(t, want, form, "all parameters, with the client's id (RFC 9126 section 2.1)")
	id, password, ok := (&http.Request{Header: header}).BasicAuth()
	assert.True(t, ok)
	assert.Equal(t, "app", id)
	assert.Equal(t, canarySecret, password)
}

func TestFailedPushesReturnNoURL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		class  oauth.Class
	}{
		"an unknown client":           {says(401, `{"error":"invalid_client"}`), oauth.ClassClient},
		"a rejected request":          {says(400, `{"error":"invalid_request","error_description":"not like this"}`), oauth.ClassConfig},
		"no reference":                {says(201, `{"expires_in":60}`), oauth.ClassUnknown},
		"a reference with a newline":  {says(201, `{"request_uri":"urn:x\n"}`), oauth.ClassUnknown},
		"a reference of another type": {says(201, `{"request_uri":7}`), oauth.ClassUnknown},
		"a page":                      {says(200, htmlPage), oauth.ClassUnknown},
		"unavailable":                 {says(503, ``), oauth.ClassUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, c.answer)
			raw, err := pushed(srv.URL).PushedURL(t.Context(), client(t), appClient())
			assert.Empty(t, raw)
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, c.class, failed.Class)
		})
	}
	t.Run("no endpoint", func(t *testing.T) {
		t.Parallel()
		_, err := pushed("").PushedURL(t.Context(), client(t), appClient())
		require.ErrorContains(t, err, "pushed")
	})
	t.Run("an invalid request", func(t *testing.T) {
		t.Parallel()
		srv := newRecorder(t, nil)
		r := pushed(srv.URL)
		r.Server.CodeChallengeMethods = nil
		_, err := r.PushedURL(t.Context(), client(t), appClient())
		require.ErrorIs(t, err, oauth.ErrNoPKCE)
		assert.Zero(t, srv.count(), "nothing is sent")
	})
}

func TestFailedPushRedactsSecrets(t *testing.T) {
	t.Parallel()
	srv := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_request","error_description":"synthetic-state-c4nary `+canarySecret+`"}`)
	})
	_, err := pushed(srv.URL).PushedURL(t.Context(), client(t), oauth.Client{ID: "app", AuthMethod: oauth.AuthPost, Secret: secret.New(canarySecret)})
	var failed *oauth.Error
	require.ErrorAs(t, err, &failed)
	assert.NotContains(t, failed.Description, "c4nary")
	assert.NotContains(t, failed.Error(), "c4nary")
}
