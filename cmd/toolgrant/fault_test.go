package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

func TestEveryKindHasTheExitCodeOfTheContract(t *testing.T) {
	t.Parallel()
	for kind, code := range map[mcptools.Kind]int{
		"usage": 2, "interrupted": 1, "access_denied": 3, "callback_timeout": 1, "untrusted_metadata": 5, "key_unavailable": 5, "internal": 1,
		"not_connected": 3, "reauth_required": 3, "wrong_audience": 3, "unauthorized": 3, "forbidden": 3,
		"temporarily_unavailable": 4, "rate_limited": 4, "timeout": 4, "server_error": 4, "unreachable": 4,
		"misconfigured": 5, "wrong_token_kind": 5, "invalid_tool": 5, "unsupported": 5,
		"bad_request": 1, "not_found": 1, "wrong_endpoint": 1, "session_lost": 1, "protocol": 1, "tool_failed": 1,
		"upstream_unknown": 1, "no_tools": 1, "invalid_history": 1, "platform": 1, "unknown": 1,
	} {
		assert.Equal(t, code, (&fault{Kind: kind}).exitCode(), kind)
	}
}

func TestErrorsOfThePackagesGetTheirKinds(t *testing.T) {
	t.Parallel()
	stored := func(err error, reason oauthstore.Reason) error {
		key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "asana"}
		return fmt.Errorf("wrapped: %w", &oauthstore.Error{Op: "token", Key: key, Err: err, Reason: reason, Detail: "because"})
	}
	for _, tt := range []struct {
		name   string
		err    error
		kind   mcptools.Kind
		action mcptools.Action
		code   int
	}{
		{"not connected", stored(oauthstore.ErrNotFound, ""), mcptools.KindNotConnected, mcptools.ActionConnect, 3},
		{"spent", stored(oauthstore.ErrReauthorize, oauthstore.ReasonInvalidGrant), mcptools.KindReauthorize, mcptools.ActionReconnect, 3},
		{"refused", stored(oauthstore.ErrRefused, oauthstore.ReasonAudience), mcptools.KindWrongAudience, mcptools.ActionReconnect, 3},
		{"refused for its scope", stored(oauthstore.ErrRefused, oauthstore.ReasonScope), mcptools.KindForbidden, mcptools.ActionStepUp, 3},
		{"unavailable", stored(oauthstore.ErrUnavailable, ""), mcptools.KindUnavailable, mcptools.ActionWait, 4},
		{"conflict", stored(backend.ErrConflict, ""), mcptools.KindUnavailable, mcptools.ActionWait, 4},
		{"misconfigured", stored(oauthstore.ErrMisconfigured, ""), mcptools.KindMisconfigured, mcptools.ActionFixConfig, 5},
		{"key", stored(backend.ErrKeyUnavailable, ""), kindKeyUnavailable, mcptools.ActionFixConfig, 5},
		{"closed", stored(backend.ErrClosed, ""), kindInternal, mcptools.ActionNone, 1},
		{"a failure", fmt.Errorf("wrapped: %w", &mcptools.Failure{Kind: mcptools.KindRateLimited, Action: mcptools.ActionWait}), mcptools.KindRateLimited, mcptools.ActionWait, 4},
		{"cancelled", context.Canceled, kindInterrupted, mcptools.ActionNone, 1},
		{"deadline", context.DeadlineExceeded, mcptools.KindTimeout, mcptools.ActionWait, 4},
		{"anything else", errors.New("boom"), kindInternal, mcptools.ActionNone, 1},
		{"an unknown label", &unknownProviderError{"x"}, mcptools.KindNotConnected, mcptools.ActionConnect, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := faultOf(tt.err)
			assert.Equal(t, tt.kind, f.Kind)
			assert.Equal(t, tt.action, f.Action)
			assert.Equal(t, tt.code, f.exitCode())
			assert.NotEmpty(t, f.Message)
			assert.NotContains(t, f.Message, "oauthstore: ")
		})
	}
}
