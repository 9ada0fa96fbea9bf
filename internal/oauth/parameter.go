package oauth

import (
	"slices"
	"strings"
)

// Codes of Entra, with which its descriptions begin.
const (
	entraResource     = "AADSTS9010010:" // the resource does not match the scopes
	entraOwnScope     = "AADSTS90009:"   // a client requests a token for itself without its own scopes
	entraScopeMissing = "AADSTS900144:"  // the request has no scope
)

// RejectsResource reports whether the server rejected the resource parameter
// (RFC 8707 section 2).
func (e *Error) RejectsResource() bool {
	return e.Code == "invalid_target" || e.describes(entraResource)
}

// RejectsScopes reports whether the server rejected the scope parameter, or its
// absence.
func (e *Error) RejectsScopes() bool {
	return e.Code == "invalid_scope" || e.describes(entraOwnScope, entraScopeMissing)
}

// FromEntra reports whether the error is one of the two in the form of Entra,
// which reports one of them at a time.
func (e *Error) FromEntra() bool { return e.describes(entraResource, entraOwnScope, entraScopeMissing) }

func (e *Error) describes(codes ...string) bool {
	return slices.ContainsFunc(codes, func(code string) bool { return strings.HasPrefix(e.Description, code) })
}
