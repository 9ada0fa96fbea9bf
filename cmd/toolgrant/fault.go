package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// Exit codes of the command.
const (
	exitDone      = 0
	exitFailed    = 1
	exitUsage     = 2
	exitReconnect = 3 // the user must connect again
	exitLater     = 4 // temporary
	exitConfig    = 5
)

// Kinds of faults that only the command has, beside those of
// [mcptools.Failure].
const (
	kindUsage             = "usage"
	kindInterrupted       = "interrupted"
	kindAccessDenied      = "access_denied"
	kindCallbackTimeout   = "callback_timeout"
	kindUntrustedMetadata = "untrusted_metadata"
	kindKeyUnavailable    = "key_unavailable"
	kindInternal          = "internal"
)

// exitCodes maps kinds to exit codes. All other kinds exit with exitFailed.
var exitCodes = map[mcptools.Kind]int{
	kindUsage: exitUsage,

	mcptools.KindNotConnected:  exitReconnect,
	mcptools.KindReauthorize:   exitReconnect,
	mcptools.KindWrongAudience: exitReconnect,
	mcptools.KindUnauthorized:  exitReconnect,
	mcptools.KindForbidden:     exitReconnect,
	kindAccessDenied:           exitReconnect,

	mcptools.KindUnavailable: exitLater,
	mcptools.KindRateLimited: exitLater,
	mcptools.KindTimeout:     exitLater,
	mcptools.KindServerError: exitLater,
	mcptools.KindUnreachable: exitLater,

	mcptools.KindMisconfigured:  exitConfig,
	mcptools.KindWrongTokenKind: exitConfig,
	mcptools.KindInvalidTool:    exitConfig,
	mcptools.KindUnsupported:    exitConfig,
	kindUntrustedMetadata:       exitConfig,
	kindKeyUnavailable:          exitConfig,
}

// actions maps the kinds that only the command has to their actions. All other
// kinds have [mcptools.Kind.Action].
var actions = map[mcptools.Kind]mcptools.Action{
	kindUsage:             mcptools.ActionFixConfig,
	kindInterrupted:       mcptools.ActionNone,
	kindAccessDenied:      mcptools.ActionConnect,
	kindCallbackTimeout:   mcptools.ActionConnect,
	kindUntrustedMetadata: mcptools.ActionFixConfig,
	kindKeyUnavailable:    mcptools.ActionFixConfig,
	kindInternal:          mcptools.ActionNone,
}

// A fault is the error that a command fails with. Its fields are those of the
// printed JSON.
type fault struct {
	Kind    mcptools.Kind   `json:"kind"`
	Message string          `json:"message"`
	Action  mcptools.Action `json:"action"`
	next    string          // the command to run next; "": that of the action
	lines   string          // Message for a terminal; "": it has one line
}

// onTerminal returns the message with those line breaks only that are the
// command's own.
func (f *fault) onTerminal() string {
	if f.lines != "" {
		return f.lines
	}
	return safetext.Line(f.Message)
}

// Error returns the message.
func (f *fault) Error() string { return f.Message }

func (f *fault) exitCode() int {
	if code, ok := exitCodes[f.Kind]; ok {
		return code
	}
	return exitFailed
}

// faultf returns a fault of a kind with the kind's default action.
func faultf(kind mcptools.Kind, format string, args ...any) *fault {
	action, ok := actions[kind]
	if !ok {
		action = kind.Action()
	}
	return &fault{Kind: kind, Message: fmt.Sprintf(format, args...), Action: action, lines: linef(format, args...)}
}

func usagef(format string, args ...any) *fault { return faultf(kindUsage, format, args...) }

// faultOf returns the fault for an error of the library.
func faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if errors.Is(err, context.Canceled) { // a signal, even if the error was wrapped as something else
		return faultf(kindInterrupted, "interrupted")
	}
	if errors.Is(err, backend.ErrKeyUnavailable) {
		return faultf(kindKeyUnavailable, "%s", message(err))
	}
	if f, ok := errors.AsType[*mcptools.Failure](err); ok {
		text := message(err)
		if e, ok := errors.AsType[*oauthstore.Error](err); ok && errors.Is(err, oauthstore.ErrRefused) && e.Said != "" {
			text += " The server said: " + e.Said
		} else if ok && e.Reason == oauthstore.ReasonTokenType {
			text += ": " + e.Detail // names the type
		} else if ok && f.Kind == mcptools.KindUnavailable && e.Detail != "" {
			text += ": " + e.Detail
			if e.RetryAfter > 0 {
				text += "; try again in " + short(e.RetryAfter.Round(time.Second))
			}
		}
		return &fault{Kind: f.Kind, Message: text, Action: f.Action}
	}
	if e, ok := errors.AsType[*connect.Error](err); ok {
		return connectFault(e)
	}
	if u, ok := errors.AsType[*unknownProviderError](err); ok {
		return u.fault(u.kind())
	}
	var kind mcptools.Kind = kindInternal
	switch {
	case errors.Is(err, oauthstore.ErrNotFound):
		kind = mcptools.KindNotConnected
	case errors.Is(err, oauthstore.ErrReauthorize):
		kind = mcptools.KindReauthorize
	case errors.Is(err, oauthstore.ErrRefused):
		kind = mcptools.KindWrongAudience
		if e, ok := errors.AsType[*oauthstore.Error](err); ok {
			switch e.Reason { //nolint:exhaustive // the others are not the server's
			case oauthstore.ReasonScope:
				f := faultf(mcptools.KindForbidden, "%s", message(err))
				f.Action = mcptools.ActionStepUp
				return f
			case oauthstore.ReasonExpired, oauthstore.ReasonRevoked, oauthstore.ReasonInvalidKey:
				f := faultf(mcptools.KindUnauthorized, "%s", message(err))
				f.Action = mcptools.ActionReconnect
				return f
			}
		}
	case errors.Is(err, oauthstore.ErrMisconfigured):
		kind = mcptools.KindMisconfigured
		if e, ok := errors.AsType[*oauthstore.Error](err); ok && e.Reason == oauthstore.ReasonTokenType {
			kind = mcptools.KindUnsupported
		}
	case errors.Is(err, oauthstore.ErrUnavailable), errors.Is(err, backend.ErrConflict):
		kind = mcptools.KindUnavailable
	case errors.Is(err, context.DeadlineExceeded):
		kind = mcptools.KindTimeout
	}
	return faultf(kind, "%s", message(err))
}

// message is an error's text for people: without the package that speaks, and
// for errors of a credential in whole sentences.
func message(err error) string {
	if e, ok := errors.AsType[*oauthstore.Error](err); ok {
		if f, ok := errors.AsType[*mcptools.Failure](err); !ok || f.Kind == mcptools.KindNotConnected {
			return storeMessage(e)
		}
	}
	return errtext.Sentence(err)
}

// storeMessage says what the credential store said.
func storeMessage(e *oauthstore.Error) string {
	subject := e.Key.String()
	if e.Key.Provider == "" {
		subject = "the store"
	}
	var text string
	switch {
	case errors.Is(e, backend.ErrKeyUnavailable):
		text = "the key that encrypted " + subject + " is not in the keyset: see 'toolgrant keys list'"
	case errors.Is(e, oauthstore.ErrNotFound):
		text = subject + " is not connected"
	case errors.Is(e, oauthstore.ErrReauthorize):
		text = subject + " must be connected again"
	case errors.Is(e, oauthstore.ErrRefused):
		text = "the server refuses the token of " + subject
	case errors.Is(e, oauthstore.ErrMisconfigured):
		text = subject + " is misconfigured"
	case errors.Is(e, oauthstore.ErrUnavailable):
		text = subject + " is temporarily unavailable"
	default:
		return e.Sentence()
	}
	if e.Reason != "" {
		text += " (" + string(e.Reason) + ")"
	}
	if detail := first(e.Detail, e.Said); detail != "" {
		text += ": " + detail
	}
	if e.RetryAfter > 0 {
		text += "; try again in " + short(e.RetryAfter.Round(time.Second))
	}
	return text
}

// hint returns the command to run next for a provider; "" if there is none.
func (a *app) hint(f *fault, provider string) string {
	if f.next != "" {
		return f.next
	}
	if provider == "" {
		provider = "PROVIDER"
	}
	if slices.Contains([]mcptools.Action{mcptools.ActionConnect, mcptools.ActionReconnect, mcptools.ActionStepUp}, f.Action) {
		return a.again("connect", provider)
	}
	if f.Action == mcptools.ActionCheckServer {
		return a.again("doctor", provider)
	}
	return ""
}
