package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
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
