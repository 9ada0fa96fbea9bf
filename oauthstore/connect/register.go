package connect

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/sleep"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A registration is the record of a dynamically registered client: the request
// and its result. All users of an application share it.
type registration struct {
	Issuer        string   `json:"issuer"`
	Endpoint      string   `json:"endpoint"` // of the registration
	TokenEndpoint string   `json:"token_endpoint"`
	Redirect      string   `json:"redirect"`
	Scopes        []string `json:"scopes,omitzero"`
	Asked         string   `json:"asked"`           // the requested method
	Grants        []string `json:"grants,omitzero"` // nil: those of a consent in a browser

	ClientID     string    `json:"client_id,omitzero"` // "": not registered yet
	Secret       string    `json:"secret,omitzero"`
	Method       string    `json:"method,omitzero"`
	SecretExpiry time.Time `json:"secret_expiry,omitzero"`
	ManageURL    string    `json:"manage_url,omitzero"`
	ManageToken  string    `json:"manage_token,omitzero"`
	Since        time.Time `json:"since,omitzero"`   // when it was registered or renewed
	Checked      time.Time `json:"checked,omitzero"` // when the server last accepted the client

	// Claim keeps other processes from registering at the same time.
	Claim      string    `json:"claim,omitzero"`
	ClaimUntil time.Time `json:"claim_until,omitzero"`
}

// id returns the record's id.
func (r *registration) id() backend.ID {
	return backend.ID{
		Kind: backend.KindRegistration, Provider: r.Issuer,
		Account: registrationAccount, Server: digest(r.Redirect, strings.Join(r.Scopes, " "), r.Asked, strings.Join(r.Grants, " ")),
	}
}

const registrationAccount = "registration"

// claim reserves the record for the time that a registration may take.
func (r *registration) claim(now time.Time) {
	r.Claim, r.ClaimUntil = rand.Text(), now.Add(registerTimeout)
}

func (r *registration) chosen() chosen {
	return chosen{Kind: oauthstore.ClientRegistered, ID: r.ClientID, Method: r.Method, Secret: r.Secret, Asked: r.Asked}
}

const (
	registerTimeout = 30 * time.Second // for one registration, with the wait for another process
	recheck         = time.Hour        // how long a check of a client is valid
	renewAhead      = 24 * time.Hour   // how long before its expiry a secret is renewed
)

// endsSoon reports whether the secret should be renewed: a day before its expiry,
// or in the last quarter of a lifetime of less than four days.
func (r *registration) endsSoon(now time.Time) bool {
	if r.SecretExpiry.IsZero() {
		return false
	}
	ahead := min(renewAhead, r.SecretExpiry.Sub(r.Since)/4)
	return now.After(r.SecretExpiry.Add(-ahead))
}

// register returns the registration for want. It registers a client if there is
// none, or if dead is the id of the stored client. Of concurrent callers, in any
// process, one registers and the others use its result.
func (c *Connector) register(ctx context.Context, key oauthstore.Key, want registration, dead string) (*registration, error) {
	id := want.id()
	v, err, _ := c.registering.Do(id.Provider+" "+id.Server+" "+dead, func() (any, error) {
		// A canceled caller must not fail the others.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), registerTimeout)
		defer cancel()
		return c.registered(ctx, key, want, dead)
	})
	if err != nil {
		return nil, err
	}
	reg, _ := v.(*registration)
	return reg, nil
}

func (c *Connector) registered(ctx context.Context, key oauthstore.Key, want registration, dead string) (*registration, error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		reg := want
		version, err := c.load(ctx, want.id(), &reg)
		if err != nil && !errors.Is(err, oauthstore.ErrNotFound) && !storehandle.Unreadable(err) {
			return nil, err
		}
		now := time.Now()
		known := reg.ClientID != "" && reg.ClientID != dead
		switch {
		case known && !reg.endsSoon(now) && now.Sub(reg.Checked) < recheck:
			return &reg, nil
		case reg.Claim != "" && now.Before(reg.ClaimUntil):
			if known && (reg.SecretExpiry.IsZero() || now.Before(reg.SecretExpiry)) {
				return &reg, nil // another process renews it, and it is still valid
			}
			if err := sleep.For(ctx, wait); err != nil {
				return nil, err
			}
			continue
		}
		reg.claim(now)
		version, err = c.saveRegistration(ctx, &reg, version)
		if errors.Is(err, backend.ErrConflict) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return c.claimed(ctx, key, reg, version, func(ctx context.Context, r *registration) (string, error) {
			return c.freshen(ctx, r, dead)
		})
	}
}

// claimed changes a registration under its claim and saves the result. change
// returns a description for the log; "" if it changed nothing.
func (c *Connector) claimed(
	ctx context.Context, key oauthstore.Key, reg registration, version uint64,
	change func(context.Context, *registration) (did string, err error),
) (*registration, error) {
	next := reg
	did, err := change(ctx, &next)
	if err != nil {
		next = reg
	}
	next.Claim, next.ClaimUntil = "", time.Time{}
	_, saveErr := c.saveRegistration(ctx, &next, version)
	if err != nil {
		return nil, registrationFault(err, next.Redirect) // if the save failed, the claim expires
	}
	if saveErr != nil && !errors.Is(saveErr, backend.ErrConflict) {
		return nil, saveErr
	}
	if next.Secret != "" && next.Secret != reg.Secret {
		// Refreshes of all processes read the secret from there.
		client := storehandle.Client{
			Kind: string(oauthstore.ClientRegistered), Issuer: next.Issuer, ID: next.ClientID,
			Secret: oauthstore.NewSecret(next.Secret), AuthMethod: next.Method, ExpiresAt: next.SecretExpiry,
		}
		if err := c.handle.SaveClient(ctx, client); err != nil {
			return nil, err
		}
	}
	if did != "" {
		c.log(ctx, did, key, slog.String("issuer", next.Issuer))
	}
	return &next, nil
}

// saveRegistration writes a registration. Its use writes it every hour, so that
// one that is no longer used expires.
func (c *Connector) saveRegistration(ctx context.Context, r *registration, version uint64) (uint64, error) {
	return c.save(ctx, r.id(), r, time.Now().Add(storehandle.ClientAge), version)
}

// freshen makes a registration usable: it renews a secret that expires soon,
// checks whether the server still accepts the client, and registers a new one
// otherwise. did describes the change for the log.
func (c *Connector) freshen(ctx context.Context, reg *registration, dead string) (did string, err error) {
	now := time.Now()
	if reg.ClientID != "" && reg.ClientID != dead {
		if reg.endsSoon(now) {
			if c.renew(ctx, reg) == nil {
				return "client renewed", nil
			}
		} else {
			gone, err := oauth.ConfirmDead(ctx, c.http, oauth.ClientCheck{
				TokenEndpoint: reg.TokenEndpoint, Client: reg.client(), RedirectURI: reg.Redirect, Registration: reg.wire(),
			})
			if err != nil {
				return "", nil //nolint:nilerr // unknown now: the consent will show it
			}
			if !gone {
				reg.Checked = now
				return "", nil
			}
		}
	}
	did = "client registered"
	if reg.ClientID != "" {
		did = "client replaced"
	}
	metadata := c.metadata(reg, reg.Asked)
	got, err := oauth.Register(ctx, c.http, oauth.RegisterRequest{Endpoint: reg.Endpoint, Metadata: metadata})
	if len(metadata.Scopes) > 0 && rejected(err) {
		// Some servers reject scopes in a registration and accept them at consent.
		metadata.Scopes = nil
		got, err = oauth.Register(ctx, c.http, oauth.RegisterRequest{Endpoint: reg.Endpoint, Metadata: metadata})
	}
	if err != nil {
		return "", err
	}
	reg.take(got, now)
	return did, nil
}

var errNotRenewed = errors.New("the server did not extend the client's secret")

// renew gets a new secret for a client (RFC 7592 section 2.2).
func (c *Connector) renew(ctx context.Context, reg *registration) error {
	got, err := oauth.UpdateClient(ctx, c.http, reg.wire(), c.metadata(reg, reg.Method))
	if err != nil {
		return err
	}
	if got.Secret.IsZero() || !got.SecretExpiry.IsZero() && !got.SecretExpiry.After(reg.SecretExpiry) {
		return errNotRenewed
	}
	reg.take(got, time.Now())
	return nil
}

func (r *registration) take(got *oauth.Registration, now time.Time) {
	r.ClientID, r.Secret, r.Method, r.SecretExpiry = got.ClientID, got.Secret.Expose(), got.AuthMethod, got.SecretExpiry
	r.ManageURL, r.ManageToken = "", ""
	if sameOrigin(got.ManageURL, r.Endpoint) { // the secret goes to that origin only
		r.ManageURL, r.ManageToken = got.ManageURL, got.ManageToken.Expose()
	}
	r.Since, r.Checked = now, now
}

// sameOrigin reports whether two URLs have the same scheme, host and port.
func sameOrigin(a, b string) bool {
	x, err1 := url.Parse(a)
	y, err2 := url.Parse(b)
	return err1 == nil && err2 == nil && x.Host != "" && safehttp.SameOrigin(x, y)
}

func (r *registration) wire() oauth.Registration {
	return oauth.Registration{
		ClientID: r.ClientID, Secret: oauthstore.NewSecret(r.Secret), AuthMethod: r.Method, SecretExpiry: r.SecretExpiry,
		ManageURL: r.ManageURL, ManageToken: oauthstore.NewSecret(r.ManageToken),
	}
}

func (r *registration) client() oauth.Client {
	return oauth.Client{ID: r.ClientID, Secret: oauthstore.NewSecret(r.Secret), AuthMethod: r.Method, Issuer: r.Issuer}
}

// metadata returns the client metadata for a registration.
func (c *Connector) metadata(r *registration, method string) oauth.ClientMetadata {
	m := oauth.ClientMetadata{
		AuthMethod: method, GrantTypes: r.Grants, Scopes: r.Scopes, Name: c.opts.ClientName, URI: c.opts.ClientURI,
	}
	if r.Redirect != "" {
		m.RedirectURIs = []string{r.Redirect}
	} else {
		m.ApplicationType = oauth.AppNative
	}
	return m
}

// registrationFault turns a refused registration into an error that a person can
// act on.
func registrationFault(err error, redirect string) error {
	if !rejected(err) {
		return err
	}
	w, _ := errors.AsType[*oauth.Error](err)
	e := &Error{
		Kind: KindNoClient, Detail: "the authorization server rejected the registration of this application", Said: w.Description, Remedy: RemedyClient, Err: err,
	}
	switch {
	case w.Status == http.StatusNotFound, w.Status == http.StatusMethodNotAllowed, w.Status == http.StatusNotImplemented:
		e.Detail = "the authorization server does not register applications, although its metadata names an endpoint for it"
	case w.Code == "invalid_redirect_uri":
		e.Detail, e.Remedy = "the authorization server does not register the redirect URL "+oauth.ShowURL(redirect), RemedyRedirect
	}
	return e
}

// rejected reports whether a server understood a registration and refused it.
func rejected(err error) bool {
	w, ok := errors.AsType[*oauth.Error](err)
	return ok && w.Class != oauth.ClassNotConsumed && w.Class != oauth.ClassUnknown
}

// replace restarts a flow whose client the server rejected, if the server has
// deleted that client: with a new client, in the same browser. Credentials of the
// old client are not changed.
func (c *Connector) replace(ctx context.Context, f *flow) (*Consent, error) {
	p := f.Plan
	client, err := c.authenticate(f)
	if err != nil {
		return nil, err
	}
	gone, err := oauth.ConfirmDead(ctx, c.http, oauth.ClientCheck{
		TokenEndpoint: p.Server.TokenEndpoint, Client: client, RedirectURI: f.Redirect,
	})
	if err != nil || !gone {
		return nil, err
	}
	reg, err := c.register(ctx, f.Key, registration{
		Issuer: p.Server.Issuer, Endpoint: p.Server.RegistrationEndpoint, TokenEndpoint: p.Server.TokenEndpoint,
		Redirect: f.Redirect, Scopes: p.Scopes, Asked: f.Client.Asked,
	}, f.Client.ID)
	if err != nil {
		return nil, err
	}
	next := *f
	next.Client, next.Replaced = reg.chosen(), true
	return c.start(ctx, &next)
}

// RenewClients renews the secrets of all registered clients that expire within a
// day (RFC 7592), so that refreshes keep working. Run it daily if connected
// servers issue such secrets; [Connector.Begin] renews the client that it uses.
// It returns the number of renewed clients, and the first error.
func (c *Connector) RenewClients(ctx context.Context) (int, error) {
	renewed := 0
	var first error
	err := c.handle.Records().Each(ctx, backend.KindRegistration, func(id backend.ID, data []byte, version uint64) error {
		var reg registration
		if id.Account != registrationAccount || json.Unmarshal(data, &reg) != nil {
			return nil //nolint:nilerr // a client of another kind
		}
		now := time.Now()
		if !reg.endsSoon(now) || reg.Claim != "" && now.Before(reg.ClaimUntil) {
			return nil
		}
		reg.claim(now)
		version, err := c.saveRegistration(ctx, &reg, version)
		if err == nil {
			_, err = c.claimed(ctx, oauthstore.Key{}, reg, version, func(ctx context.Context, r *registration) (string, error) {
				if err := c.renew(ctx, r); err != nil {
					return "", err
				}
				renewed++
				return "client renewed", nil
			})
		}
		if err != nil && !errors.Is(err, backend.ErrConflict) && first == nil {
			first = err
		}
		return ctx.Err()
	})
	if err == nil {
		err = first
	}
	if err != nil {
		return renewed, fail("renew clients", oauthstore.Key{}, err)
	}
	return renewed, nil
}
