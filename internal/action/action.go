package action

import "net/http"

// Steps that resolve an error; the words are those of the command's contract.
const (
	None        = "none"         // no step resolves it
	Connect     = "connect"      // the user connects
	Reconnect   = "reconnect"    // the user connects again
	StepUp      = "step_up"      // the user connects again and grants another permission
	Refresh     = "refresh"      // a refresh of the token, which happens at the next try
	Wait        = "wait"         // the same again later
	FixConfig   = "fix_config"   // the operator changes the configuration
	FixHistory  = "fix_history"  // a new conversation
	CheckServer = "check_server" // the operator looks at the MCP server
)

// HTTPStatus returns the status of a response to the backend's user.
func HTTPStatus(step string) int {
	switch step {
	case Connect, Reconnect, StepUp:
		return http.StatusConflict
	case Wait, Refresh:
		return http.StatusServiceUnavailable
	case CheckServer:
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

// PublicMessage returns a sentence for the backend's user, which names the
// provider and the next step and nothing else.
func PublicMessage(step, name string) string {
	switch step {
	case Connect:
		return name + " is not connected: connect your account and try again."
	case Reconnect:
		return name + " no longer accepts the connection: connect your account again."
	case StepUp:
		return name + " needs another permission: connect your account again and grant it."
	case Refresh:
		return name + " did not accept the connection: try again."
	case Wait:
		return name + " is not available right now: try again later."
	case CheckServer:
		return name + " does not work right now: try again later, and contact support if the problem continues."
	case FixHistory:
		return name + " cannot continue this conversation: start a new one."
	case FixConfig:
		return name + " is not set up correctly: contact support."
	}
	return name + " could not do this: try something else."
}
