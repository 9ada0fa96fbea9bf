package mcptools

import (
	"cmp"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/toolgrant/toolgrant/internal/failtext"
	"github.com/toolgrant/toolgrant/internal/redact"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// Surfaces of openai-go's requests.
const (
	surfaceResponses = failtext.SurfaceResponses
	surfaceAzure     = failtext.SurfaceAzure
)

// ClassifyOptions is the caller's knowledge of the request that failed.
type ClassifyOptions struct {
	// HTTPStatus of the response that carried the text. If zero, unknown.
	HTTPStatus int
	// Surface that the text comes from: "responses", "realtime", or the id of a
	// platform, such as "azure". If empty, another one, or unknown.
	Surface string
	// Entries that were sent, all of them. They serve as Labels and Secrets, and
	// the failure then names the provider too. If empty, unknown.
	Entries []Entry
	// Labels that were sent, all of them: a label in the text is then given in
	// the caller's spelling, and where one label was sent and the text names
	// none, the failure is that entry's. If empty, unknown.
	Labels []string
	// Header of the response that carried the text, for its request id and
	// Retry-After. If nil, unknown.
	Header http.Header
	// Secrets that were sent, which [Failure.Upstream] then removes. If empty,
	// none.
	Secrets []oauthstore.Secret
	// Cause is the error that the failure describes, for [Failure.Unwrap]. If
	// nil, there is only the text.
	Cause error
}

// Classify reports the failure that a raw text describes: the body of an HTTP
// error, an output item or its error, a stream event or server-sent events as
// text, or a log line that holds one of these, also in Python's notation, quoted
// or cut off. opts may be nil. It always returns a failure; a text that describes
// none, or none that is known, has [KindUnknown].
//
// The cost grows linearly with the text, of which 1 MiB is read. The text is not
// trusted: see [Failure.Upstream]. raw is not kept.
func Classify(raw []byte, opts *ClassifyOptions) *Failure {
	r := newReading(opts)
	text := string(raw[:min(len(raw), failtext.MaxInput)])
	return r.failure(failtext.Text(text, r.known), text)
}

// A reading converts findings of package failtext to failures, with the caller's
// knowledge of the request.
type reading struct {
	opts    ClassifyOptions
	known   failtext.Known
	entries map[string]sentEntry // by label

	redactor *redact.Redactor // of opts.Secrets; set by failure
}

// A sentEntry is an entry that was sent.
type sentEntry struct {
	provider, name string // id of the provider and its name for people; "" if unknown
	consent        string // the page at which the owner connects; "" if unknown
	ticketID       string // of a relayed entry
	relay          Relay  // of a relayed entry; else nil
}

func newReading(opts *ClassifyOptions) *reading {
	r := &reading{entries: make(map[string]sentEntry)}
	if opts != nil {
		r.opts = *opts
	}
	r.known.HTTPStatus, r.known.Surface = r.opts.HTTPStatus, r.opts.Surface
	switch r.known.Surface {
	case "openai":
		r.known.Surface = surfaceResponses
	case "foundry":
		r.known.Surface = surfaceAzure
	}
	r.opts.Secrets = slices.Clone(r.opts.Secrets)
	for _, e := range r.opts.Entries {
		sent := sentEntry{provider: e.Provider}
		if e.state != nil {
			state := e.state()
			sent.name, sent.consent = state.builder.provider.Name, e.consentURL()
			sent.ticketID, sent.relay = e.TicketID, state.builder.relay
			r.opts.Secrets = append(r.opts.Secrets, state.token)
			r.secrets("", state.tool.Headers)
		}
		r.sent(e.Label, e.ServerURL, sent)
	}
	for _, label := range r.opts.Labels {
		if _, ok := r.entries[label]; !ok {
			r.sent(label, "", sentEntry{})
		}
	}
	return r
}

// sent adds an entry that was sent.
func (r *reading) sent(label, serverURL string, e sentEntry) {
	r.known.Sent = append(r.known.Sent, failtext.Sent{Label: label, URL: serverURL})
	r.entries[label] = e
}

// body reads the JSON of an error response, or else a text.
func (r *reading) body(parsed, text string) *Failure {
	if parsed != "" {
		return r.failure(failtext.Body(parsed, r.known), parsed)
	}
	return r.failure(failtext.Text(text, r.known), text)
}

// streamError reads the error event that ended a stream.
func (r *reading) streamError(event string) *Failure {
	return r.failure(failtext.StreamError(event, r.known), event)
}

// event reads an event of a stream; nil if it reports no failure.
func (r *reading) event(event string) *Failure {
	return r.found(failtext.Event(event, r.known), event)
}

// item reads an output item; nil if it reports no failure.
func (r *reading) item(item string) *Failure {
	return r.found(failtext.Item(item, r.known), item)
}

// responseError reads the error of a response that failed; text is its JSON.
func (r *reading) responseError(code, message, text string) *Failure {
	return r.failure(failtext.ResponseError(code, message, r.known), text)
}

func (r *reading) found(f failtext.Finding, text string) *Failure {
	if !f.Found() {
		return nil
	}
	return r.failure(f, text)
}

// failure converts a finding to a failure. Only here are the contract's rules
// applied to findings.
func (r *reading) failure(f failtext.Finding, text string) *Failure {
	kind := Kind(f.Kind)
	r.redactor = redact.New(r.opts.Secrets...)
	out := &Failure{
		Kind: kind, Stage: Stage(f.Stage),
		ServerLabel: f.Label, sent: f.Sent,
		ServerURL: r.name(f.URL), ToolName: r.name(f.Tool), ToolIndex: f.Index,
		ConsentURL:     r.shown(f.Consent),
		UpstreamStatus: f.Upstream, RPCCode: f.RPC,
		Action:     kind.Action(),
		Retryable:  retryable(f),
		mayRun:     mayHaveRun(f),
		RetryAfter: retryAfter(r.opts.Header),
		RequestID:  requestID(r.opts.Header),
		upstream:   oauthstore.NewSecret(r.scrub(text)),
		err:        r.opts.Cause,
	}
	switch {
	case f.StepUp:
		out.Action = ActionStepUp
	case f.Locked:
		out.Action = ActionWait
	case kind == KindPlatform:
		out.Action = platformAction(f.Status)
	}
	if kind == KindPlatform {
		out.status, out.code = f.Status, r.name(f.Code)
	}
	if !f.Sent {
		out.ServerLabel = r.name(f.Label)
		return out
	}
	e := r.entries[f.Label]
	out.Provider, out.name = e.provider, e.name
	if e.relay != nil && slices.Contains(opaque, kind) {
		out.explain(e.relay.Seen(e.ticketID, out.ToolName), f)
	}
	out.askForConsent(e.consent)
	return out
}

// opaque are the kinds of which the platform sees only the relay's answer.
var opaque = []Kind{
	KindUnauthorized, KindForbidden, KindBadRequest, KindNotFound, KindWrongEndpoint, KindRateLimited, KindTimeout,
	KindServerError, KindUnreachable, KindSessionLost, KindProtocol, KindUpstreamUnknown,
}

// explain puts what the relay saw in place of what the platform reports. The stage
// and the request remain the platform's. seen may be nil.
func (f *Failure) explain(seen *Failure, found failtext.Finding) {
	if seen == nil {
		return
	}
	f.Kind, f.Action, f.sentence = seen.Kind, seen.Action, seen.sentence
	if f.Kind == KindUnavailable { // a word of builders
		f.Kind = KindServerError
	}
	f.UpstreamStatus, f.RPCCode = seen.UpstreamStatus, seen.RPCCode
	f.ToolName, f.ConsentURL = cmp.Or(f.ToolName, seen.ToolName), cmp.Or(f.ConsentURL, seen.ConsentURL)
	f.RetryAfter = cmp.Or(seen.RetryAfter, f.RetryAfter)
	found.Kind = failtext.Kind(f.Kind)
	f.Retryable = retryable(found)
	if seen.err != nil {
		f.err = errors.Join(f.err, seen.err)
	}
}

// transient are the kinds that pass without a change by the caller.
var transient = []failtext.Kind{failtext.KindRateLimited, failtext.KindTimeout, failtext.KindServerError, failtext.KindUpstreamUnknown}

// mayHaveRun reports whether a tool may have run before the failure, whatever its
// kind: the model runs before a call and a stream.
func mayHaveRun(f failtext.Finding) bool {
	return f.MayHaveRun || f.Stage == failtext.StageCallTool || f.Stage == failtext.StageStream
}

// retryable is the contract's rule.
func retryable(f failtext.Finding) bool {
	if mayHaveRun(f) {
		return false
	}
	if f.Kind == failtext.KindPlatform {
		return f.Locked || f.Status == http.StatusTooManyRequests && !f.Quota || f.Status >= 500
	}
	return f.Stage == failtext.StageListTools && slices.Contains(transient, f.Kind)
}

// platformAction is the contract's rule for failures of the platform itself.
func platformAction(status int) Action {
	if status == http.StatusTooManyRequests || status >= 500 {
		return ActionWait
	}
	return ActionFixConfig
}

// Bounds of the parts of a text that are kept.
const (
	maxUpstream = 4 << 10
	maxName     = 256 // bytes of a label, tool name or URL
)

// secrets removes the values that an entry sends to its server from texts.
func (r *reading) secrets(authorization string, headers map[string]string) {
	h := http.Header{"Authorization": {authorization}}
	for name, value := range headers {
		h[name] = append(h[name], value)
	}
	r.opts.Secrets = append(r.opts.Secrets, redact.Header(h)...)
}

// name returns a name that came from the text if it may be shown: not longer
// than any real one.
func (r *reading) name(s string) string {
	if len(s) > maxName {
		return ""
	}
	return r.shown(s)
}

// shown returns a text without a part of a secret that was sent; else "". Hidden
// characters in it become U+FFFD.
func (r *reading) shown(s string) string {
	if s == "" || !utf8.ValidString(s) || r.redactor.Holds(s) {
		return ""
	}
	return safetext.Line(s)
}

// scrub bounds the text that a person may read and removes the secrets.
func (r *reading) scrub(text string) string {
	if text == "" {
		return ""
	}
	text = r.redactor.Redact(text[:min(len(text), 2*maxUpstream)])
	text = bearer.ReplaceAllString(text, "${1}"+secret.Placeholder)
	text = safetext.Text(text[:min(len(text), maxUpstream)])
	return strings.ToValidUTF8(text[:min(len(text), maxUpstream)], "")
}

var bearer = regexp.MustCompile(`(?i)\b(Bearer\s+)[A-Za-z0-9._~+/=-]{8,}`)

// requestID returns OpenAI's request id if it is well-formed.
func requestID(h http.Header) string {
	for _, name := range []string{"X-Request-Id", "Apim-Request-Id"} {
		if id := h.Get(name); requestIDForm.MatchString(id) {
			return id
		}
	}
	return ""
}

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// maxRetryAfter bounds the waits that servers ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads Retry-After-Ms and Retry-After (RFC 9110, section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	var d time.Duration
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms < float64(maxRetryAfter.Milliseconds()) {
		d = time.Duration(ms * float64(time.Millisecond))
	} else if s, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil && s < maxRetryAfter.Seconds() {
		d = time.Duration(s * float64(time.Second))
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		d = time.Until(at)
	}
	return min(max(d, 0), maxRetryAfter)
}
