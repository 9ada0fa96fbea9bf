package connect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
	"github.com/toolgrant/toolgrant/providers"
)

// Options of a [Connector]. Nil and the zero value suffice for imports and for
// consents on a loopback address; a web application sets RedirectURL.
type Options struct {
	// RedirectURL is where authorization servers send users back to: the public
	// URL of [Web.Callback]. It must be https, or http on a loopback address.
	// If empty, [Connector.Begin] fails.
	RedirectURL string
	// Apps are the registered applications. New returns an error for one that is
	// not bound to an issuer and to servers. If nil, none.
	Apps Apps
	// ClientMetadataURL is the public https URL of [Connector.ClientMetadata],
	// which is then our client id at servers that support such documents. If
	// empty, dynamic registration is used there too.
	ClientMetadataURL string
	// ClientName is the application's name on the consent page. If empty, the host
	// of RedirectURL, else "toolgrant".
	ClientName string
	// ClientURI is a page about the application, for the consent page. If empty,
	// none.
	ClientURI string
	// Verify asks the MCP server whether it accepts a new token; the verdict is
	// stored. A zero verdict means that the server can't be asked. If nil, tokens
	// are verified at their first use.
	Verify func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict
	// FlowTTL is the time that a user may take from the click to the callback. If
	// zero, 10 min.
	FlowTTL time.Duration
	// InsecureTransport sends all requests in place of the guarded transport: through
	// a proxy, to an intranet, with a private certificate authority. It must not
	// repeat requests, and it decides which addresses may be reached. URLs,
	// redirects, deadlines and body sizes are still guarded. If nil, only public
	// addresses are dialed, over https.
	InsecureTransport http.RoundTripper
	// InsecureAllowLoopback allows http and loopback addresses, also in
	// ClientMetadataURL, for tests. If false, they are refused.
	InsecureAllowLoopback bool
	// InsecureLegacyDiscovery looks for the authorization server at the MCP
	// server's own origin (MCP 2025-03-26) for every server without
	// protected-resource metadata. The metadata at an origin may belong to
	// something else. If false, only for providers whose data allows it.
	InsecureLegacyDiscovery bool
	// Logger gets one line for each finished consent and each client that is
	// registered, renewed or replaced, without any secret. If nil, no lines.
	Logger *slog.Logger
}

const (
	defaultFlowTTL = 10 * time.Minute
	defaultName    = "toolgrant"
)

// A Connector obtains credentials and puts them into a store. It has no state of
// its own: any process with the same store and options can finish a consent
// that another one started. It is safe for concurrent use.
type Connector struct {
	store  *oauthstore.Store
	handle storehandle.Handle // of store
	opts   Options
	http   *http.Client

	registering singleflight.Group
}

// New returns a connector, or an error that lists all invalid options.
func New(store *oauthstore.Store, opts *Options) (*Connector, error) {
	if store == nil {
		return nil, errtext.New("connect: a connector needs a store")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	o.Apps = slices.Clone(o.Apps)
	if o.FlowTTL == 0 {
		o.FlowTTL = defaultFlowTTL
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.ClientName == "" {
		o.ClientName = defaultName
		if u, err := url.Parse(o.RedirectURL); err == nil && u.Host != "" && !safehttp.IsLoopback(u.Hostname()) {
			o.ClientName = u.Hostname()
		}
	}
	hc := safehttp.New(&safehttp.Options{AllowLoopback: o.InsecureAllowLoopback, Transport: o.InsecureTransport})
	return &Connector{store: store, handle: storehandle.Of(store), opts: o, http: hc}, nil
}

func (o *Options) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, errtext.Errorf("connect: "+format, args...)) }
	if o.RedirectURL != "" {
		if err := checkRedirect(o.RedirectURL); err != nil {
			errs = append(errs, err)
		}
	}
	if o.FlowTTL < 0 {
		bad("FlowTTL is negative")
	}
	if o.ClientMetadataURL != "" {
		if err := oauth.CheckDocumentURL(o.ClientMetadataURL, o.InsecureAllowLoopback); err != nil {
			bad("ClientMetadataURL: %w", err)
		}
	}
	for i := range o.Apps {
		app := &o.Apps[i]
		for _, why := range app.validate(o.InsecureAllowLoopback) {
			bad("Apps[%d] %s", i, why)
		}
		if app.RedirectURL != "" {
			if err := checkRedirect(app.RedirectURL); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

var errRedirectURL = errtext.New("connect: the redirect URL is not an https URL, or an http one on a loopback address, without fragment")

// checkRedirect checks the form of a redirect URI (OAuth 2.1 section 2.3.1).
func checkRedirect(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !safehttp.IsLoopback(u.Hostname())) {
		return errRedirectURL
	}
	return nil
}

// An Ask selects the credential to obtain and what to request for it.
type Ask struct {
	// Account selects one of several accounts of the owner. If empty, the account
	// without a name.
	Account string
	// ServerURL is the MCP server's URL, for providers with a URL per customer. If
	// empty, the provider's own.
	ServerURL string
	// Scopes are the scopes to request. If nil, those of the server's challenge,
	// else of its metadata, else of the provider's data.
	Scopes []string
	// Challenge is the header of the MCP server's 401 or 403 response to a request
	// without a token, or with too few scopes. If nil, the server is asked.
	Challenge http.Header
	// RedirectURL is where the authorization server sends the user back to. If
	// empty, that of the app, else Options.RedirectURL; for [Connector.Listen] a
	// loopback address.
	RedirectURL string
	// ReturnTo is where the browser goes at the end. It is stored unchanged:
	// WebOptions.ReturnTo restricts it. If empty, a page that says that the
	// provider is connected.
	ReturnTo string
	// Ignored is called with the error of each callback that did not end the wait
	// of a [Listener], such as an error without state. Any page may have caused it.
	// It must return soon, and be safe for concurrent use. If nil, nothing is called.
	Ignored func(*Error)
	// Binding is a secret that only the user's browser has, such as a cookie's
	// value; the callback must present it. If zero, a new one, in Consent.
	Binding oauthstore.Secret
}

func orNew(a *Ask) *Ask {
	if a == nil {
		return new(Ask)
	}
	return a
}

// A site is one MCP server for one owner.
type site struct {
	key      oauthstore.Key
	data     providers.Provider // as it was given
	provider providers.Provider // resolved: at key.Server
	way      providers.Way
	issuer   string // that the caller of an import names; "": none
	hint     string // iss of an imported JWT, which chooses among the listed issuers; "": none
}

// spot is the server as applications are matched with it.
func (s *site) spot() spot { return spotOf(s.key, s.provider.Server.Connector) }

func spotOf(key oauthstore.Key, connector string) spot {
	return spot{owner: key.Owner, server: key.Server, connector: connector}
}

// site resolves the server and the credential. kinds are the acceptable kinds of
// way, best first; none means all.
func (c *Connector) site(p providers.Provider, owner oauthstore.Owner, ask *Ask, kinds ...string) (site, error) {
	s := site{key: oauthstore.Key{Owner: owner, Provider: p.ID, Account: ask.Account}}
	if err := p.Validate(); err != nil {
		return s, &Error{Kind: KindMisconfigured, Err: err}
	}
	way, ok := wayOf(p, kinds)
	if !ok {
		return s, fault(KindUnsupported, p.Name+" can't be connected like this")
	}
	p, err := p.Using(way.ID)
	if err != nil {
		return s, &Error{Kind: KindMisconfigured, Err: err}
	}
	s.data = p
	if s.provider, err = p.Resolve(ask.ServerURL); err != nil {
		return s, &Error{Kind: KindMisconfigured, Err: err}
	}
	s.key.Server, s.way = s.provider.Server.URL, way
	if err := s.key.Validate(); err != nil {
		return s, &Error{Kind: KindMisconfigured, Err: err}
	}
	return s, nil
}

func wayOf(p providers.Provider, kinds []string) (providers.Way, bool) {
	if len(kinds) == 0 {
		return p.Way("")
	}
	for _, kind := range kinds {
		if i := slices.IndexFunc(p.Ways, func(w providers.Way) bool { return w.Kind == kind }); i >= 0 {
			return p.Ways[i], true
		}
	}
	return providers.Way{}, false
}

// profile returns the token profile of a server.
func (s *site) profile() oauthstore.TokenProfile {
	t, o := s.provider.Tokens, &s.provider.OAuth
	return oauthstore.TokenProfile{
		KeepsRefreshToken: t.Rotates == providers.No, OldAccessDies: t.OldAccessDies, TTL: t.TTL,
		RefusedCodes: slices.Clone(t.RefusedCodes), TokenTypes: slices.Clone(t.Types), TokenMember: t.Member,
		NoRefreshResource: o.NoRefreshResource || o.NoResource, RefreshScopes: o.RefreshScopes,
	}
}

// shapeOf returns the shape of the token responses of a profile.
func shapeOf(p *oauthstore.TokenProfile) oauth.TokenShape {
	return oauth.TokenShape{Types: p.TokenTypes, Member: p.TokenMember}
}

func (c *Connector) log(ctx context.Context, msg string, key oauthstore.Key, attrs ...slog.Attr) {
	if c.opts.Logger == nil {
		return
	}
	attrs = append([]slog.Attr{
		slog.String("tenant", key.Owner.Tenant), slog.String("subject", key.Owner.Subject), slog.String("provider", key.Provider),
	}, attrs...)
	if name := actor.Of(ctx); name != "" {
		attrs = append(attrs, slog.String("actor", name))
	}
	c.opts.Logger.LogAttrs(ctx, slog.LevelInfo, msg, attrs...)
}

// digestSize is the length of a digest.
const digestSize = 2 * sha256.Size

// digest represents a secret or a long text in a record's id.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
