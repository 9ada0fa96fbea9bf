package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// A Case describes the server and credential to examine.
type Case struct {
	// Provider is the provider of the server. Required.
	Provider providers.Provider
	// ServerURL is the server_url of the entry. If "", the provider's own.
	ServerURL string
	// Token is the credential with its provenance, for example from [Stored]. If
	// nil, only the server is examined.
	Token *oauthstore.Token
	// Status is the stored status of the credential. If nil, the credential is not
	// in a store.
	Status *oauthstore.Status
	// Headers are the entry's headers other than the credential. If nil, the
	// provider's own.
	Headers map[string]string
	// Failure is the failure that OpenAI reported. If nil, none.
	Failure *mcptools.Failure
	// Relayed reports that OpenAI reaches the server through a relay, with a ticket
	// in place of the token. If false, OpenAI connects to the server itself.
	Relayed bool
}

// Options configure [Examine].
type Options struct {
	// Timeout limits the whole examination. If zero, 40s.
	Timeout time.Duration
	// InsecureTransport replaces the guarded transport, for example to use a
	// proxy, an intranet or a private certificate authority. It must not retry
	// requests, and it decides which addresses may be reached. Checks of URLs,
	// redirects, time and body size still apply. If nil, only public addresses
	// over https.
	InsecureTransport http.RoundTripper
	// InsecureAllowLoopback allows http and loopback addresses, for tests. If false,
	// they are refused.
	InsecureAllowLoopback bool
	// CheckConsent reports why the application can't ask a user for consent, such
	// as with [connect.Connector.Check] of its own connector. If nil, a connector
	// without registered applications and a loopback redirect URL is checked.
	CheckConsent func(context.Context) error
}

// Examine checks the server, the metadata of the server and of its
// authorization server, and the credential; then it sends the URL and headers
// of an entry to the server. It has no side effects: it refreshes, registers,
// stores and calls nothing. A token that is certainly of another kind is not
// sent.
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

	e := &evidence{Case: c, hc: hc, opts: o}
	e.gather(ctx)
	return e.report()
}

// evidence has the results of all steps.
type evidence struct {
	Case
	hc   *http.Client
	opts Options

	steps    []Step
	at       providers.Provider // the provider at the server URL
	urlErr   error
	entry    *responses.ToolMcpParam // nil: could not be built
	entryErr *mcptools.Failure       // the reason, or nil

	answer *oauth.Answer // response without a token; nil: none
	askErr error
	anyone bool            // tools are listed without a token
	plain  mcpprobe.Result // without a token; zero: not asked for its tools
	probe  mcpprobe.Result // with the token; zero: not sent

	consent    string // one of the Consent constants; "": not checked
	consentErr error  // why a consent can't begin; nil: it can
}

func (e *evidence) stepf(name string, ok bool, format string, args ...any) {
	e.steps = append(e.steps, Step{Name: name, OK: ok, Detail: fmt.Sprintf(format, args...)})
}

func (e *evidence) gather(ctx context.Context) {
	if !e.locate() {
		return
	}
	if e.at.Server.Connector == "" {
		e.contact(ctx)
	}
	e.checkConsent(ctx)
	e.credential(ctx)
	if e.entry != nil && e.answer != nil {
		e.tryToken(ctx)
	}
	if e.Failure != nil {
		e.stepf("openai", false, "OpenAI reported: %s.", strings.TrimSuffix(strings.TrimPrefix(e.Failure.Error(), "mcptools: "), "."))
	}
}

// locate resolves the server's URL.
func (e *evidence) locate() bool {
	e.urlErr = e.Provider.Validate()
	if e.urlErr == nil {
		e.at, e.urlErr = e.Provider.Resolve(e.ServerURL)
	}
	switch {
	case e.urlErr != nil:
		e.stepf("server_url", false, "%s", sentence(e.urlErr))
	case e.at.Server.Connector != "":
		e.stepf("server_url", true, "OpenAI's own %s accesses the vendor's API: there is no MCP server to check.", e.at.Server.Connector)
	default:
		e.stepf("server_url", true, "The entry points to %s.", withoutQuery(e.at.Server.URL))
	}
	return e.urlErr == nil
}

// contact sends a request without a token, and asks for the tools if the server
// does not require one.
func (e *evidence) contact(ctx context.Context) {
	const name = "server"
	e.answer, e.askErr = oauth.Ask(ctx, e.hc, e.at.Server.URL, e.plainHeaders(), e.at.Transport == providers.TransportSSE)
	if e.askErr != nil {
		e.stepf(name, false, "%s", e.silence())
		return
	}
	switch status := e.answer.Status; {
	case status == http.StatusUnauthorized:
		challenge, ok := oauth.BearerChallenge(oauth.ParseChallenges(e.answer.Header))
		switch {
		case challenge.ResourceMetadata != "":
			e.stepf(name, true, "The server responds, requires a token and names its metadata.")
		case ok:
			e.stepf(name, true, "The server responds and requires a token; its challenge does not name its metadata.")
		default:
			e.stepf(name, true, "The server responds and requires a token, without a challenge.")
		}
	case status/100 == 2:
		e.plain = mcpprobe.Probe(ctx, e.hc, mcpprobe.Request{URL: e.at.Server.URL}, e.plainHeaders())
		e.anyone = e.plain.Outcome == mcpprobe.Accepted
		if e.anyone {
			e.stepf(name, true, "The server responds and lists its tools without a token.")
		} else {
			e.stepf(name, true, "The server responds, but does not list its tools without a token.")
		}
	default:
		e.stepf(name, false, "The server responds with status %d.", status)
	}
	if e.answer.SSE {
		e.stepf("transport", true, "The server uses the older HTTP+SSE transport. OpenAI still supports it, but MCP has replaced it, and proxies may cut its long responses.")
	}
}

// silence says why the server did not respond.
func (e *evidence) silence() string {
	_, predicate := mcpprobe.Unreachable(e.askErr)
	return "The server " + predicate + "."
}

// plainHeaders returns the headers without the credential.
func (e *evidence) plainHeaders() http.Header {
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

// credential checks the credential without sending it.
func (e *evidence) credential(ctx context.Context) {
	if e.Token == nil {
		e.stepf("credential", e.openServer(), "There is no credential.")
		return
	}
	ok := e.Status == nil || e.Status.State != oauthstore.StateReauthorize && e.Status.State != oauthstore.StateRevoked
	e.stepf("credential", ok && !e.expired(), "%s", e.describe())

	b, err := mcptools.NewBuilder(e.Provider, source(*e.Token), &mcptools.Options{
		InsecureSkipProbe: true, InsecureAllowLoopback: e.opts.InsecureAllowLoopback, Headers: e.Headers,
	})
	if err != nil {
		e.urlErr = err
		e.stepf("entry", false, "%s", sentence(err))
		return
	}
	entry, err := b.Entry(ctx, examiner, &mcptools.BuildOptions{ServerURL: e.ServerURL})
	if err != nil {
		e.entryErr, _ = errors.AsType[*mcptools.Failure](err)
		e.stepf("entry", false, "%s", sentence(err))
		return
	}
	e.entry = entry.Tool().OfMcp
	detail := []string{"An entry can be built with it."}
	for _, w := range entry.Warnings {
		if !strings.HasSuffix(w, "?") {
			w += "."
		}
		detail = append(detail, "Warning: "+w)
	}
	e.stepf("entry", true, "%s", strings.Join(detail, " "))
}

// source returns one token without its expiry, which is checked separately.
func source(t oauthstore.Token) oauthstore.Credentials {
	t.Expiry = time.Time{}
	return oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) { return t, nil })
}

func (e *evidence) expired() bool {
	return e.Token != nil && !e.Token.Expiry.IsZero() && time.Until(e.Token.Expiry) <= 0
}

// describe summarizes the credential.
func (e *evidence) describe() string {
	s := "It is a credential of unknown origin"
	if o := e.Token.Provenance.Obtained; o != "" {
		s = "It was obtained by " + string(o)
	}
	if w, ok := e.at.Way(e.Token.Provenance.Way); ok {
		s += ", as " + w.Name
	}
	switch left := time.Until(e.Token.Expiry); {
	case e.Token.Expiry.IsZero():
		s += "; its expiry is unknown"
	case left <= 0:
		s += "; it expired " + span(-left) + " ago"
	default:
		s += "; it expires in " + span(left)
	}
	if e.Status != nil && e.Status.Reason != "" {
		s += fmt.Sprintf("; its stored state is %s (%s)", e.Status.State, e.Status.Reason)
	}
	return s + "."
}

// span formats a duration in one or two units.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	case d >= time.Minute:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return d.Round(time.Second).String()
}

// tryToken sends the entry's headers to the server.
func (e *evidence) tryToken(ctx context.Context) {
	r := mcpprobe.Request{URL: e.at.Server.URL, Anonymous: e.anyone || e.at.Check.Anonymous, Plain: slices.Collect(maps.Keys(e.plainHeaders()))}
	if e.at.RESTToken == providers.Yes {
		r.CheckURL = e.at.Check.URL
	}
	e.probe = mcpprobe.Probe(ctx, e.hc, r, sent(e.entry))
	e.stepf("probe", e.probe.Outcome == mcpprobe.Accepted, "%s", e.probe.Detail)
}

// sent returns the headers that the MCP server receives for an entry.
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
