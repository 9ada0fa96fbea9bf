package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// writing is a model that wants to write a note, and then a task.
func writing() *lab.Options {
	write := func(label, text string) lab.Step {
		return lab.Step{Call: &lab.Call{ServerLabel: label, Tool: "write", Arguments: json.RawMessage(`{"text":"` + text + `"}`)}}
	}
	return &lab.Options{Script: &lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{write("notes", "one"), write("tasks", "two"), {Say: "{{all}}"}}}}}}
}

func TestApprovalsAreAskedGrantedAndDenied(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		for _, replay := range []bool{false, true} {
			b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
			var asked []session.ApprovalRequest
			s := b.session(t, session.Options{Stream: stream, Replay: replay, Approve: func(_ context.Context, a session.ApprovalRequest) (session.Answer, error) {
				asked = append(asked, a)
				if a.Label == "tasks" {
					return session.Answer{Decision: session.DecisionDeny, Reason: "not today"}, nil
				}
				return session.Answer{Decision: session.DecisionApprove}, nil
			}})
			r := collect(s.Run(t.Context(), "write"))

			done := r.last(t)
			assert.Equal(t, session.EventDone, done.Type)
			assert.Contains(t, done.Text, `added "one"`)
			require.Len(t, asked, 2)
			assert.Equal(t, "write", asked[0].Tool)
			assert.Equal(t, "notes", asked[0].Provider)
			assert.JSONEq(t, `{"text":"one"}`, asked[0].Arguments)
			assert.Len(t, r.of(session.EventAsking), 2)
			assert.Len(t, r.of(session.EventApproved), 1)
			assert.Len(t, r.of(session.EventDenied), 1)
			assert.Equal(t, 1, b.Count("notes", "tools/call"))
			assert.Zero(t, b.Count("tasks", "tools/call"), "a denied call does not run")
			assert.Empty(t, s.State().Pending)
			sent := b.body(t, 2)["input"].([]any)
			answer, _ := sent[len(sent)-1].(map[string]any)
			assert.Equal(t, "mcp_approval_response", answer["type"])
			assert.Equal(t, "not today", answer["reason"], "the model reads the reason")

			require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "thanks")).last(t).Type, "the conversation goes on")
		}
	})
}

func TestRulesDecideBeforeTheUserIsAsked(t *testing.T) {
	t.Parallel()
	b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
	s := b.session(t, session.Options{
		Rules: []session.Rule{
			{Tool: "search", Answer: session.Answer{Decision: session.DecisionApprove}},
			{Label: "notes", Tool: "write", Answer: session.Answer{Decision: session.DecisionApprove}},
			{Answer: session.Answer{Decision: session.DecisionDeny}},
		},
		Approve: func(context.Context, session.ApprovalRequest) (session.Answer, error) {
			return session.Answer{}, errors.New("asked in spite of a rule")
		},
	})
	r := collect(s.Run(t.Context(), "write"))
	assert.Equal(t, session.EventDone, r.last(t).Type)
	assert.Equal(t, 1, b.Count("notes", "tools/call"))
	assert.Zero(t, b.Count("tasks", "tools/call"))
}

func TestATurnIsResumedInAnotherSession(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		for _, replay := range []bool{false, true} {
			b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
			first := b.session(t, session.Options{Stream: stream, Replay: replay})
			r := collect(first.Run(t.Context(), "write"))
			waiting := r.last(t)
			assert.Equal(t, session.EventWaiting, waiting.Type)
			require.NotEmpty(t, waiting.Pending)
			require.ErrorIs(t, collect(first.Run(t.Context(), "more")).err, session.ErrPending)

			stored, err := json.Marshal(first.State())
			require.NoError(t, err)
			assert.NotContains(t, string(stored), b.Grant("notes", "ada").AccessToken[:8])
			assert.Zero(t, b.Count("notes", "tools/call"))

			var st session.State
			require.NoError(t, json.Unmarshal(stored, &st))
			second := b.session(t, session.Options{Stream: stream, Replay: replay, State: &st})
			half := collect(second.Continue(t.Context(), map[string]session.Answer{}))
			assert.Equal(t, session.EventWaiting, half.last(t).Type, "nothing was answered")
			require.ErrorIs(t, collect(second.Continue(t.Context(), map[string]session.Answer{"mcpr_other": {Decision: session.DecisionApprove}})).err, session.ErrNotPending)

			for round := 0; len(second.State().Pending) > 0; round++ {
				require.Less(t, round, 3)
				answers := map[string]session.Answer{}
				for _, a := range second.State().Pending {
					answers[a.ID] = session.Answer{Decision: session.DecisionApprove}
				}
				r = collect(second.Continue(t.Context(), answers))
				require.NoError(t, r.err)
			}
			assert.Contains(t, r.last(t).Text, `added "two"`)
			for _, asked := range b.ModelRequests() {
				require.Len(t, asked.Entries, 2, "entries go with each request")
				assert.True(t, asked.Entries[0].Active && asked.Entries[1].Active)
			}
			assert.Equal(t, 1, b.Count("notes", "tools/call"))
			assert.Equal(t, 1, b.Count("tasks", "tools/call"))
			require.ErrorIs(t, collect(second.Continue(t.Context(), nil)).err, session.ErrNotPending)
		}
	})
}

func TestTurnThatFailsAfterAnApprovalIsResumed(t *testing.T) {
	t.Parallel()
	b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
	asked := 0
	s := b.session(t, session.Options{Approve: func(context.Context, session.ApprovalRequest) (session.Answer, error) {
		if asked++; asked == 1 {
			assert.NoError(t, b.Fault("openai:500*1"))
		}
		return session.Answer{Decision: session.DecisionApprove}, nil
	}})
	r := collect(s.Run(t.Context(), "write"))
	require.Error(t, r.err)
	require.NotEmpty(t, s.State().Pending, "the answer is not lost")
	r = collect(s.Continue(t.Context(), nil))
	require.NoError(t, r.err)
	assert.Equal(t, 1, b.Count("notes", "tools/call"))
}

func TestAnErrorOfTheCallbackEndsTheTurn(t *testing.T) {
	t.Parallel()
	b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
	absent := errors.New("the user is absent")
	s := b.session(t, session.Options{Approve: func(context.Context, session.ApprovalRequest) (session.Answer, error) {
		return session.Answer{}, absent
	}})
	require.ErrorIs(t, collect(s.Run(t.Context(), "write")).err, absent)
	assert.NotEmpty(t, s.State().Pending)
	assert.Zero(t, b.Count("notes", "tools/call"))
}

func TestMaxRoundsEndsATurn(t *testing.T) {
	t.Parallel()
	var steps []lab.Step
	for range 5 {
		steps = append(steps, lab.Step{Call: &lab.Call{ServerLabel: "notes", Tool: "whoami"}})
	}
	b := newBackend(t, &lab.Options{Script: &lab.Script{Turns: []lab.Turn{{Steps: steps}}}}, mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes")
	s := b.session(t, session.Options{MaxRounds: 3, Rules: []session.Rule{{Answer: session.Answer{Decision: session.DecisionApprove}}}})
	require.ErrorIs(t, collect(s.Run(t.Context(), "write")).err, session.ErrTooManyRounds)
	assert.Equal(t, 3, b.requests())
}

// The server of an approved call is not left out: the call would be forgotten.
func TestServerOfAnApprovedCallIsNotLeftOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fail  func(t *testing.T, b *backend) // after notes was asked about
		heals func(t *testing.T, b *backend)
		on    session.OnFailure
		kind  mcptools.Kind
	}{
		"disconnected": {disconnect, reconnect, session.OnFailureFail, mcptools.KindNotConnected},
		"skipped":      {disconnect, reconnect, session.OnFailureSkip, mcptools.KindNotConnected},
		"revoked": {func(t *testing.T, b *backend) {
			t.Helper()
			built, err := b.set.Build(t.Context(), ada, nil)
			require.NoError(t, err)
			notes, ok := built.Entry("notes")
			require.True(t, ok)
			b.Revoke("ada")
			require.NoError(t, notes.Reject(t.Context(), oauthstore.Verdict{}))
		}, reconnect, session.OnFailureSkip, mcptools.KindReauthorize},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, stream bool) {
				t.Helper()
				b := newBackend(t, twoAtOnce(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
				s := b.session(t, session.Options{Stream: stream, OnFailure: tt.on})
				waiting := collect(s.Run(t.Context(), "write")).last(t)
				require.Len(t, waiting.Pending, 2)
				tt.fail(t, b)
				asked := b.requests()
				r := collect(s.Continue(t.Context(), map[string]session.Answer{
					waiting.Pending[0].ID: {Decision: session.DecisionApprove}, waiting.Pending[1].ID: {Decision: session.DecisionDeny},
				}))
				f := r.failure(t)
				assert.Equal(t, tt.kind, f.Kind)
				assert.Equal(t, "notes", f.ServerLabel)
				assert.Empty(t, r.of(session.EventSkipped))
				assert.Equal(t, asked, b.requests(), "nothing is sent")
				require.Len(t, s.State().Pending, 2)
				require.ErrorIs(t, collect(s.Run(t.Context(), "x")).err, session.ErrPending)

				tt.heals(t, b)
				assert.Equal(t, session.EventDone, collect(s.Continue(t.Context(), nil)).last(t).Type)
				assert.Equal(t, 1, b.Count("notes", "tools/call"))
				assert.Zero(t, b.Count("tasks", "tools/call"))
			})
		})
	}
}

func disconnect(t *testing.T, b *backend) {
	t.Helper()
	_, err := b.store.Disconnect(t.Context(), b.key("notes"))
	require.NoError(t, err)
}

func reconnect(t *testing.T, b *backend) {
	t.Helper()
	b.connect(t, "notes")
}

func TestCallsOfAServerThatIsGoneAreDeniedAndGivenUp(t *testing.T) {
	t.Parallel()
	for _, abandon := range []bool{false, true} {
		b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
		s := b.session(t, session.Options{OnFailure: session.OnFailureSkip})
		waiting := collect(s.Run(t.Context(), "write")).last(t)
		require.Len(t, waiting.Pending, 1)
		disconnect(t, b)
		var r result
		if abandon {
			require.ErrorIs(t, collect(s.Continue(t.Context(), map[string]session.Answer{waiting.Pending[0].ID: {Decision: session.DecisionApprove}})).err, mcptools.KindNotConnected)
			require.NoError(t, s.Abandon(t.Context(), "no"))
			r = collect(s.Run(t.Context(), "x"))
		} else {
			r = collect(s.Continue(t.Context(), map[string]session.Answer{waiting.Pending[0].ID: {Decision: session.DecisionDeny}}))
		}
		r.last(t)
		assert.Len(t, r.of(session.EventSkipped), 1)
		assert.Zero(t, b.Count("notes", "tools/call"))
	}
}

// A server whose list fails is dropped from a turn, unless one of its calls was
// approved.
func TestServerOfAnApprovedCallIsNotDropped(t *testing.T) {
	t.Parallel()
	b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
	down := false
	asked := 0
	fails := option.WithMiddleware(func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		if asked++; !down {
			return next(req)
		}
		return refusal(req, http.StatusFailedDependency, http.Header{}, `{"error":{"type":"external_connector_error","code":"http_error","param":"tools",`+
			`"message":"Error retrieving tool list from MCP server: 'notes'. Http status code: 404 (Not Found)"}}`), nil
	})
	s := b.session(t, session.Options{OnFailure: session.OnFailureSkip, HoldOff: time.Hour, RequestOptions: []option.RequestOption{fails}})
	waiting := collect(s.Run(t.Context(), "write")).last(t)
	require.Len(t, waiting.Pending, 1)
	down = true
	require.ErrorIs(t, collect(s.Continue(t.Context(), map[string]session.Answer{waiting.Pending[0].ID: {Decision: session.DecisionApprove}})).err, mcptools.KindNotFound)
	require.ErrorIs(t, collect(s.Continue(t.Context(), nil)).err, mcptools.KindNotFound)
	assert.Equal(t, 2, asked, "the server is held off")
	assert.Equal(t, session.DecisionApprove, s.State().Pending[0].Answer.Decision)

	state := s.State()
	down = false
	s = b.session(t, session.Options{State: &state}) // which holds nothing off
	assert.Equal(t, session.EventWaiting, collect(s.Continue(t.Context(), nil)).last(t).Type, "the second call")
	assert.Equal(t, 1, b.Count("notes", "tools/call"))
}
