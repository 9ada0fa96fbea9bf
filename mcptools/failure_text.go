package mcptools

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/toolgrant/toolgrant/internal/action"
	"github.com/toolgrant/toolgrant/internal/safetext"
)

// Error returns one line for a log: "mcptools: " and the kind, the provider or the
// label if the caller sent it, the step that failed, the HTTP status of the MCP server, for
// [KindPlatform] OpenAI's status and code, and for refusals of Build the reason. It
// contains no text of a server, no URL and no secret.
func (f *Failure) Error() string {
	return "mcptools: " + string(f.Kind) + ": " + f.Sentence()
}

// Sentence returns the text of Error without the names of package and kind.
func (f *Failure) Sentence() string {
	if where := f.where(); where != "" {
		return where + ": " + f.reason()
	}
	return f.reason()
}

// where names the entry: the provider's id, else a label that was sent.
func (f *Failure) where() string {
	switch {
	case f.Provider != "":
		return f.Provider
	case f.sent:
		return f.ServerLabel
	case f.ToolIndex != nil:
		return "tools[" + strconv.Itoa(*f.ToolIndex) + "]"
	}
	return ""
}

// reason returns a description in our own words.
func (f *Failure) reason() string {
	switch {
	case f.sentence != "":
		return f.sentence
	case f.Kind == KindReauthorize:
		return "the MCP server refused a fresh token too"
	}
	s := stageWords[f.Stage]
	if s == "" {
		s = "failed"
	}
	if f.Kind == KindPlatform && f.status != 0 {
		s += fmt.Sprintf(": it answered %d", f.status)
		if text := http.StatusText(f.status); text != "" {
			s += " " + text
		}
	}
	if f.code != "" {
		s += " (" + f.code + ")"
	}
	if f.UpstreamStatus != 0 {
		s += fmt.Sprintf(": the MCP server answered %d", f.UpstreamStatus)
		if text := http.StatusText(f.UpstreamStatus); text != "" {
			s += " " + text
		}
	}
	if f.RPCCode != nil {
		s += fmt.Sprintf(": JSON-RPC error %d", *f.RPCCode)
	}
	return s
}

var stageWords = map[Stage]string{
	StageBuild:     "no entry could be built",
	StageRequest:   "OpenAI refused the request as written",
	StageListTools: "the tool list could not be retrieved",
	StageCallTool:  "a tool call failed",
	StageStream:    "the stream broke off",
	StagePlatform:  "OpenAI's API failed",
}

// GoString keeps %#v from showing the fields.
func (f *Failure) GoString() string { return f.Error() }

// LogValue implements [slog.LogValuer] with the facts that Error prints.
func (f *Failure) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("kind", string(f.Kind)),
		slog.String("stage", string(f.Stage)),
		slog.String("action", string(f.Action)),
		slog.Bool("retryable", f.Retryable),
	}
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("provider", f.Provider)
	if f.sent {
		text("server_label", f.ServerLabel)
	}
	if f.ToolIndex != nil {
		attrs = append(attrs, slog.Int("tool_index", *f.ToolIndex))
	}
	if f.UpstreamStatus != 0 {
		attrs = append(attrs, slog.Int("upstream_status", f.UpstreamStatus))
	}
	if f.Kind == KindPlatform && f.status != 0 {
		attrs = append(attrs, slog.Int("openai_status", f.status))
	}
	text("openai_code", f.code)
	if f.RPCCode != nil {
		attrs = append(attrs, slog.Int("rpc_code", *f.RPCCode))
	}
	if f.RetryAfter > 0 {
		attrs = append(attrs, slog.Duration("retry_after", f.RetryAfter))
	}
	text("request_id", f.RequestID)
	text("reason", f.sentence)
	return slog.GroupValue(attrs...)
}

// Unwrap returns the cause, such as an *openai.Error or an error of package
// oauthstore. It is nil for a failure that was read from text.
func (f *Failure) Unwrap() error { return f.err }

// Is reports whether target is the failure's [Kind].
func (f *Failure) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == f.Kind
}

// Upstream returns the text of OpenAI or of the MCP server that reported the
// failure: at most 4 KiB, without the secrets that the caller is known to have
// sent. The server controls the text: show it to an engineer who investigates,
// never to a log, a user or a model. For a refusal of Build it is the server's
// response to the probe, if there was one.
func (f *Failure) Upstream() string { return f.upstream.Expose() }

// MarshalJSON returns the fields as `toolgrant explain --json` prints them; unknown
// ones are null. Hidden characters in foreign text become U+FFFD; a label that was
// sent is unchanged. It never fails.
func (f *Failure) MarshalJSON() ([]byte, error) {
	label := f.ServerLabel
	if !f.sent {
		label = safetext.Line(label)
	}
	return json.Marshal(struct {
		Kind           Kind    `json:"kind"`
		Stage          Stage   `json:"stage"`
		ServerLabel    *string `json:"server_label"`
		ServerURL      *string `json:"server_url"`
		ToolIndex      *int    `json:"tool_index"`
		ToolName       *string `json:"tool_name"`
		UpstreamStatus *int    `json:"upstream_status"`
		RPCCode        *int    `json:"rpc_code"`
		Action         Action  `json:"action"`
		ConsentURL     *string `json:"consent_url"`
		Retryable      bool    `json:"retryable"`
	}{
		f.Kind, f.Stage, orNull(label), orNull(safetext.Line(f.ServerURL)), f.ToolIndex, orNull(safetext.Line(f.ToolName)),
		orNull(f.UpstreamStatus), f.RPCCode, f.Action, orNull(safetext.Line(f.ConsentURL)), f.Retryable,
	})
}

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// HTTPStatus returns the status of the backend's response to its own user: 409 if
// the user must act (connect, reconnect, step up), 503 if waiting helps, 502 if the
// MCP server is at fault or its tool reported a failure, 500 if the application is.
//
// A failure whose action is [ActionRefresh] returns 503: the backend can refresh
// the token, and the user's next attempt may succeed. It becomes a 409 if a fresh
// token was refused too.
func (f *Failure) HTTPStatus() int {
	if f.Action == ActionNone && f.Kind == KindToolFailed {
		return http.StatusBadGateway
	}
	return action.HTTPStatus(string(f.Action))
}

// Defaults of RetryAfterHeader, for failures without a RetryAfter.
const (
	retryAfterRefresh = time.Second
	retryAfterWait    = 30 * time.Second
)

// RetryAfterHeader returns the value of the Retry-After header (RFC 9110 section
// 10.2.3) for a [Failure.HTTPStatus] of 503: RetryAfter in whole seconds, rounded up.
// If RetryAfter is zero, 30, or 1 where a refresh helps. It is "" for other statuses.
func (f *Failure) RetryAfterHeader() string {
	if f.HTTPStatus() != http.StatusServiceUnavailable {
		return ""
	}
	d := f.RetryAfter
	switch {
	case d > 0:
	case f.Action == ActionRefresh:
		d = retryAfterRefresh
	default:
		d = retryAfterWait
	}
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// PublicMessage returns a sentence for the backend's own user: it names the
// provider (or the label that was sent) and the next step, and nothing else.
func (f *Failure) PublicMessage() string {
	name := f.name
	switch {
	case name != "":
	case f.Provider != "":
		name = f.Provider
	case f.sent && f.ServerLabel != "":
		name = f.ServerLabel
	case f.Kind == KindPlatform:
		name = "The assistant"
	default:
		name = "A connected tool"
	}
	return action.PublicMessage(string(f.Action), name)
}
