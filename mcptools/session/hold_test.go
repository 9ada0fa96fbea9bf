package session_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

// Failures that the user can fix are retried in the next turn: a user who has
// reconnected, or consented to more scopes, does not wait.
func TestReconnectedServerIsInTheNextTurn(t *testing.T) {
	t.Parallel()
	for fault, action := range map[string]mcptools.Action{"notes:401": mcptools.ActionReconnect, "notes:403_scope": mcptools.ActionStepUp} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes", "tasks")
			b.warm(t)
			refused := false
			once := option.WithMiddleware(func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
				if refused {
					return next(req)
				}
				refused = true
				assert.NoError(t, b.Fault(fault)) // which is what the probe of the next token finds
				return refusal(req, http.StatusFailedDependency, http.Header{}, `{"error":{"type":"external_connector_error","code":"http_error","param":"tools",`+
					`"message":"Error retrieving tool list from MCP server: 'notes'. Http status code: 401 (Unauthorized)"}}`), nil
			})
			s := b.session(t, session.Options{OnFailure: session.OnFailureSkip, HoldOff: time.Hour, RequestOptions: []option.RequestOption{once}})
			done := collect(s.Run(t.Context(), "x")).last(t)
			require.Len(t, done.Skipped, 1)
			require.Equal(t, action, done.Skipped[0].Failure.Action)

			b.Clear()
			b.connect(t, "notes")
			done = collect(s.Run(t.Context(), "y")).last(t)
			assert.Empty(t, done.Skipped)
			assert.Contains(t, done.Text, "2 notes of ada")
		})
	}
}

func TestServerThatFailedIsAskedAgainAfterTheHoldOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, s := inVirtualTime(t, session.Options{OnFailure: session.OnFailureSkip, MaxWait: time.Nanosecond}, "notes", "tasks")
		require.NoError(t, w.Fault("notes:503"))
		turn := func() int { return len(collect(s.Run(t.Context(), "x")).last(t).Skipped) }
		require.Equal(t, 1, turn())
		w.Clear()
		<-time.After(59 * time.Second)
		assert.Equal(t, 1, turn(), "it is held off")
		<-time.After(2 * time.Second)
		assert.Zero(t, turn(), "after a minute it is asked again")
		assert.Zero(t, turn())
	})
}

func TestBusyServerIsAskedOnceMoreAndNoMore(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"notes:503", "openai:429"} {
		synctest.Test(t, func(t *testing.T) {
			w, s := inVirtualTime(t, session.Options{}, "notes")
			require.NoError(t, w.Fault(fault))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r := collect(s.Run(ctx, "x"))
			require.NotErrorIs(t, r.err, context.DeadlineExceeded)
			assert.Len(t, r.of(session.EventRetrying), 1)
			assert.Len(t, w.ModelRequests(), 2)
		})
	}
}

// A call of a tool that was refused with a 401 may have run: the request is not
// sent again, neither with another token nor without the server.
func TestRefusedCallIsNotRepeated(t *testing.T) {
	t.Parallel()
	const (
		call  = `"message":"Error calling tool 'search' of MCP server: 'notes'. Http status code: 401 (Unauthorized)"`
		whole = `{"id":"resp_1","object":"response","status":"failed","output":[],"error":{"code":"external_connector_error",` + call + `}}`
	)
	for name, tt := range map[string]struct {
		status int
		body   string
		stage  mcptools.Stage
	}{
		"an error":        {http.StatusFailedDependency, `{"error":{"type":"external_connector_error","code":"http_error","param":"tools",` + call + `}}`, mcptools.StageCallTool},
		"a response":      {http.StatusOK, whole, mcptools.StageCallTool},
		"a relay's words": {http.StatusFailedDependency, `{"error":{"kind":"unauthorized","message":"The ticket is not valid: build a new entry."}}`, mcptools.StageListTools},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, stream bool) {
				t.Helper()
				b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
				b.warm(t)
				for _, on := range []session.OnFailure{session.OnFailureFail, session.OnFailureSkip} {
					b.Expire()
					asked := 0
					fail := option.WithMiddleware(func(req *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
						asked++
						if stream && tt.status == http.StatusOK {
							return streamed(req, events(`{"type":"response.failed","sequence_number":0,"response":`+whole+`}`)), nil
						}
						return refusal(req, tt.status, http.Header{}, tt.body), nil
					})
					s := b.session(t, session.Options{Stream: stream, OnFailure: on, MaxRounds: 3, RequestOptions: []option.RequestOption{fail}})
					f := collect(s.Run(t.Context(), "x")).failure(t)
					assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
					assert.Equal(t, tt.stage, f.Stage)
					assert.Equal(t, "notes", f.ServerLabel)
					assert.Equal(t, 1, asked)
				}
			})
		})
	}
}

// streamed is a stream of OpenAI's without a network.
func streamed(req *http.Request, body string) *http.Response {
	res := refusal(req, http.StatusOK, http.Header{}, body)
	res.Header.Set("Content-Type", "text/event-stream")
	return res
}
