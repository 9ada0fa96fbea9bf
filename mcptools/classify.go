package mcptools

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/toolgrant/toolgrant/internal/loosejson"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// ClassifyOptions says what is known beside the text. The zero value is right
// where nothing is.
type ClassifyOptions struct {
	// HTTPStatus of the response that carried the text. Zero means that it is
	// not known.
	HTTPStatus int
	// Surface that the text comes from: "responses", "realtime" or "azure". ""
	// means another one, or that it is not known.
	Surface string
	// Entries that were sent, all of them. They say what Labels and Secrets
	// say, and the failure then names the provider too. Empty means that they
	// are not at hand.
	Entries []Entry
	// Labels that were sent, all of them: a label in the text is then given in
	// the caller's spelling, and where one label was sent and the text names
	// none, it is that one. Empty means that they are not known.
	Labels []string
	// Header of the response that carried the text, for its request id and
	// Retry-After. Nil means that it is not known.
	Header http.Header
	// Secrets that were sent, which [Failure.Upstream] then doesn't show. Empty
	// means none.
	Secrets []oauthstore.Secret
	// Cause is what the failure is made from, for [Failure.Unwrap]. Nil means
	// that there is only the text.
	Cause error
}

// Bounds of what is looked at and kept. More than maxInput of an error is a
// log that was handed over whole; its beginning is looked at.
const (
	maxInput    = 1 << 20
	maxUpstream = 4 << 10
	maxName     = 256 // bytes of a label, tool name or URL that is believed
	maxNesting  = 8   // levels of texts quoted within texts
)

// Classify says what failed in a raw text: the body of an HTTP error, an output
// item or its error, a stream event or server-sent events as text, or a log
// line that holds one of these, also in Python's notation, quoted or cut off.
// opts may be nil. It always returns a failure; where nothing can be told its
// kind is [KindUnknown], also when the text tells of no failure at all.
//
// The cost grows linearly with the text, of which 1 MiB is looked at. The text
// is not trusted: see [Failure.Upstream]. raw is not kept.
func Classify(raw []byte, opts *ClassifyOptions) *Failure {
	c := newClassifier(opts)
	return c.classify(raw)
}

// Surfaces that are treated alike but for their own errors.
const (
	surfaceResponses = "responses"
	surfaceAzure     = "azure"
)

// A finding is what one place in the text says. The zero value says nothing.
type finding struct {
	score int // how sure and how telling; the highest one wins

	kind     Kind
	stage    Stage
	label    string
	url      string
	index    *int
	tool     string
	upstream int
	rpc      *int
	action   Action // "" means the one of the kind

	status int  // OpenAI's own, for platform failures; 0: not known
	quota  bool // a 429 that waiting does not mend
	stream bool // it came within a stream or a response, so a tool may have run
}

// Scores of findings.
const (
	scoreNothing  = iota
	scoreEnded    // a stream without an end
	scorePlatform // an error of OpenAI's own
	scoreTool     // the tool itself said that it failed
	scoreBare     // something of MCP failed, without a word about what
	scoreFailed   // something of MCP failed, with a word about what
)

// better returns the finding that tells more; the first one if they are even.
func better(a, b finding) finding {
	if b.score > a.score {
		return b
	}
	return a
}

// A classifier reads one text.
type classifier struct {
	opts    ClassifyOptions
	entries []entry
	tools   []string        // server_label of tools[N]; "" for tools of other types; nil if not known
	budget  int             // bytes that may still be looked at
	near    int             // HTTP status that stands beside what is being read; 0: none
	items   map[string]item // output items by id, to name those that an event only points at
}

// An entry is what is known of a tools entry that was sent.
type entry struct {
	label          string
	url            string // in the form of [plainURL]
	provider, name string // id and name for people; "" if not known
}

// An item is whom an output item belongs to.
type item struct{ label, tool string }

func newClassifier(opts *ClassifyOptions) *classifier {
	c := &classifier{}
	if opts != nil {
		c.opts = *opts
	}
	c.opts.Secrets = slices.Clone(c.opts.Secrets)
	for _, e := range c.opts.Entries {
		c.add(e)
	}
	for _, label := range c.opts.Labels {
		if !slices.ContainsFunc(c.entries, func(e entry) bool { return e.label == label }) {
			c.entries = append(c.entries, entry{label: label})
		}
	}
	return c
}

// read returns what is looked at of a text, and allows for the cost of it: a
// multiple of its length, whatever is in it.
func (c *classifier) read(raw []byte) string {
	text := strings.ToValidUTF8(string(raw[:min(len(raw), maxInput)]), "\uFFFD")
	c.budget += 24*len(text) + 1<<16
	return text
}

// add takes from an entry what may turn up in the text.
func (c *classifier) add(e Entry) {
	known := entry{label: e.Label, url: plainURL(e.ServerURL), provider: e.Provider}
	if e.state != nil {
		state := e.state()
		known.name = state.builder.provider.Name
		c.opts.Secrets = append(c.opts.Secrets, state.token)
		c.secrets("", state.tool.Headers)
	}
	c.entries = append(c.entries, known)
}

// classify classifies a text as it came.
func (c *classifier) classify(raw []byte) *Failure {
	text := c.read(raw)
	f := c.text(text, 0)
	if f.score == scoreNothing {
		f = c.byStatus(c.opts.HTTPStatus)
	}
	return c.failure(f, text)
}

// failure completes a finding.
func (c *classifier) failure(f finding, text string) *Failure {
	if f.score == scoreNothing || f.kind == "" {
		if f.score == scoreNothing {
			f = finding{stage: StagePlatform}
		}
		f.kind = KindUnknown
	}
	if f.kind == KindPlatform && f.status == 0 {
		f.status = c.opts.HTTPStatus
	}
	out := &Failure{
		Kind: f.kind, Stage: f.stage,
		ToolIndex: f.index, ToolName: c.name(f.tool), ServerURL: c.name(f.url),
		UpstreamStatus: f.upstream, RPCCode: f.rpc,
		Action:     f.action,
		Retryable:  retryable(f),
		RetryAfter: retryAfter(c.opts.Header),
		RequestID:  requestID(c.opts.Header),
		upstream:   oauthstore.NewSecret(c.scrub(text)),
		err:        c.opts.Cause,
	}
	if out.Action == "" {
		out.Action = actionOf(f.kind)
		if f.kind == KindPlatform {
			out.Action = platformAction(f.status)
		}
	}
	out.ServerLabel, out.sent = c.attribute(f)
	for _, e := range c.entries {
		if out.sent && e.label == out.ServerLabel {
			out.Provider, out.name = e.provider, e.name
		}
	}
	return out
}

// transient are the kinds that pass by themselves.
var transient = []Kind{KindRateLimited, KindTimeout, KindServerError, KindUpstreamUnknown}

// retryable is the contract's rule.
func retryable(f finding) bool {
	if f.kind == KindPlatform {
		return !f.stream && (f.status == http.StatusTooManyRequests && !f.quota || f.status >= 500)
	}
	return f.stage == StageListTools && slices.Contains(transient, f.kind)
}

// platformAction is the contract's rule for OpenAI's own failures.
func platformAction(status int) Action {
	if status == http.StatusTooManyRequests || status >= 500 {
		return ActionWait
	}
	return ActionFixConfig
}

// attribute returns the label in the caller's spelling, and whether it is one
// that was sent.
func (c *classifier) attribute(f finding) (label string, sent bool) {
	if f.label != "" {
		for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
			for _, e := range c.entries {
				if same(e.label, f.label) || same(collapse(e.label), collapse(f.label)) {
					return e.label, true
				}
			}
		}
		for _, e := range c.entries {
			// A label that holds a quote may have been cut off there.
			if rest, ok := strings.CutPrefix(collapse(e.label), f.label); ok && boundaryQuote.MatchString(rest) {
				return "", false
			}
		}
		return c.name(f.label), false
	}
	if f.index != nil && *f.index >= 0 && *f.index < len(c.tools) && c.tools[*f.index] != "" {
		return c.tools[*f.index], true
	}
	if f.stage != StageListTools && f.stage != StageCallTool {
		return "", false
	}
	var at []string
	for _, e := range c.entries {
		if f.url != "" && strings.TrimSuffix(e.url, "/") == strings.TrimSuffix(f.url, "/") {
			at = append(at, e.label)
		}
	}
	switch {
	case len(at) == 1:
		return at[0], true
	case len(at) == 0 && len(c.entries) == 1 && (f.url == "" || c.entries[0].url == ""):
		return c.entries[0].label, true
	}
	return "", false
}

// name returns a name that came from the text if it is fit to be shown: not
// longer than any real one and without a secret that was sent.
func (c *classifier) name(s string) string {
	if len(s) > maxName || !utf8.ValidString(s) {
		return ""
	}
	for _, secret := range c.opts.Secrets {
		if text := secret.Expose(); text != "" && strings.Contains(s, text) {
			return ""
		}
	}
	return s
}

// scrub bounds the text that a person may look at and cuts the secrets out.
func (c *classifier) scrub(text string) string {
	for _, secret := range c.opts.Secrets {
		for _, form := range spellings(secret.Expose()) {
			text = strings.ReplaceAll(text, form, "[redacted]")
		}
	}
	text = bearer.ReplaceAllString(text[:min(len(text), 2*maxUpstream)], "${1}[redacted]")
	return strings.ToValidUTF8(text[:min(len(text), maxUpstream)], "\uFFFD")
}

// value classifies a value of whatever kind.
func (c *classifier) value(v loosejson.Value, depth int) finding {
	switch v := v.(type) {
	case *loosejson.Object:
		return c.object(v, depth)
	case loosejson.Array:
		return c.sequence(v.Items, depth)
	case string:
		return c.text(v+"\n", depth+1)
	case loosejson.Partial:
		return c.text(string(v), depth+1)
	}
	return finding{}
}
