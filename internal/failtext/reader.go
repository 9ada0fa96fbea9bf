package failtext

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// MaxInput is how many bytes of a text are read. A longer error is a whole log;
// its beginning is read.
const MaxInput = 1 << 20

const maxNesting = 8 // levels of texts quoted within texts

// Surfaces that a text can come from. Any other value means that the surface is
// not known, or is another one.
const (
	SurfaceResponses = "responses"
	SurfaceAzure     = "azure"
	SurfaceOGX       = "ogx" // its status is about the MCP server
)

// Known is the caller's knowledge beside the text. The zero value is right where
// there is none.
type Known struct {
	HTTPStatus int      // of the response that carried the text. If zero, unknown
	Surface    string   // [SurfaceResponses], [SurfaceAzure], [SurfaceOGX], "realtime", another platform's id, or ""
	Sent       []Sent   // all entries that were sent. If empty, unknown
	Tools      []string // server_label of tools[N], "" for other tools. If nil, unknown
}

// Sent is a tools entry of the request.
type Sent struct {
	Label string
	URL   string // server_url, in any spelling
}

// Text returns the failure that a text of any form reports. A text that reports
// no failure has [KindUnknown].
func Text(text string, known Known) Finding {
	r := newReader(known)
	text = r.input(text)
	f := r.text(text, 0)
	if !f.Found() {
		f = r.byStatus(r.known.HTTPStatus)
	}
	return r.complete(f)
}

// Body returns the failure that the JSON body of an error response reports.
func Body(body string, known Known) Finding {
	f, r := parsed(body, known)
	if !f.Found() {
		f = r.byStatus(r.known.HTTPStatus)
	}
	return r.complete(f)
}

// Event returns the failure that the JSON of a stream's event reports.
func Event(event string, known Known) Finding {
	f, r := parsed(event, known)
	return r.complete(f)
}

// StreamError returns the failure that the last event of a stream reports, an error
// event: a tool may have run before.
func StreamError(event string, known Known) Finding {
	f, r := parsed(event, known)
	if !f.Found() {
		return Broken()
	}
	r.ended = true
	if f.Kind == KindPlatform {
		f.Stage = StageStream
	}
	return r.complete(f)
}

// Item returns the failure that the JSON of an output item reports: of a list,
// of a call, or that the user has not given consent.
func Item(item string, known Known) Finding {
	r := newReader(known)
	r.strict = true
	if !json.Valid([]byte(item)) {
		return nothing()
	}
	v, _ := loosejson.Parse(r.input(item), &r.budget)
	var f Finding
	if o, ok := v.(*loosejson.Object); ok {
		f = r.outputItem(o, true)
	}
	return r.complete(f)
}

// ResponseError returns the failure of a response that failed with this error: a
// tool may have run before.
func ResponseError(code, message string, known Known) Finding {
	r := newReader(known)
	r.strict = true
	o := &loosejson.Object{}
	o.Set("code", code)
	o.Set("message", r.input(message))
	f := r.errorObject(o, 0)
	if !f.Found() {
		f = Finding{score: scoreEnded, Stage: StagePlatform}
	}
	r.ended = true
	return r.complete(f)
}

// parsed reads JSON that an API client has parsed.
func parsed(text string, known Known) (Finding, *reader) {
	r := newReader(known)
	r.strict = true
	if !json.Valid([]byte(text)) {
		return Finding{}, r
	}
	v, _ := loosejson.Parse(r.input(text), &r.budget)
	return r.value(v, 0), r
}

// A reader reads one text.
type reader struct {
	known   Known
	strict  bool            // the text is JSON of an API client: log lines are not searched
	budget  int             // bytes that may still be read
	inError bool            // the current text is the message of an API's error, not a log line
	near    int             // HTTP status that stands beside the current value; 0: none
	ran     bool            // a call of a tool was read
	ended   bool            // the text reports that a run or response failed
	items   map[string]item // output items by id, to name those that an event only points at
}

// An item is the label and tool of an output item.
type item struct{ label, tool string }

func newReader(known Known) *reader {
	sent := make([]Sent, len(known.Sent))
	for i, e := range known.Sent {
		sent[i] = Sent{Label: e.Label, URL: plainURL(e.URL)}
	}
	known.Sent = sent
	if known.HTTPStatus < http.StatusBadRequest {
		known.HTTPStatus = 0 // the status of a poll or a stream is not that of the failure inside
	}
	return &reader{known: known}
}

// input returns the part of a text that is read, and raises the budget by a
// multiple of its length.
func (r *reader) input(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), MaxInput)], "\uFFFD")
	r.budget += 24*len(text) + 1<<16
	return text
}

// complete fills in the parts of a finding that depend on the request.
func (r *reader) complete(f Finding) Finding {
	if r.known.Surface == SurfaceOGX && f.score <= scorePlatform {
		f = better(f, ogxStatus(r.known.HTTPStatus))
	}
	if !f.Found() {
		return nothing()
	}
	if f.Kind == "" {
		f.Kind = KindUnknown
	}
	if f.Kind == KindPlatform {
		f.Status = cmp.Or(f.Status, r.known.HTTPStatus)
		f.MayHaveRun = f.MayHaveRun || r.ended
	}
	f.MayHaveRun = f.MayHaveRun || r.ran
	f.Label, f.Sent = r.attribute(f)
	return f
}

// value classifies a value of any type.
func (r *reader) value(v loosejson.Value, depth int) Finding {
	switch v := v.(type) {
	case *loosejson.Object:
		return r.object(v, depth)
	case loosejson.Array:
		return r.sequence(v.Items, depth)
	case string:
		return r.text(v+"\n", depth+1)
	case loosejson.Partial:
		return r.text(string(v), depth+1)
	}
	return Finding{}
}

// byStatus classifies an error body without content by its HTTP status. The error
// is the platform's own, since the body would name a failed MCP server.
func (r *reader) byStatus(status int) Finding {
	if r.known.Surface == "" || status != http.StatusTooManyRequests && status < 500 {
		return Finding{}
	}
	return Finding{score: scorePlatform, Kind: KindPlatform, Stage: StagePlatform, Status: status}
}

// ogxStatus classifies an error response of OGX by its status, which it takes from
// the MCP server.
func ogxStatus(status int) Finding {
	f := Finding{score: scoreFailed, Stage: StageListTools}
	switch status {
	case http.StatusUnauthorized:
		f.Kind, f.Upstream = KindUnauthorized, status
	case http.StatusBadGateway:
		f.Kind = KindUnreachable
	case http.StatusGatewayTimeout:
		f.Kind = KindTimeout
	default:
		return Finding{}
	}
	return f
}
