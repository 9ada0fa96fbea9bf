package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// A DeviceRequest starts a flow in which the user consents on another device
// (RFC 8628 section 3.1).
type DeviceRequest struct {
	Endpoint string // device_authorization_endpoint
	Client   Client
	Resource string   // omitted if empty
	Scopes   []string // omitted if nil
}

// A DeviceCode has the instructions for the user and the code to poll with.
type DeviceCode struct {
	Code            secret.Secret
	UserCode        string        // the code that the user enters
	VerificationURI string        // https URL of the page to enter it on
	CompleteURI     string        // the same with the code in it, or ""
	Expiry          time.Time     // when the attempt expires
	Interval        time.Duration // between polls, from 1s to 1m
}

const (
	opDevice = "device authorization"

	defaultDeviceLife     = 10 * time.Minute
	maxDeviceLife         = time.Hour
	defaultDeviceInterval = 5 * time.Second
	maxDeviceInterval     = time.Minute
	maxUserCode           = 64
)

// StartDevice starts the flow.
func StartDevice(ctx context.Context, hc *http.Client, r DeviceRequest) (*DeviceCode, error) {
	form := url.Values{}
	setOptional(form, r.Resource, r.Scopes)
	p := formPost{op: opDevice, endpoint: r.Endpoint, form: form, client: &r.Client}
	a, err := p.send(ctx, hc)
	if err != nil {
		return nil, err
	}
	o, err := parseObject(a.body, "device_code", "user_code", "verification_uri", "verification_url",
		"verification_uri_complete", "expires_in", "interval", "error", "error_description")
	if a.bodyErr != nil {
		o, err = nil, a.bodyErr
	}
	if a.status < 200 || a.status > 299 || err == nil && o.code() != "" {
		return nil, p.failure(a, o, a.bodyErr)
	}
	if err != nil {
		return nil, &Error{Op: opDevice, Class: ClassUnknown, Status: a.status, Err: err}
	}
	code, err := parseDevice(o, a.start, r.Endpoint)
	if err != nil {
		return nil, &Error{Op: opDevice, Class: ClassUnknown, Status: a.status, Err: err}
	}
	return code, nil
}

func parseDevice(o object, start time.Time, endpoint string) (*DeviceCode, error) {
	id, err := parseIdentifier(endpoint)
	if err != nil {
		return nil, err
	}
	urls := endpoints{o: o, local: id.local}
	d := &DeviceCode{VerificationURI: urls.get("verification_uri"), CompleteURI: urls.get("verification_uri_complete")}
	if d.VerificationURI == "" {
		d.VerificationURI = urls.get("verification_url") // the name before the RFC, still in use
	}
	if err := urls.err(); err != nil {
		return nil, err
	}
	code, _ := o.text("device_code", maxText)
	d.Code = secret.New(code)
	user, _ := o.text("user_code", maxText)
	d.UserCode = oneLine(user, maxUserCode)
	if d.Code.IsZero() || d.UserCode == "" || d.VerificationURI == "" {
		return nil, errAnswer
	}
	life, ok := o.seconds("expires_in")
	if !ok || life == 0 {
		life = defaultDeviceLife
	}
	d.Expiry = start.Add(min(life, maxDeviceLife))
	interval, ok := o.seconds("interval")
	if !ok {
		interval = defaultDeviceInterval
	}
	d.Interval = min(max(interval, time.Second), maxDeviceInterval)
	return d, nil
}

// A PollRequest asks whether the user has consented (RFC 8628 section 3.4).
type PollRequest struct {
	TokenEndpoint string
	Client        Client
	Code          secret.Secret // DeviceCode.Code
	Resource      string        // omitted if empty
	Shape         TokenShape    // of the response
}

// Errors of a poll before the user has decided. Each is the cause of an
// [*Error] of class [ClassNotConsumed].
var (
	ErrPending  = errors.New("the user has not decided yet")
	ErrSlowDown = errors.New("the user has not decided yet, and polling is too frequent")
)

// PollDevice polls once. After [ErrPending], poll again after the interval;
// after [ErrSlowDown], increase the interval by five seconds first. A denial
// and an expired code have class [ClassRefused].
func PollDevice(ctx context.Context, hc *http.Client, r PollRequest) (*TokenResponse, error) {
	form := url.Values{"grant_type": {grantDevice}, "device_code": {r.Code.Expose()}}
	setOptional(form, r.Resource, nil)
	t, err := grant{
		op: "device token", endpoint: r.TokenEndpoint, client: &r.Client, form: form,
		sent: []secret.Secret{r.Code}, refused: []string{"access_denied", "expired_token"}, shape: r.Shape,
	}.request(ctx, hc)
	if failed, ok := errors.AsType[*Error](err); ok {
		switch failed.Code {
		case "authorization_pending":
			failed.Class, failed.Err = ClassNotConsumed, ErrPending
		case "slow_down":
			failed.Class, failed.Err = ClassNotConsumed, ErrSlowDown
		}
	}
	return t, err
}

// WaitDevice polls until the user has decided, the code expires or ctx is done.
// Transient failures are retried at growing intervals.
func WaitDevice(ctx context.Context, hc *http.Client, r PollRequest, d *DeviceCode) (*TokenResponse, error) {
	ctx, cancel := context.WithDeadline(ctx, d.Expiry)
	defer cancel()
	interval := d.Interval
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, &Error{Op: "device token", Class: ClassNotConsumed, Err: ctx.Err()}
		case <-timer.C:
		}
		t, err := PollDevice(ctx, hc, r)
		var failed *Error
		if !errors.As(err, &failed) {
			return t, err
		}
		switch {
		case errors.Is(err, ErrPending):
		case errors.Is(err, ErrSlowDown):
			interval += 5 * time.Second
		case failed.Status >= 200 && failed.Status < 300:
			return nil, err // the user has decided, and the response is unusable
		case failed.Class == ClassNotConsumed, failed.Class == ClassBlocked, failed.Class == ClassUnknown:
			// Polling changes nothing until the user has decided, and at most servers
			// the code stays valid if the response is lost: continue.
			interval = min(2*interval, maxDeviceInterval)
		default:
			return nil, err
		}
		timer.Reset(max(interval, failed.RetryAfter))
	}
}
