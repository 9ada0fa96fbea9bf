package failtext

// A Kind says what went wrong. The words are those of mcptools.Kind.
type Kind string

// Kinds of failures.
const (
	KindUnauthorized    Kind = "unauthorized"
	KindForbidden       Kind = "forbidden"
	KindBadRequest      Kind = "bad_request"
	KindNotFound        Kind = "not_found"
	KindWrongEndpoint   Kind = "wrong_endpoint"
	KindRateLimited     Kind = "rate_limited"
	KindTimeout         Kind = "timeout"
	KindServerError     Kind = "server_error"
	KindUnreachable     Kind = "unreachable"
	KindSessionLost     Kind = "session_lost"
	KindProtocol        Kind = "protocol"
	KindToolFailed      Kind = "tool_failed"
	KindUpstreamUnknown Kind = "upstream_unknown"
	KindNoTools         Kind = "no_tools"
	KindInvalidTool     Kind = "invalid_tool"
	KindInvalidHistory  Kind = "invalid_history"
	KindUnsupported     Kind = "unsupported"
	KindNotConnected    Kind = "not_connected"
	KindPlatform        Kind = "platform"
	KindUnknown         Kind = "unknown"
)

// A Stage says at which step the failure happened. The words are those of
// mcptools.Stage.
type Stage string

// Stages of a failure.
const (
	StageRequest   Stage = "request"
	StageListTools Stage = "list_tools"
	StageCallTool  Stage = "call_tool"
	StageStream    Stage = "stream"
	StagePlatform  Stage = "platform"
)

// A Finding is the failure that a text reports. Every field but Kind and Stage
// is zero where the text does not state it. Names come from the text: the caller
// bounds them before it shows them.
type Finding struct {
	Kind     Kind
	Stage    Stage
	Label    string // server_label, in the caller's spelling if Sent
	Sent     bool   // Label is one of [Known.Sent]
	URL      string // of the MCP server, without default port, user, query and fragment
	Index    *int   // N of tools[N]
	Tool     string // name of the tool that was called
	Upstream int    // HTTP status of the MCP server
	RPC      *int   // JSON-RPC error code with its sign
	StepUp   bool   // the token needs another scope
	Consent  string // https URL at which the user gives consent

	Status     int    // HTTP status of the platform, for [KindPlatform]
	Code       string // the platform's own code or type, for [KindPlatform]
	Quota      bool   // a 429 that does not pass by waiting
	Locked     bool   // another request holds the conversation for a moment
	MayHaveRun bool   // a tool may have run before the failure

	score int // how sure and how specific; the highest score wins
}

// Found reports whether the text reports a failure at all.
func (f Finding) Found() bool { return f.score != scoreNothing }

// Scores of findings.
const (
	scoreNothing  = iota
	scoreEnded    // a stream without an end
	scorePlatform // an error of the platform itself
	scoreTool     // the tool itself reported that it failed
	scoreBare     // something of MCP failed, without a cause
	scoreFailed   // something of MCP failed, with a cause
)

// better returns the finding with the higher score; the first one if they are
// even.
func better(a, b Finding) Finding {
	if b.score > a.score {
		return b
	}
	return a
}

// nothing completes the finding of a text that reports no failure.
func nothing() Finding { return Finding{Kind: KindUnknown, Stage: StagePlatform} }

// Broken returns the finding of a stream that ended without a final event.
func Broken() Finding {
	return Finding{Kind: KindUnknown, Stage: StageStream, MayHaveRun: true, score: scoreEnded}
}
