package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A Case is what is to be found out about.
type Case struct {
	// Provider is whose server it is. Required.
	Provider providers.Provider
	// ServerURL is the server_url of the entry. Default: the provider's own.
	ServerURL string
	// Token is the credential, such as [Stored] returns it: what
	// it is judged by is its provenance too. Default: none, and only the server
	// is looked at.
	Token *oauthstore.Token
	// Status is what the store says of the credential. Default: it is in no
	// store.
	Status *oauthstore.Status
	// Headers are those that the entry carries beside the credential. Default:
	// the provider's own.
	Headers map[string]string
	// Failure is what OpenAI said, if that is why you ask. Default: nothing.
	Failure *mcptools.Failure
}

// Options are how [Examine] asks.
type Options struct {
	// Timeout is for all of it together. Default: 40 s.
	Timeout time.Duration
	// InsecureTransport sends all requests in place of the guarded transport: through a
	// proxy, to an intranet, with a certificate authority of its own. It must not
	// repeat requests, and whoever makes it says which addresses may be reached.
	// URLs, redirects, time and bodies are guarded all the same. Default:
	// none, public addresses are dialed over https only.
	InsecureTransport http.RoundTripper
	// InsecureAllowLoopback permits http and loopback addresses, for tests.
	// Default: false.
	InsecureAllowLoopback bool
}

// Examine looks at the server, at what it and its authorization server
// publish, and at the credential; then it asks the server with the very URL
// and headers that an entry would carry. It has no side effects: nothing is
// refreshed, registered, stored or called. A token that is surely something
// else is sent nowhere.
func Examine(ctx context.Context, c Case, opts *Options) Report {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.Timeout <= 0 {
		o.Timeout = 40 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	hc := safehttp.New(&safehttp.Options{AllowLoopback: o.InsecureAllowLoopback, Transport: o.InsecureTransport})
	defer hc.CloseIdleConnections()

	e := &evidence{Case: c, hc: hc, loopback: o.InsecureAllowLoopback}
	e.gather(ctx)
	return e.report()
}

// evidence is what was seen.
type evidence struct {
	Case
	hc       *http.Client
	loopback bool

	steps    []Step
	at       providers.Provider // the provider at the server URL
	urlErr   error
	entry    *responses.ToolMcpParam // nil: none can be built of the token
	entryErr *mcptools.Failure       // why not

	answer *mcpprobe.Answer // to who comes without a token; nil: there was none
	askErr error
	anyone bool            // the tools are listed without a token
	probe  mcpprobe.Result // with the token; zero: it was not asked

	metadataErr error // why consent would not find its way
}

func (e *evidence) stepf(name string, ok bool, format string, args ...any) {
	e.steps = append(e.steps, Step{Name: name, OK: ok, Detail: fmt.Sprintf(format, args...)})
}

func (e *evidence) gather(ctx context.Context) {
	if !e.locate() {
		return
	}
	if e.at.Server.Connector == "" {
		e.knock(ctx)
		if e.answer != nil && hasOAuth(e.at) {
			e.metadata(ctx)
		}
	}
	e.credential(ctx)
	if e.entry != nil && e.answer != nil {
		e.tryToken(ctx)
	}
	if e.Failure != nil {
		e.stepf("openai", false, "OpenAI's answer means: %s.", strings.TrimSuffix(strings.TrimPrefix(e.Failure.Error(), "mcptools: "), "."))
	}
}

// locate finds the exact URL.
func (e *evidence) locate() bool {
	e.urlErr = e.Provider.Validate()
	if e.urlErr == nil {
		e.at, e.urlErr = e.Provider.Resolve(e.ServerURL)
	}
	switch {
	case e.urlErr != nil:
		e.stepf("server_url", false, "%s", sentence(e.urlErr))
	case e.at.Server.Connector != "":
		e.stepf("server_url", true, "OpenAI's own %s stands before the vendor's API: there is no server to ask.", e.at.Server.Connector)
	default:
		e.stepf("server_url", true, "The entry points to %s.", withoutQuery(e.at.Server.URL))
	}
	return e.urlErr == nil
}

// knock asks the server without a token.
func (e *evidence) knock(ctx context.Context) {
	const name = "server"
	e.answer, e.askErr = mcpprobe.Ask(ctx, e.hc, e.at.Server.URL, e.plain(), e.at.Transport == providers.TransportSSE)
	if e.askErr != nil {
		e.stepf(name, false, "The server can't be reached from here.")
		return
	}
	switch status := e.answer.Status; {
	case status == http.StatusUnauthorized:
		challenge, ok := oauth.BearerChallenge(oauth.ParseChallenges(e.answer.Header))
		switch {
		case challenge.ResourceMetadata != "":
			e.stepf(name, true, "It answers, wants a token and says where its metadata is.")
		case ok:
			e.stepf(name, true, "It answers and wants a token; its challenge does not say where its metadata is.")
		default:
			e.stepf(name, true, "It answers and wants a token, without a challenge.")
		}
	case status/100 == 2:
		anyone := mcpprobe.Probe(ctx, e.hc, mcpprobe.Request{URL: e.at.Server.URL}, e.plain())
		e.anyone = anyone.Outcome == mcpprobe.Accepted
		if e.anyone {
			e.stepf(name, true, "It answers and lists its tools for anyone.")
		} else {
			e.stepf(name, true, "It answers, and lists no tools without a token.")
		}
	default:
		e.stepf(name, false, "It answers with status %d.", status)
	}
}

// plain returns the headers that the server gets from anyone.
func (e *evidence) plain() http.Header {
	h := make(http.Header)
	for _, x := range e.at.Headers {
		if x.Value != "" {
			h.Set(x.Name, x.Value)
		}
	}
	for name, value := range e.Headers {
		h.Set(name, value)
	}
	return h
}

// metadata looks for what consent needs.
func (e *evidence) metadata(ctx context.Context) {
	v := &comparison{}
	challenge, _ := oauth.BearerChallenge(oauth.ParseChallenges(e.answer.Header))
	resource, ok := v.resource(ctx, e.hc, e.at, challenge.ResourceMetadata)
	mismatch := slices.ContainsFunc(v.Drifts, func(d Drift) bool { return d.Fact == "oauth.resource" })
	switch {
	case mismatch:
		e.metadataErr = errors.New("the server's metadata is for another resource")
	case !ok:
		e.metadataErr = errors.New("the server's metadata could not be had")
	case resource == nil:
		e.stepf("resource_metadata", e.at.OAuth.Issuer != "" || e.at.OAuth.LegacyDiscovery, "The server publishes no metadata of its own.")
	default:
		e.stepf("resource_metadata", true, "The server's metadata names its resource and its authorization server.")
	}
	if e.metadataErr != nil {
		e.stepf("resource_metadata", false, "%s", sentence(e.metadataErr))
		return
	}
	v = &comparison{}
	v.authorizationServer(ctx, e.hc, e.at, resource)
	switch {
	case v.Detail != "":
		e.metadataErr = errors.New(v.Detail)
		e.stepf("authorization_server", false, "%s", v.Detail)
	case slices.ContainsFunc(v.Drifts, func(d Drift) bool { return d.Fact == "oauth.pkce" }):
		e.metadataErr = oauth.ErrNoPKCE
		e.stepf("authorization_server", false, "It does not say that it takes PKCE with S256.")
	default:
		e.stepf("authorization_server", true, "The authorization server's metadata is as it must be.")
	}
}

// credential judges the credential without asking anybody.
func (e *evidence) credential(ctx context.Context) {
	if e.Token == nil {
		e.stepf("credential", isOpen(e.at), "There is no credential to look at.")
		return
	}
	ok := e.Status == nil || e.Status.State != oauthstore.StateReauthorize && e.Status.State != oauthstore.StateRevoked
	e.stepf("credential", ok && !e.expired(), "%s", e.describe())

	b, err := mcptools.NewBuilder(e.Provider, source(*e.Token), &mcptools.Options{
		InsecureSkipProbe: true, InsecureAllowLoopback: e.loopback, Headers: e.Headers,
	})
	if err != nil {
		e.urlErr = err
		e.stepf("entry", false, "%s", sentence(err))
		return
	}
	entry, err := b.Entry(ctx, oauthstore.Owner{Tenant: "doctor", Subject: "doctor"}, &mcptools.BuildOptions{ServerURL: e.ServerURL})
	if err != nil {
		e.entryErr, _ = errors.AsType[*mcptools.Failure](err)
		e.stepf("entry", false, "%s", sentence(err))
		return
	}
	e.entry = entry.Tool().OfMcp
	detail := []string{"An entry can be built of it."}
	for _, w := range entry.Warnings {
		detail = append(detail, "But "+w+".")
	}
	e.stepf("entry", true, "%s", strings.Join(detail, " "))
}

// source hands out one token, as if it still lived: whether it does is judged
// apart.
func source(t oauthstore.Token) oauthstore.Credentials {
	t.Expiry = time.Time{}
	return oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) { return t, nil })
}

func (e *evidence) expired() bool {
	return e.Token != nil && !e.Token.Expiry.IsZero() && time.Until(e.Token.Expiry) <= 0
}

// describe says what is known of the credential.
func (e *evidence) describe() string {
	s := "It is a credential of unknown origin"
	if o := e.Token.Provenance.Obtained; o != "" {
		s = "It was obtained by " + o
	}
	if w, ok := e.at.Way(e.Token.Provenance.Way); ok {
		s += ", as " + w.Name
	}
	switch left := time.Until(e.Token.Expiry); {
	case e.Token.Expiry.IsZero():
		s += ", and when it ends is not known"
	case left <= 0:
		s += ", and ended " + span(-left) + " ago"
	default:
		s += ", and lives for another " + span(left)
	}
	if e.Status != nil && e.Status.Reason != "" {
		s += fmt.Sprintf("; the store says %s (%s)", e.Status.State, e.Status.Reason)
	}
	return s + "."
}

// span is a duration in the one or two units that matter.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	case d >= time.Minute:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return d.Round(time.Second).String()
}

// tryToken asks the server with what an entry would carry.
func (e *evidence) tryToken(ctx context.Context) {
	r := mcpprobe.Request{URL: e.at.Server.URL, Anonymous: e.anyone || e.at.Check.Anonymous}
	if e.at.RESTToken == providers.Yes {
		r.CheckURL = e.at.Check.URL
	}
	e.probe = mcpprobe.Probe(ctx, e.hc, r, sent(e.entry))
	e.stepf("probe", e.probe.Outcome == mcpprobe.Accepted, "%s", e.probe.Detail)
}

// sent returns the headers that the MCP server sees of an entry.
func sent(m *responses.ToolMcpParam) http.Header {
	h := make(http.Header)
	for name, value := range m.Headers {
		h.Set(name, value)
	}
	if m.Authorization.Valid() {
		h.Set("Authorization", "Bearer "+m.Authorization.Value)
	}
	return h
}
