package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
)

func TestDeviceResponseIsParsed(t *testing.T) {
	t.Parallel()
	before := time.Now()
	srv := newRecorder(t, says(200, `{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"https://as.example/device",
		"verification_uri_complete":"https://as.example/device?c=WDJB-MJHT","expires_in":"900","interval":7}`))
	got, err := oauth.StartDevice(t.Context(), client(t), oauth.DeviceRequest{
		Endpoint: srv.URL, Client: oauth.Client{ID: "app", AuthMethod: oauth.AuthNone}, Resource: resource, Scopes: []string{"a"},
	})
	require.NoError(t, err)
	form, _ := srv.one(t)
	assert.Equal(t, map[string][]string{"client_id": {"app"}, "resource": {resource}, "scope": {"a"}}, map[string][]string(form))
	assert.Equal(t, "d", got.Code.Expose())
	assert.Equal(t, "WDJB-MJHT", got.UserCode)
	assert.Equal(t, "https://as.example/device", got.VerificationURI)
	assert.Equal(t, "https://as.example/device?c=WDJB-MJHT", got.CompleteURI)
	assert.Equal(t, 7*time.Second, got.Interval)
	assert.WithinRange(t, got.Expiry, before.Round(0).Add(15*time.Minute), time.Now().Add(15*time.Minute))
}

func TestDeviceResponsesAreLimited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer   string
		interval time.Duration
		life     time.Duration
		class    oauth.Class
	}{
		"defaults":       {`{"device_code":"d","user_code":"u","verification_uri":"https://as.example"}`, 5 * time.Second, 10 * time.Minute, ""},
		"the older name": {`{"device_code":"d","user_code":"u","verification_url":"https://as.example"}`, 5 * time.Second, 10 * time.Minute, ""},
		"zero interval":  {`{"device_code":"d","user_code":"u","verification_uri":"https://as.example","interval":0,"expires_in":0}`, time.Second, 10 * time.Minute, ""},
		"too large":      {`{"device_code":"d","user_code":"u","verification_uri":"https://as.example","interval":1e9,"expires_in":1e9}`, time.Minute, time.Hour, ""},
		"no code":        {`{"user_code":"u","verification_uri":"https://as.example"}`, 0, 0, oauth.ClassUnknown},
		"no address":     {`{"device_code":"d","user_code":"u"}`, 0, 0, oauth.ClassUnknown},
		"javascript":     {`{"device_code":"d","user_code":"u","verification_uri":"javascript:alert(1)"}`, 0, 0, oauth.ClassUnknown},
		"a complete address of javascript": {
			`{"device_code":"d","user_code":"u","verification_uri":"https://as.example","verification_uri_complete":"javascript:alert(1)"}`, 0, 0, oauth.ClassUnknown,
		},
		"an error":            {`{"error":"unauthorized_client"}`, 0, 0, oauth.ClassClient},
		"a page":              {htmlPage, 0, 0, oauth.ClassUnknown},
		"a control character": {`{"device_code":"d","user_code":"\u001b[2J","verification_uri":"https://as.example"}`, 5 * time.Second, 10 * time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, says(200, c.answer))
			before := time.Now()
			got, err := oauth.StartDevice(t.Context(), client(t), oauth.DeviceRequest{Endpoint: srv.URL, Client: appClient()})
			if c.class != "" {
				var failed *oauth.Error
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, c.class, failed.Class)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.interval, got.Interval)
			assert.WithinRange(t, got.Expiry, before.Round(0).Add(c.life), time.Now().Add(c.life))
			assert.NotContains(t, got.UserCode, "\x1b")
		})
	}
}

func TestPollReportsWhetherToPollAgain(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		class oauth.Class
		err   error
	}{
		"authorization_pending": {oauth.ClassNotConsumed, oauth.ErrPending},
		"slow_down":             {oauth.ClassNotConsumed, oauth.ErrSlowDown},
		"access_denied":         {oauth.ClassRefused, nil},
		"expired_token":         {oauth.ClassRefused, nil},
		"invalid_grant":         {oauth.ClassRefused, nil},
		"invalid_client":        {oauth.ClassClient, nil},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, says(400, `{"error":"`+code+`"}`))
			_, err := oauth.PollDevice(t.Context(), client(t), oauth.PollRequest{TokenEndpoint: srv.URL, Client: appClient(), Code: secret.New("d")})
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, c.class, failed.Class)
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
			}
		})
	}
}

const tooMany = "too many requests"

// A sequence responds to requests in order, and records their times.
type sequence struct {
	start   time.Time
	answers []string // bodies; the last one repeats, and "" is a lost connection
	at      []time.Duration
}

func (p *sequence) RoundTrip(req *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, req.Body)
	p.at = append(p.at, time.Since(p.start))
	answer := p.answers[min(len(p.at), len(p.answers))-1]
	if answer == "" {
		return nil, errors.New("connection reset")
	}
	status, header := http.StatusOK, http.Header{}
	switch {
	case answer == tooMany:
		status = http.StatusTooManyRequests
		header.Set("Retry-After", "17")
	case !strings.HasPrefix(answer, `{"access_token"`):
		status = http.StatusBadRequest
	}
	return &http.Response{
		StatusCode: status, Header: header, Request: req,
		Body: io.NopCloser(strings.NewReader(answer)), ContentLength: int64(len(answer)),
	}, nil
}

func TestWaitUsesTheServersInterval(t *testing.T) {
	t.Parallel()
	const pending, slow, token = `{"error":"authorization_pending"}`, `{"error":"slow_down"}`, `{"access_token":"a"}`
	for name, c := range map[string]struct {
		answers []string
		at      []time.Duration
		class   oauth.Class // of the error; "": a token
	}{
		"consent":           {[]string{pending, pending, token}, []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second}, ""},
		"slow_down":         {[]string{pending, slow, pending, token}, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second}, ""},
		"an outage":         {[]string{"", "", token}, []time.Duration{5 * time.Second, 15 * time.Second, 35 * time.Second}, ""},
		"too many requests": {[]string{tooMany, token}, []time.Duration{5 * time.Second, 22 * time.Second}, ""},
		"refusal":           {[]string{pending, `{"error":"access_denied"}`}, []time.Duration{5 * time.Second, 10 * time.Second}, oauth.ClassRefused},
		"expiry":            {[]string{pending}, []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second, 25 * time.Second, 30 * time.Second, 35 * time.Second}, oauth.ClassNotConsumed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &sequence{start: time.Now(), answers: c.answers}
				d := &oauth.DeviceCode{Code: secret.New("d"), Expiry: time.Now().Add(39 * time.Second), Interval: 5 * time.Second}
				got, err := oauth.WaitDevice(t.Context(), &http.Client{Transport: p}, oauth.PollRequest{
					TokenEndpoint: "https://as.example/token", Client: appClient(), Code: d.Code,
				}, d)
				assert.Equal(t, c.at, p.at)
				if c.class == "" {
					require.NoError(t, err)
					assert.Equal(t, "a", got.AccessToken.Expose())
					return
				}
				var failed *oauth.Error
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, c.class, failed.Class)
			})
		})
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		p := &sequence{start: time.Now(), answers: []string{`{"error":"authorization_pending"}`}}
		d := &oauth.DeviceCode{Code: secret.New("d"), Expiry: time.Now().Add(time.Hour), Interval: 5 * time.Second}
		_, err := oauth.WaitDevice(ctx, &http.Client{Transport: p}, oauth.PollRequest{
			TokenEndpoint: "https://as.example/token", Client: appClient(), Code: d.Code,
		}, d)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, p.at, 2)
	})
}
