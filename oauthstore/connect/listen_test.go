package connect_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// listen begins a consent on a free port.
func (p *place) listen(t *testing.T, redirect string) *connect.Listener {
	t.Helper()
	l, err := p.Listen(t.Context(), example(), alice, &connect.Ask{RedirectURL: redirect})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

func get(t *testing.T, target string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := hc.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	if to := resp.Header.Get("Location"); to != "" {
		return resp.StatusCode, to
	}
	return resp.StatusCode, string(data)
}

func TestAListenerGetsTheCallback(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	l := p.listen(t, "http://localhost/cb")
	assert.True(t, l.Listening)
	u, err := url.Parse(l.RedirectURL)
	require.NoError(t, err)
	assert.NotEmpty(t, u.Port(), "a free port")
	assert.Equal(t, "native", p.AS.Registrations()[0]["application_type"])

	status, _ := get(t, l.RedirectURL+"/other")
	assert.Equal(t, http.StatusNotFound, status)
	status, _ = get(t, l.RedirectURL+"?code=x&state=made-up")
	assert.Equal(t, http.StatusBadRequest, status, "a stranger's request does not end the waiting")
	status, body := get(t, p.browse(t, l.URL))
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, "example is connected")
	assert.Contains(t, body, "close this window")
	got, err := l.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, keyOf(alice), got.Status.Key)
}

func TestAPastedURLEndsTheWaiting(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	l := p.listen(t, "https://app.example.com/callback")
	assert.False(t, l.Listening, "no port can be opened there")
	back := p.browse(t, l.URL)
	_, err := l.Paste(t.Context(), "no answer at all")
	assert.Equal(t, connect.KindStateUnknown, connect.KindOf(err))
	_, err = l.Paste(t.Context(), " "+back+"\n")
	require.NoError(t, err)
	got, err := l.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, oauthstore.StateActive, got.Status.State)
}

func TestAUserWhoSaysNoEndsTheWaiting(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.AS.Redirect = func(back url.Values) {
			back.Del("code")
			back.Set("error", "access_denied")
			back.Set("error_description", "<script>alert(1)</script>")
		}
	})
	l := p.listen(t, "http://127.0.0.1/callback")
	status, body := get(t, p.browse(t, l.URL))
	assert.Equal(t, http.StatusForbidden, status)
	assert.NotContains(t, body, "<script>")
	assert.Contains(t, body, "&lt;script&gt;", "what the server says is shown as text")
	_, err := l.Wait(t.Context())
	assert.Equal(t, connect.KindDenied, connect.KindOf(err))
}

func TestAClientThatWasForgottenSendsTheBrowserOnceMore(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	l := p.listen(t, "http://127.0.0.1/callback")
	back := p.browse(t, l.URL)
	p.AS.Forget()
	status, next := get(t, back)
	require.Equal(t, http.StatusSeeOther, status)
	require.True(t, strings.HasPrefix(next, testIssuer))
	status, _ = get(t, p.browse(t, next))
	assert.Equal(t, http.StatusOK, status)
	_, err := l.Wait(t.Context())
	require.NoError(t, err)
}

func TestNobodyComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, nil)
		l := p.listen(t, testRedirect) // no socket, in virtual time
		start := time.Now()
		_, err := l.Wait(t.Context())
		assert.Equal(t, connect.KindTimeout, connect.KindOf(err))
		assert.Equal(t, 10*time.Minute, time.Since(start), "the consent expired")

		l = p.listen(t, testRedirect)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = l.Wait(ctx)
		assert.Equal(t, connect.KindTimeout, connect.KindOf(err))

		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		_, err = l.Wait(ctx)
		require.ErrorIs(t, err, context.Canceled)
		assert.NotEqual(t, connect.KindTimeout, connect.KindOf(err))
	})
}

func TestThePortThatWasAskedForIsNeeded(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	l := p.listen(t, "http://127.0.0.1/callback")
	_, err := p.Listen(t.Context(), example(), alice, &connect.Ask{RedirectURL: l.RedirectURL})
	assert.Equal(t, connect.KindMisconfigured, connect.KindOf(err))
}

func TestADeviceIsPolledUntilTheUserConsents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, func(p *place) { p.AS.Metadata["device_authorization_endpoint"] = testIssuer + "/device" })
		d, err := p.Device(t.Context(), example(), alice, nil)
		require.NoError(t, err)
		assert.Equal(t, "WDJB-MJHT", d.UserCode)
		assert.Equal(t, testIssuer+"/activate", d.URL)
		go func() { pass(12 * time.Second); p.AS.Activate() }()
		got, err := d.Wait(t.Context())
		require.NoError(t, err)
		assert.Equal(t, testServer, got.Status.Provenance.Resource)
		assert.Equal(t, 3, p.AS.Count("POST /token"))
		assert.Contains(t, p.AS.Registrations()[0]["grant_types"], "urn:ietf:params:oauth:grant-type:device_code")
	})
}

func TestADeviceCodeEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, func(p *place) { p.AS.Metadata["device_authorization_endpoint"] = testIssuer + "/device" })
		d, err := p.Device(t.Context(), example(), alice, nil)
		require.NoError(t, err)
		_, err = d.Wait(t.Context())
		assert.Equal(t, connect.KindTimeout, connect.KindOf(err))
		_, err = p.Store.Status(t.Context(), keyOf(alice))
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
	})
}

func TestWithoutADeviceFlowThereIsNone(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	_, err := p.Device(t.Context(), example(), alice, nil)
	assert.Equal(t, connect.KindUnsupported, connect.KindOf(err))
	assert.Zero(t, p.AS.Count("POST /register"))
}
