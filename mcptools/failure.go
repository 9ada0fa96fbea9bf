package mcptools

import (
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A Kind classifies a failure of an MCP server or of a request to it. Kinds are
// errors, so that errors.Is(err, mcptools.KindUnauthorized) works on each error
// that wraps a [*Failure].
type Kind string //nolint:errname // a kind is a word that errors.Is takes

// Kinds of failures. The words are those of the command's contract.
//
//nolint:errname // a Kind is an error for errors.Is only, and is named for what it is
const (
	KindUnauthorized    Kind = "unauthorized"     // the server responded 401, or says that authentication failed
	KindForbidden       Kind = "forbidden"        // it responded 403, or the token lacks a scope
	KindBadRequest      Kind = "bad_request"      // it responded 400
	KindNotFound        Kind = "not_found"        // it responded 404 or 410
	KindWrongEndpoint   Kind = "wrong_endpoint"   // it is not an MCP endpoint that OpenAI's client can use, or the URL is invalid
	KindRateLimited     Kind = "rate_limited"     // it responded 429
	KindTimeout         Kind = "timeout"          // it responded 408 or 504, or says that it timed out
	KindServerError     Kind = "server_error"     // it responded another 5xx
	KindUnreachable     Kind = "unreachable"      // no connection: refused, unknown host name or TLS failure
	KindSessionLost     Kind = "session_lost"     // the server ended the MCP session
	KindProtocol        Kind = "protocol"         // another JSON-RPC error, or a response that is not MCP
	KindToolFailed      Kind = "tool_failed"      // the tool ran and reported a failure; the model has seen it
	KindUpstreamUnknown Kind = "upstream_unknown" // the list or the call failed, and nothing says why
	KindNoTools         Kind = "no_tools"         // the server listed no tools
	KindInvalidTool     Kind = "invalid_tool"     // OpenAI refused the entry
	KindInvalidHistory  Kind = "invalid_history"  // OpenAI refused an earlier item, response or conversation
	KindUnsupported     Kind = "unsupported"      // the platform or the model does not take the mcp tool, or a field of it
	KindPlatform        Kind = "platform"         // OpenAI's own failure: API key, model, quota, other parameters, outage
	KindUnknown         Kind = "unknown"          // none of these; see Failure.Upstream

	// Build's refusals, before a request to OpenAI:

	KindNotConnected   Kind = "not_connected"           // the owner has not connected the provider
	KindReauthorize    Kind = "reauth_required"         // the user must consent again
	KindWrongAudience  Kind = "wrong_audience"          // the token was issued for another server
	KindWrongTokenKind Kind = "wrong_token_kind"        // the token is of another kind, such as one of the vendor's REST API
	KindUnavailable    Kind = "temporarily_unavailable" // the store, the authorization server or the network does not respond
	KindMisconfigured  Kind = "misconfigured"           // the program or its configuration is wrong
)

// Error returns the kind's word, which makes a Kind usable with [errors.Is].
func (k Kind) Error() string { return string(k) }

// Action returns the usual action on failures of this kind. A [Failure] has its own
// Action, which may differ: for [KindPlatform] it depends on the platform's status,
// and a token without a required scope needs [ActionStepUp].
func (k Kind) Action() Action {
	switch k {
	case KindUnauthorized:
		return ActionRefresh
	case KindNotConnected:
		return ActionConnect
	case KindForbidden, KindReauthorize, KindWrongAudience:
		return ActionReconnect
	case KindRateLimited, KindTimeout, KindServerError, KindUnavailable:
		return ActionWait
	case KindNotFound, KindWrongEndpoint, KindInvalidTool, KindUnsupported, KindPlatform, KindWrongTokenKind, KindMisconfigured:
		return ActionFixConfig
	case KindInvalidHistory:
		return ActionFixHistory
	case KindBadRequest, KindUnreachable, KindSessionLost, KindProtocol, KindUpstreamUnknown, KindNoTools:
		return ActionCheckServer
	case KindToolFailed, KindUnknown:
	}
	return ActionNone
}

// A Stage is the step at which the failure happened.
type Stage string

// Stages of a failure.
const (
	StageBuild     Stage = "build"      // no entry could be built; no request was sent to OpenAI
	StageRequest   Stage = "request"    // the request was refused as written
	StageListTools Stage = "list_tools" // the tool list could not be retrieved; the model never ran
	StageCallTool  Stage = "call_tool"  // a tool call failed; the model ran
	StageStream    Stage = "stream"     // the stream broke off
	StagePlatform  Stage = "platform"   // OpenAI's own service failed; no MCP server was involved
)

// An Action is what the caller can do about a failure.
type Action string

// Actions on a failure.
const (
	ActionRefresh     Action = "refresh"      // a fresh token helps: the next build has one
	ActionConnect     Action = "connect"      // the user connects the provider
	ActionReconnect   Action = "reconnect"    // the user connects the provider again
	ActionStepUp      Action = "step_up"      // the user grants another scope
	ActionFixConfig   Action = "fix_config"   // the operator corrects the entry or the configuration
	ActionFixHistory  Action = "fix_history"  // the program sends another history, or begins a new conversation
	ActionCheckServer Action = "check_server" // an engineer looks at the MCP server
	ActionWait        Action = "wait"         // the same request later; see Failure.RetryAfter
	ActionNone        Action = "none"         // nothing: the model or the caller goes on
)

// A Failure describes why an mcp tool failed, in the same words for all surfaces:
// an error of OpenAI's, an output item, a stream event, or a refusal of Build. Its
// text contains no secret and no words of a server. Failures are immutable and safe
// for concurrent use.
type Failure struct { //nolint:errname // the noun of the contract
	Kind           Kind
	Stage          Stage
	Provider       string // id of the provider, where the entry is known
	ServerLabel    string // the entry it belongs to, exactly as it was sent; "" if unknown
	ServerURL      string // where only a URL is given; without default port and query
	ToolIndex      *int   // N of tools[N]; nil if not given
	ToolName       string // the tool that was called; "" if none
	UpstreamStatus int    // HTTP status of the MCP server; 0 if unknown
	RPCCode        *int   // JSON-RPC error code with its sign; nil if there is none
	Action         Action
	ConsentURL     string        // page at which the user gives consent: the platform's, or that of BuildOptions.ConsentURL; "" if none
	Retryable      bool          // the very same request, sent again, is safe and may succeed
	RetryAfter     time.Duration // 0 if unknown
	RequestID      string        // OpenAI's x-request-id; "" if unknown

	status   int           // OpenAI's own, for KindPlatform; 0 if unknown
	code     string        // OpenAI's own code, for KindPlatform; one word
	name     string        // the provider's name for people; "" where only the label is known
	sentence string        // why, for a log; our own words only
	sent     bool          // ServerLabel is one that the caller is known to have sent
	mayRun   bool          // a tool may have run: the request must not be repeated
	upstream secret.Secret // text of the server or of OpenAI, bounded; see Upstream
	err      error         // the cause; see Unwrap
}

// newRefusal returns a refusal of Build, of stage build, with the contract's
// action for its kind. provider is the id. sentence is the reason for a log: our
// own words, without a token, a URL's query or unbounded text of a server; users
// don't see it. err is the cause; the RetryAfter of an [oauthstore.Error] is kept.
func newRefusal(kind Kind, provider, label, sentence string, err error) *Failure {
	f := &Failure{
		Kind: kind, Stage: StageBuild, Action: kind.Action(),
		Provider: provider, ServerLabel: label, sent: true,
		sentence: sentence, err: err,
	}
	if stored := (*oauthstore.Error)(nil); errors.As(err, &stored) {
		f.RetryAfter = stored.RetryAfter
	}
	return f
}
