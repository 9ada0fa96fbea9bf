package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

// playing returns options with that model in the place of OpenAI.
func (m *model) playing(o session.Options) session.Options {
	o.RequestOptions = []option.RequestOption{m.option()}
	return o
}

var (
	approve = session.Answer{Decision: session.DecisionApprove}
	output  = func(id, text string) responses.ResponseInputItemUnionParam {
		item := responses.ResponseInputItemParamOfFunctionCallOutput(text)
		item.OfFunctionCallOutput.CallID = openai.String(id)
		return item
	}
)

func TestOwnFunctionsAndApprovalsInOneResponseAreAnsweredTogether(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		for _, replay := range []bool{false, true} {
			b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes")
			m := &model{replies: []string{asksWrite + "," + callsOwn, says}}
			s := b.session(t, m.playing(session.Options{Stream: stream, Replay: replay}))
			waiting := collect(s.Run(t.Context(), "x")).last(t)
			require.Equal(t, session.EventWaiting, waiting.Type)
			require.Len(t, waiting.Pending, 1)
			require.Equal(t, []session.FunctionCall{{ID: "call_1", Type: "function_call", Name: "weather", Arguments: `{"city":"Oslo"}`}}, waiting.Calls)
			require.ErrorIs(t, collect(s.Run(t.Context(), "y")).err, session.ErrPending)

			half := collect(s.Continue(t.Context(), nil, output("call_1", "rain"))).last(t)
			assert.Equal(t, session.EventWaiting, half.Type, "the approval waits")
			raw, err := json.Marshal(s.State())
			require.NoError(t, err)
			var st session.State
			require.NoError(t, json.Unmarshal(raw, &st), "another process goes on")
			s = b.session(t, m.playing(session.Options{Stream: stream, Replay: replay, State: &st}))
			done := collect(s.Continue(t.Context(), map[string]session.Answer{"mcpr_1": approve})).last(t)
			assert.Equal(t, session.EventDone, done.Type)
			input := m.inputs(1)
			assert.Equal(t, []string{"mcp_approval_response mcpr_1 true", "function_call_output call_1 rain"}, input[len(input)-2:])
			require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "y")).last(t).Type)
		}
	})
}

func TestFunctionsOfTheProgramRunInTheLoop(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes")
		m := &model{replies: []string{asksWrite + "," + callsOwn, callsCustom, says}}
		o := m.playing(session.Options{Stream: stream, Rules: []session.Rule{{Answer: approve}}})
		o.Call = func(_ context.Context, c session.FunctionCall) (string, error) { return "output of " + c.Name, nil }
		r := collect(b.session(t, o).Run(t.Context(), "x"))
		require.Equal(t, session.EventDone, r.last(t).Type)
		assert.Equal(t, "done", r.last(t).Text)
		require.Len(t, r.of(session.EventCalling), 2)
		called := r.of(session.EventCalled)
		require.Len(t, called, 2)
		assert.Equal(t, session.Event{Type: session.EventCalled, Tool: "sql", Arguments: "select 1"}, called[1])
		assert.Equal(t, []string{"mcp_approval_response mcpr_1 true", "function_call_output call_1 output of weather"}, m.inputs(1))
		assert.Equal(t, []string{"custom_tool_call_output custom_2 output of sql"}, m.inputs(2))
	})
}

// A function may have changed something: it does not run again.
func TestOutputOfAFunctionIsKeptIfTheTurnEnds(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes")
	m := &model{replies: []string{callsOwn + "," + callsCustom, says}}
	ctx, cancel := context.WithCancel(t.Context())
	gone, ran := errors.New("the database is down"), 0
	o := m.playing(session.Options{})
	o.Call = func(_ context.Context, c session.FunctionCall) (string, error) {
		ran++
		switch {
		case c.Name == "weather":
			cancel()
		case ran == 2:
			return "", gone
		}
		return "ok", nil
	}
	s := b.session(t, o)
	require.ErrorIs(t, collect(s.Run(ctx, "x")).err, context.Canceled)
	require.NotNil(t, s.State().Calls[0].Output)
	require.ErrorIs(t, collect(s.Continue(t.Context(), nil)).err, gone)
	require.Equal(t, session.EventDone, collect(s.Continue(t.Context(), nil)).last(t).Type)
	assert.Equal(t, 3, ran)
}

func TestAbandonedCallsAreReportedWithTheNextMessage(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes")
	m := &model{replies: []string{asksWrite + "," + callsOwn, says}}
	s := b.session(t, m.playing(session.Options{}))
	require.ErrorIs(t, s.Abandon(t.Context(), "too late"), session.ErrNotPending)
	for e, err := range s.Run(t.Context(), "x") {
		require.NoError(t, err)
		if e.Type == session.EventAsking {
			require.ErrorIs(t, s.Abandon(t.Context(), "too late"), session.ErrBusy)
		}
	}
	require.NoError(t, s.Abandon(t.Context(), "the user moved on"))
	st := s.State()
	s = b.session(t, m.playing(session.Options{State: &st}))
	require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "y")).last(t).Type)
	assert.Equal(t, []string{"mcp_approval_response mcpr_1 false the user moved on", "function_call_output call_1 the user moved on", "<nil> y"}, m.inputs(1))
}

func TestAbandonedApprovedCallIsNotMade(t *testing.T) {
	t.Parallel()
	b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
	s := b.session(t, session.Options{})
	id := collect(s.Run(t.Context(), "write")).last(t).Pending[0].ID
	require.NoError(t, b.Fault("openai:503*1"))
	require.Error(t, collect(s.Continue(t.Context(), map[string]session.Answer{id: approve})).err)
	require.ErrorIs(t, collect(s.Run(t.Context(), "y")).err, session.ErrPending, "it was approved, and not made")
	require.NoError(t, s.Abandon(t.Context(), "the user moved on"))
	require.NoError(t, collect(s.Run(t.Context(), "y")).err)
	assert.Zero(t, b.Count("notes", "tools/call"))
}

func TestOutputsAreChecked(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes")
	m := &model{replies: []string{clicks, says}}
	o := m.playing(session.Options{})
	o.Call = func(context.Context, session.FunctionCall) (string, error) {
		return "", errors.New("not for a screenshot")
	}
	s := b.session(t, o)
	waiting := collect(s.Run(t.Context(), "x")).last(t)
	require.Equal(t, session.EventWaiting, waiting.Type)
	require.ErrorContains(t, s.Abandon(t.Context(), "too late"), "computer_call")
	require.ErrorIs(t, collect(s.Continue(t.Context(), nil, output("call_other", "x"))).err, session.ErrNotPending)
	message := responses.ResponseInputItemParamOfMessage("y", responses.EasyInputMessageRoleUser)
	require.ErrorContains(t, collect(s.Continue(t.Context(), nil, message)).err, "RunItems")
	shot := responses.ResponseInputItemParamOfComputerCallOutput("click_1", responses.ResponseComputerToolCallOutputScreenshotParam{})
	require.Equal(t, session.EventDone, collect(s.Continue(t.Context(), nil, shot)).last(t).Type)
	require.ErrorIs(t, collect(s.Continue(t.Context(), nil, shot)).err, session.ErrNotPending)

	_, err := session.New(&b.client.Responses, b.set, ada, &session.Options{
		Params: responses.ResponseNewParams{Model: "gpt-5"}, State: &session.State{Owner: ada, Calls: []session.FunctionCall{{Name: "weather"}}},
	})
	require.ErrorContains(t, err, "function call without an ID")
}

func TestCallsThatOpenAIAnswersDoNotWait(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	hosted := `{"id":"sh_#","type":"shell_call","call_id":"sh_#","status":"completed","action":{"commands":["ls"]}},{"id":"so_#","type":"shell_call_output","call_id":"sh_#","output":[]}`
	search := `{"id":"ts_#","type":"tool_search_call","call_id":null,"execution":"server","arguments":{}}`
	later := `{"id":"fc_#","type":"function_call","call_id":"call_later","async":true,"name":"report","arguments":"{}"}`
	m := &model{replies: []string{hosted + "," + search + "," + later + "," + says}}
	assert.Equal(t, session.EventDone, collect(b.session(t, m.playing(session.Options{})).Run(t.Context(), "x")).last(t).Type)
}

func TestFailureInAnEventHasASentenceForTheUser(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes", "tasks")
	_, err := b.store.Disconnect(t.Context(), b.key("tasks"))
	require.NoError(t, err)
	skipped := collect(b.session(t, session.Options{}).Run(t.Context(), "x")).of(session.EventSkipped)
	require.Len(t, skipped, 1)
	var said struct {
		Message string `json:"message"`
	}
	require.NoError(t, json.Unmarshal(must(t, skipped[0]), &said))
	assert.Equal(t, "tasks is not connected: connect your account and try again.", said.Message)
}
