package mcptools

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A Builder builds the tools entries of one provider for any owner. It is safe for
// concurrent use.
type Builder struct {
	provider    providers.Provider
	creds       oauthstore.Credentials // nil: the server needs no authentication
	platform    platform.Platform
	named       bool // the caller named the platform
	label       string
	description string // "" if there is none, or the platform ignores it
	tunnel      string // tunnel_id of the entries; "" for none
	connector   string // connector_id of the entries; "" for none
	url         string // the provider's own server URL; "" if there is none, or one per customer
	approval    Approval
	allowed     []string
	readOnly    bool
	callers     []string
	deferred    bool
	headers     map[string]string // beside the credential: the provider's own and Options.Headers
	useHeaders  bool
	relay       Relay // nil: the platform connects to the server
	need        oauthstore.Need
	loopback    bool
	ownProbe    bool         // need.Verify is the probe of this builder
	hc          *http.Client // for the probe; nil: there is no server to ask
	accepted    *acceptedTokens
	shapes      shapeCache
	prepared    prepared
	// bearerInHeaders repeats inHeaders.
	bearerInHeaders bool
	noBearer        bool // the platform is not known to send a bearer token
	ownStore        bool // creds is an [oauthstore.Store], which serves no expired token
	warnings        []string
	warnedHosts     sync.Map // hosts of unknown platforms that a warning was logged for
	log             *slog.Logger
}

// NewBuilder returns a builder for p that gets its tokens from creds. creds may be
// nil for a server without authentication; no credential is sent then. The error
// joins all faults of p and opts; a [*Failure] of [KindUnsupported] among them names
// what the platform can't apply. p must not be changed afterwards.
func NewBuilder(p providers.Provider, creds oauthstore.Credentials, opts *Options) (*Builder, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	b := &Builder{
		provider: p, tunnel: o.TunnelID,
		allowed: slices.Clone(o.AllowedTools), readOnly: o.ReadOnly, callers: slices.Clone(o.AllowedCallers),
		deferred: o.DeferLoading, useHeaders: o.UseHeaders, relay: o.Relay,
		need: o.Need, loopback: o.InsecureAllowLoopback, accepted: newAcceptedTokens(), shapes: newShapeCache(), log: o.Logger,
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	b.platform, b.named = platformOf(&o)
	b.label = cmp.Or(o.Label, p.Label, p.ID)
	b.description = o.Description
	if b.description == "" && b.takes(platform.FieldDescription) {
		b.description = p.Description
	}
	if b.tunnel == "" {
		b.connector = p.Server.Connector
	}

	var f faults
	f.add(p.Validate())
	f.label(b.label)
	f.platformID(o.Platform)
	f.platformLabel(b.platform, b.label)
	if !printable(strings.NewReplacer("\n", "", "\t", "").Replace(b.description)) {
		f.addf("the description holds control characters or is not UTF-8")
	}
	f.names("AllowedTools", b.allowed)
	f.callers(b.callers)
	f.headers("Headers", o.Headers, p.Ways)
	b.headers = withHeaders(documentedHeaders(p), o.Headers)
	b.checkServer(&f)
	b.checkCredentials(&f, creds)
	b.checkRelay(&f)
	o.Approval.check(&f, b.allowed)
	if unfit := b.checkPlatform(&o); unfit != nil {
		f.add(unfit)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	b.approval = o.Approval.clone()
	if b.hasURL() && b.creds != nil {
		b.hc = probeClient(b.loopback, o.InsecureTransport)
	}
	if b.hc != nil && !o.InsecureSkipProbe && b.need.Verify == nil {
		b.need.Verify, b.ownProbe = b.verifier(nil), true
	}
	if b.readOnly && b.allowed != nil && b.relay == nil { // a relay enforces both
		b.warnings = append(b.warnings, "OpenAI does not document how allowed tool names and read_only combine")
	}
	for _, w := range b.warnings {
		b.log.Warn("mcptools: "+w, "provider", p.ID, "server_label", b.label)
	}
	b.warnings = append(b.warnings, platformWarnings(b.platform)...)
	_, b.ownStore = b.creds.(*oauthstore.Store)
	b.prepare()
	return b, nil
}

const connectorDeprecated = "connector_id is deprecated for models released after 2026-09-01: use a server URL or a tunnel if there is one"

// checkServer checks the server of the entries, as far as it is known already.
func (b *Builder) checkServer(f *faults) {
	if b.connector != "" {
		f.connector(b.connector)
		b.warnings = append(b.warnings, connectorDeprecated)
		if b.useHeaders {
			f.addf("UseHeaders can't be used with a connector: OpenAI takes its token in authorization only")
		}
		return
	}
	if b.tunnel != "" {
		f.tunnel(b.tunnel)
	}
	if b.provider.Retired != "" {
		f.addf("%s: %s", b.provider.ID, b.provider.Retired)
		return
	}
	if b.provider.Server.URL != "" && !strings.Contains(b.provider.Server.URL, "{") {
		var err error
		b.url, err = b.serverURL("")
		f.add(err)
	}
}

// checkCredentials sets creds if the server needs them.
func (b *Builder) checkCredentials(f *faults, creds oauthstore.Credentials) {
	open, closed := false, false
	for _, w := range b.provider.Ways {
		open = open || w.Kind == providers.WayNone
		closed = closed || w.Kind != providers.WayNone
	}
	switch {
	case !closed && open: // no credential is needed
	case creds != nil:
		b.creds = creds
	case !open:
		f.addf("no credentials: %s is not open to anyone", b.provider.Name)
	}
}

// hasURL reports whether the entries have a server URL, not a tunnel or a
// connector.
func (b *Builder) hasURL() bool { return b.tunnel == "" && b.connector == "" }

// Label returns the server_label of the builder's entries.
func (b *Builder) Label() string { return b.label }

// ProviderID returns the id of the builder's provider.
func (b *Builder) ProviderID() string { return b.provider.ID }

// Key returns the key of the credential of an entry for owner. It returns an error
// if the server URL is not the provider's, or if a part is missing.
func (b *Builder) Key(owner oauthstore.Owner, opts *BuildOptions) (oauthstore.Key, error) {
	if opts == nil {
		opts = &BuildOptions{}
	}
	if b.label == "" {
		return oauthstore.Key{}, errtext.New("mcptools: the Builder is empty: make it with NewBuilder")
	}
	server, err := b.serverURL(opts.ServerURL)
	if err != nil {
		return oauthstore.Key{}, err
	}
	key := oauthstore.Key{Owner: owner, Provider: b.provider.ID, Account: opts.Account, Server: server}
	return key, key.Validate()
}

// serverURL returns the exact URL of the server. It is "" if neither the entry nor
// the credential has one.
func (b *Builder) serverURL(override string) (string, error) {
	switch {
	case override == "" && b.url != "":
		return b.url, nil
	case b.connector != "" && override != "":
		return "", errtext.New("mcptools: a connector has no server URL: remove it from the options")
	case b.connector != "", b.tunnel != "" && override == "" && b.provider.Server.URL == "":
		return "", nil
	}
	server, err := b.provider.ServerURL(override)
	if err != nil {
		return "", err
	}
	if b.hasURL() && !b.loopback && onLoopback(server) {
		return "", errtext.New("mcptools: the server URL leads to this machine, where OpenAI can't reach it; tests set InsecureAllowLoopback")
	}
	return server, nil
}

// serves reports whether the builder builds entries for the key's provider and server.
func (b *Builder) serves(key oauthstore.Key) bool {
	server, err := b.serverURL(key.Server)
	return key.Provider == b.provider.ID && err == nil && server == key.Server
}

// Build returns the tools entry with owner's credential. It belongs to the caller:
// changing it changes no other. The error is a [*Failure] of [StageBuild]: don't
// send the request then. opts may be nil.
//
// Use an entry for one request, and build another for the next, so that its token
// is fresh. With a cached token that does not expire soon, Build needs no I/O; with
// [Options.Relay] it reads the credential's state.
//
// The store does not learn that the server refused this entry's token. For users'
// requests use [Set.Build] with [Result.Option], or package session, which report
// it and get another one; [Entry.Reject] reports it too.
func (b *Builder) Build(ctx context.Context, owner oauthstore.Owner, opts *BuildOptions) (responses.ToolUnionParam, error) {
	if opts == nil {
		opts = &BuildOptions{}
	}
	var m built
	if err := b.make(ctx, owner, opts, &m); err != nil {
		return responses.ToolUnionParam{}, err
	}
	return responses.ToolUnionParam{OfMcp: m.tool}, nil
}

// A built is an entry with its credential.
type built struct {
	tool     *responses.ToolMcpParam
	key      oauthstore.Key
	token    oauthstore.Token // zero for a server without credentials; of a relayed entry, the ticket with the credential's provenance
	warning  string
	ticketID string // of a relayed entry
}

// make builds an entry into m, which is the caller's: it is large.
func (b *Builder) make(ctx context.Context, owner oauthstore.Owner, opts *BuildOptions, m *built) error {
	var headers map[string]string
	if b.prepared.serves(opts) {
		m.key = oauthstore.Key{Owner: owner, Provider: b.provider.ID, Account: opts.Account}
		if err := m.key.Validate(); err != nil {
			return b.refusal(KindMisconfigured, errtext.Sentence(err), err)
		}
		m.key.Server = b.prepared.server
	} else {
		var err error
		if m.key, err = b.Key(owner, opts); err == nil {
			headers, err = b.entryHeaders(opts.Headers)
		}
		if err != nil {
			return b.refusal(KindMisconfigured, errtext.Sentence(err), err)
		}
	}
	need := b.need
	need.RequireTTL = need.RequireTTL || opts.RequireTTL
	if opts.MinTTL > 0 {
		need.MinTTL = opts.MinTTL
	}
	if b.ownProbe && opts.Headers != nil {
		need.Verify = b.verifier(opts) // with the headers of this very entry
	}
	var f *Failure
	if b.relay != nil {
		*m, f = b.relayed(ctx, m.key, headers, need)
	} else {
		f = b.direct(ctx, m, headers, need)
	}
	if f != nil {
		f.askForConsent(opts.consentURL(m.key))
		return f
	}
	return nil
}

// direct builds an entry with which the platform connects to the server itself.
// headers are those beside the credential.
func (b *Builder) direct(ctx context.Context, m *built, headers map[string]string, need oauthstore.Need) *Failure {
	if m.key.Server != b.prepared.server || headers != nil {
		if f := b.checkEntry(m.key.Server, headers); f != nil {
			return f
		}
	}
	if b.creds == nil {
		m.tool = b.newTool(m.key.Server)
		m.tool.Headers = headers
		return nil
	}
	var err error
	if m.token, err = b.creds.Token(ctx, m.key, need); err != nil {
		f := storeRefusal(&b.provider, b.label, err)
		if f.Kind == KindUnavailable && f.Action == ActionFixConfig {
			f.sentence = b.tooShort(need.MinTTL)
		}
		return f
	}
	way, warning, f := b.check(&m.key, &m.token)
	if f != nil {
		return f
	}
	if b.mayEnd(way, &m.token, need.MinTTL) {
		if need.RequireTTL {
			return b.lifetimeRefusal(need.MinTTL)
		}
		warning = strings.TrimPrefix(warning+"; "+b.tooShort(need.MinTTL), "; ")
	}
	m.tool, m.warning = b.newTool(m.key.Server), warning
	m.tool.Headers = headers
	return b.authorize(m.tool, way, &m.token)
}

// onLoopback reports whether the URL, which a provider has accepted, leads to
// this machine. Providers accept http there only.
func onLoopback(serverURL string) bool {
	u, err := url.Parse(serverURL)
	return err == nil && safehttp.IsLoopback(u.Hostname())
}

// entryHeaders returns the headers of one entry beside the credential, or an error
// about more.
func (b *Builder) entryHeaders(more map[string]string) (map[string]string, error) {
	var f faults
	if more != nil {
		f.headers("BuildOptions.Headers", more, b.provider.Ways)
	}
	h := withHeaders(b.headers, more)
	for _, d := range b.provider.Headers {
		if d.Required && !hasHeader(h, d.Name) {
			f.addf("%s needs header %s: %s", b.provider.Name, d.Name, d.Doc)
		}
	}
	return h, f.err()
}

func hasHeader(h map[string]string, name string) bool {
	for other := range h {
		if strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}

// refusal returns a refusal of an entry of the builder's.
func (b *Builder) refusal(kind Kind, sentence string, err error) *Failure {
	return refusal(&b.provider, b.label, kind, sentence, err)
}
