package connect

import (
	"net/http"
	"strings"
)

// An answer is the response to a user whose connection failed: on a page, and
// from a handler of the caller.
type answer struct {
	status  int
	heading string
	text    []string
}

// HTTPStatus returns the status of a backend's response to its own user, which
// is that of the page that [Web] sends.
func (e *Error) HTTPStatus() int { return answerOf(e.Kind, "").status }

// PublicMessage returns the text of the page that [Web] sends to the user: what
// happened and what to do. Apart from that it contains only the provider's id.
func (e *Error) PublicMessage() string {
	a := answerOf(e.Kind, orElse(e.Key.Provider, "The service"))
	return a.heading + ". " + strings.Join(a.text, " ")
}

// answerOf returns the answer for a kind. name is the provider's. A kind that
// mcptools has too has the status of its action there.
func answerOf(kind Kind, name string) answer {
	switch kind {
	case KindDenied:
		return answer{http.StatusForbidden, name + " was not connected", []string{"The request was declined there. Nothing was stored."}}
	case KindStateUsed:
		return answer{http.StatusConflict, "This page was used before", []string{"This link was already used and the connection failed. Please start again."}}
	case KindExpired, KindTimeout:
		return answer{http.StatusGone, "That took too long", []string{"For your safety a connection must be finished soon after it was started. Please start again."}}
	case KindStateUnknown:
		return answer{http.StatusBadRequest, "This link is not valid", []string{"The address is incomplete, or the connection that it belongs to has expired. Please start again."}}
	case KindWrongBrowser:
		return answer{http.StatusForbidden, "This belongs to another browser", []string{
			"The connection was started in another browser, or cookies are switched off. Nothing was connected.",
			"If another person sent you this link, don't use it.",
		}}
	case KindWrongOwner:
		return answer{http.StatusForbidden, "Another account started this", []string{
			"You are signed in with another account than the one that started the connection. Nothing was connected.",
			"Sign in with that account, or start again.",
		}}
	case KindUntrusted:
		return answer{http.StatusBadGateway, name + " could not be verified", []string{"The server's data did not pass a security check. For your safety nothing was connected."}}
	case KindWrongAudience:
		return answer{http.StatusConflict, name + " was not connected", []string{
			"The sign-in gave access to another service than this server. The access was not used or stored.",
		}}
	case KindRejected:
		return answer{http.StatusConflict, name + " rejected the access token", []string{"It expired, was revoked, or is for another server. Please connect again, or use a new token."}}
	case KindWrongToken:
		return answer{http.StatusInternalServerError, name + " needs another kind of access token", []string{"The token was not sent and not stored."}}
	case KindNoClient, KindMisconfigured:
		return answer{http.StatusInternalServerError, name + " is not set up yet", []string{"This application is not registered there correctly. Its operator can fix that; a retry does not help."}}
	case KindUnsupported:
		return answer{http.StatusInternalServerError, name + " can't be connected", []string{"It requires a kind of sign-in that this application does not support."}}
	case KindRefused:
		return answer{http.StatusBadGateway, name + " refused", []string{"The sign-in there did not give this application access. Please start again."}}
	case KindTooManySteps:
		return answer{http.StatusTooManyRequests, name + " asks for permissions again and again", []string{"More would not help now. Please try again in an hour, or ask the operator."}}
	case KindClientReplaced, KindUnavailable, kindConnected: // a success has its own page
	}
	return answer{http.StatusServiceUnavailable, name + " does not respond now", []string{"This is probably temporary. Please try again in a moment, or start again."}}
}
