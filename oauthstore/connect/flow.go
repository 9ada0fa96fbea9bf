package connect

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/providers"
)

// A Consent is a pending consent.
type Consent struct {
	// URL is where to send the user's browser. It is an https URL, or an http
	// one on a loopback address if allowed, and is safe in a Location header. Do
	// not pass it to a shell. Send the browser there soon: with pushed requests
	// (RFC 9126) it may expire after a minute.
	URL string
	// Binding is the secret that the user's browser must present at the callback:
	// keep it in a cookie, or in the memory of the waiting program.
	Binding oauthstore.Secret
	Key     oauthstore.Key // of the credential to be stored
	Ends    time.Time      // later callbacks are refused

	Issuer   string                // the authorization server
	Resource string                // the requested resource (RFC 8707); "" for none
	Scopes   []string              // the requested scopes, sorted; nil: none
	ClientID string                // client id at the issuer
	Client   oauthstore.ClientKind // how the application is known there
	// Named reports whether the catalogue, an [App] or the provider's data names
	// Issuer for this server. If false, only the server itself does: show the user
	// the hosts of Key.Server and of URL before sending the browser.
	Named bool
	// Notice, if not empty, says that the vendor admits only clients that it has
	// approved, and where to apply: the consent may fail. Show it to the operator.
	Notice string
}

// A flow is the record of a pending consent. Its name is a digest of the state,
// which is not stored itself.
type flow struct {
	Key oauthstore.Key `json:"key"` // which the store reads too, to delete an owner's flows
	// Connector is OpenAI's connector_id; "" for a server.
	Connector string                  `json:"connector,omitzero"`
	Way       string                  `json:"way,omitzero"`
	Profile   oauthstore.TokenProfile `json:"profile,omitzero"`
	Plan      *plan                   `json:"plan,omitzero"`
	Client    chosen                  `json:"client,omitzero"`
	Redirect  string                  `json:"redirect,omitzero"`
	Verifier  string                  `json:"verifier,omitzero"` // PKCE (RFC 7636); used once
	Binding   string                  `json:"binding"`           // digest
	ReturnTo  string                  `json:"return_to,omitzero"`
	Ends      time.Time               `json:"ends,omitzero"`
	Replaced  bool                    `json:"replaced,omitzero"` // it replaces a flow whose client the server had deleted

	Taken time.Time `json:"taken,omitzero"` // when a callback took it; zero: not yet
	Ended Kind      `json:"ended,omitzero"` // the outcome; "" while pending
}

// kindConnected is the outcome of a successful flow.
const kindConnected Kind = "connected"

// keepTaken is how long a taken or expired flow is kept, so that a page that is
// loaded again can explain itself.
const keepTaken = time.Hour

func flowID(state string) backend.ID {
	return backend.ID{Kind: backend.KindFlow, Account: digest("state", state)}
}

// Begin starts a user's consent: it finds the authorization server (RFC 9728,
// RFC 8414), registers the application there if needed (RFC 7591), and returns the
// URL to send the user to.
// [Connector.Finish] completes it, in any process. Typical errors are [KindNoClient]
// if a person must register an application first, [KindUntrusted] for metadata that
// contradicts itself, and [KindUnavailable].
func (c *Connector) Begin(ctx context.Context, p providers.Provider, owner oauthstore.Owner, ask *Ask) (*Consent, error) {
	ask = orNew(ask)
	s, err := c.site(p, owner, ask, providers.WayOAuth)
	if err != nil {
		return nil, fail("begin", s.key, err)
	}
	b, err := c.begin(ctx, &s, ask)
	if err != nil {
		return nil, fail("begin", s.key, err)
	}
	return b, nil
}

func (c *Connector) begin(ctx context.Context, s *site, ask *Ask) (*Consent, error) {
	if err := c.checkAdmission(s); err != nil {
		return nil, err
	}
	plan, err := c.browsable(ctx, s, ask)
	if err != nil {
		return nil, err
	}
	plan.wantRefresh(ask)
	plan.Server.Scopes = nil // long, and not needed in the record
	client, redirect, err := c.client(ctx, s, plan, ask.RedirectURL, nil)
	if err != nil {
		return nil, err
	}
	f := &flow{
		Key: s.key, Connector: s.provider.Server.Connector, Way: s.way.ID, Profile: s.profile(), Plan: plan, Client: client, Redirect: redirect, ReturnTo: ask.ReturnTo,
	}
	binding := ask.Binding
	if binding.IsZero() {
		binding = newSecret()
	}
	f.Binding = digest("binding", binding.Expose())
	b, err := c.start(ctx, f)
	if e, ok := errors.AsType[*oauth.Error](err); ok && e.Class == oauth.ClassClient && client.Kind == oauthstore.ClientRegistered {
		// A pushed request shows at once that the server has deleted our client.
		next, replaceErr := c.replace(ctx, f)
		if next != nil {
			b, err = next, nil
		}
		err = errors.Join(err, replaceErr)
	}
	if err != nil {
		return nil, err
	}
	b.Binding, b.Notice = binding, s.notice(client.Kind)
	return b, nil
}

// browsable discovers an authorization server that a browser can be sent to.
func (c *Connector) browsable(ctx context.Context, s *site, ask *Ask) (*plan, error) {
	p, err := c.discover(ctx, s, ask)
	if err != nil {
		return nil, err
	}
	if p.Server.AuthorizationEndpoint == "" {
		return nil, fault(KindUnsupported, "the authorization server has no authorization endpoint")
	}
	if err := p.Server.CheckPKCE(p.NoPKCEMetadata); err != nil {
		e := &Error{Kind: KindUntrusted, Detail: "the authorization server's metadata lists PKCE methods without S256", Err: err}
		if len(p.Server.CodeChallengeMethods) == 0 {
			e.Detail, e.Remedy = "the authorization server's metadata does not say that it supports PKCE with S256", RemedyNoPKCEMetadata
		}
		return nil, e
	}
	return p, nil
}

// start stores a flow and returns its URL. The caller has set the flow's other
// fields and its binding.
func (c *Connector) start(ctx context.Context, f *flow) (*Consent, error) {
	p, state, verifier := f.Plan, newSecret().Expose(), oauth.NewVerifier()
	f.Verifier = verifier.Expose()
	extra := make(url.Values, len(p.Params))
	for name, value := range p.Params {
		extra.Set(name, value)
	}
	request := oauth.AuthorizationRequest{
		Server: &p.Server, ClientID: f.Client.ID, RedirectURI: f.Redirect, State: state, Verifier: verifier,
		Resource: p.resource(), Scopes: p.Scopes, Extra: extra, InsecureNoPKCEMetadata: p.NoPKCEMetadata,
	}
	target, err := c.target(ctx, f, request)
	if err != nil {
		return nil, err
	}
	f.Ends = time.Now().Add(c.opts.FlowTTL)
	if _, err := c.save(ctx, flowID(state), f, f.Ends.Add(keepTaken), 0); err != nil {
		return nil, err
	}
	return &Consent{
		URL: target, Key: f.Key, Ends: f.Ends, Issuer: p.Server.Issuer, Resource: p.resource(),
		Scopes: slices.Clone(p.Scopes), ClientID: f.Client.ID, Client: f.Client.Kind, Named: p.Named,
	}, nil
}

// target returns the URL for the browser. It pushes the request if the server
// requires that.
func (c *Connector) target(ctx context.Context, f *flow, r oauth.AuthorizationRequest) (string, error) {
	if !r.Server.RequirePushed {
		return r.URL()
	}
	client, err := c.authenticate(f)
	if err != nil {
		return "", err
	}
	return r.PushedURL(ctx, c.http, client)
}

// newSecret returns 256 random bits as text.
func newSecret() oauthstore.Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return oauthstore.NewSecret(base64.RawURLEncoding.EncodeToString(b[:]))
}

// save writes a record as JSON.
func (c *Connector) save(ctx context.Context, id backend.ID, v any, expireAt time.Time, ifVersion uint64) (uint64, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, err
	}
	return c.handle.Records().Save(ctx, id, data, expireAt, ifVersion)
}

// load reads a record that save wrote.
func (c *Connector) load(ctx context.Context, id backend.ID, v any) (uint64, error) {
	data, version, err := c.handle.Records().Load(ctx, id)
	if err != nil {
		return version, err
	}
	return version, json.Unmarshal(data, v)
}
