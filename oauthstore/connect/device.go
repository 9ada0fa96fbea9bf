package connect

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/providers"
)

// deviceGrants are the grants of a client of the device flow.
var deviceGrants = []string{"urn:ietf:params:oauth:grant-type:device_code", "refresh_token"}

// A Device is a consent that the user gives on another device (RFC 8628). It is for
// one goroutine: concurrent calls of Wait would poll twice.
type Device struct {
	UserCode    string         // for the user to type
	URL         string         // the page to type it at
	CompleteURL string         // URL with the code in it, for a QR code; "" if the server has none
	Key         oauthstore.Key // of the credential to be stored
	Ends        time.Time      // when the code expires
	Scopes      []string       // that are asked for, sorted; nil: none
	Issuer      string         // the authorization server that asks the user
	Named       bool           // see Consent.Named

	connector *Connector
	site      site
	plan      *plan
	kind      oauthstore.ClientKind
	client    oauth.Client
	code      *oauth.DeviceCode
	flow      backend.ID // its record, which is deleted with the owner
	version   uint64
}

// Device starts a consent for a machine without a browser, at servers that
// support the device flow (RFC 8628). Show the user the code and the URL, then call
// [Device.Wait]. A server without that flow is [KindUnsupported].
func (c *Connector) Device(ctx context.Context, p providers.Provider, owner oauthstore.Owner, ask *Ask) (*Device, error) {
	ask = orNew(ask)
	s, err := c.site(p, owner, ask, providers.WayOAuth)
	if err != nil {
		return nil, fail("device", s.key, err)
	}
	d, err := c.device(ctx, &s, ask)
	if err != nil {
		return nil, fail("device", s.key, err)
	}
	return d, nil
}

func (c *Connector) device(ctx context.Context, s *site, ask *Ask) (*Device, error) {
	if err := c.checkAdmission(s); err != nil {
		return nil, err
	}
	p, err := c.discover(ctx, s, ask)
	if err != nil {
		return nil, err
	}
	if p.Server.DeviceAuthorizationEndpoint == "" {
		return nil, fault(KindUnsupported, "the authorization server has no device flow")
	}
	p.wantRefresh(ask)
	use, _, err := c.client(ctx, s, p, "", deviceGrants)
	if err != nil {
		return nil, err
	}
	client, err := c.authenticate(&flow{Key: s.key, Connector: s.provider.Server.Connector, Plan: p, Client: use})
	if err != nil {
		return nil, err
	}
	code, err := oauth.StartDevice(ctx, c.http, oauth.DeviceRequest{
		Endpoint: p.Server.DeviceAuthorizationEndpoint, Client: client, Resource: p.resource(), Scopes: p.Scopes,
	})
	if err != nil {
		return nil, err
	}
	id := flowID(rand.Text())
	mark := &flow{Key: s.key, Taken: time.Now(), Ends: code.Expiry}
	version, err := c.save(ctx, id, mark, code.Expiry.Add(keepTaken), 0)
	if err != nil {
		return nil, err
	}
	return &Device{
		UserCode: code.UserCode, URL: code.VerificationURI, CompleteURL: code.CompleteURI, Key: s.key, Ends: code.Expiry,
		Scopes: slices.Clone(p.Scopes), Issuer: p.Server.Issuer, Named: p.Named,
		connector: c, site: *s, plan: p, kind: use.Kind, client: client, code: code,
		flow: id, version: version,
	}, nil
}

// Wait polls until the user has decided, then stores and verifies the
// credential. It returns [KindDenied] if the user declines, and [KindTimeout] if
// the code expires or the deadline of ctx passes first.
func (d *Device) Wait(ctx context.Context) (Result, error) {
	c, key, profile := d.connector, d.Key, d.site.profile()
	token, err := oauth.WaitDevice(ctx, c.http, oauth.PollRequest{
		TokenEndpoint: d.plan.Server.TokenEndpoint, Client: d.client, Code: d.code.Code, Resource: d.plan.resource(), Shape: shapeOf(&profile),
	}, d.code)
	if err != nil {
		return Result{}, fail("device", key, deviceFault(ctx, err))
	}
	// The code is used up: store the credential even if ctx ends.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	r, err := c.commit(ctx, &grant{
		key: key, connector: d.site.provider.Server.Connector, way: d.site.way.ID, obtained: oauthstore.ObtainedConsent,
		profile: profile, plan: d.plan, kind: d.kind, client: d.client, token: token,
	})
	if err != nil {
		return Result{}, fail("device", key, err)
	}
	if err := c.end(ctx, d.flow, d.version, &flow{Key: key, Taken: time.Now(), Ended: kindConnected}); err != nil {
		return Result{}, fail("device", key, err)
	}
	c.log(ctx, "connected", key, slog.String("issuer", d.plan.Server.Issuer))
	return r, nil
}

func deviceFault(ctx context.Context, err error) error {
	w, ok := errors.AsType[*oauth.Error](err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ok && w.Code == "access_denied":
		return &Error{Kind: KindDenied, Said: w.Description, Err: err}
	case ok && w.Code == "expired_token", errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: KindTimeout, Detail: "the user did not consent in time", Err: err}
	}
	return codeFault(err)
}
