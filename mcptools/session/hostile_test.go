package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// answering puts a server in the place of the lab's Responses endpoint, which
// answers with that body to each request, and returns how many there were.
func (b *backend) answering(t *testing.T, body string) *atomic.Int32 {
	t.Helper()
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // else closing the connection may reset it before the answer is read
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(body, "data: ") {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	b.client = openai.NewClient(option.WithBaseURL(srv.URL), option.WithAPIKey("k"), option.WithHTTPClient(hc))
	return &asked
}

// events writes a stream.
func events(all ...string) string {
	var b strings.Builder
	for _, e := range all {
		b.WriteString("data: " + e + "\n\n")
	}
	return b.String()
}

// twoAtOnce is a model that wants to make two calls at the same time.
func twoAtOnce() *lab.Options {
	write := func(label string) lab.Call {
		return lab.Call{ServerLabel: label, Tool: "write", Arguments: json.RawMessage(`{"text":"` + label + `"}`)}
	}
	steps := []lab.Step{{Calls: []lab.Call{write("notes"), write("tasks")}}, {Say: "{{all}}"}}
	return &lab.Options{Script: &lab.Script{Turns: []lab.Turn{{Steps: steps}}}}
}

func TestTwoApprovalsAtOnceAreAnsweredOneByOne(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		for _, replay := range []bool{false, true} {
			b := newBackend(t, twoAtOnce(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
			s := b.session(t, session.Options{Stream: stream, Replay: replay})
			waiting := collect(s.Run(t.Context(), "write")).last(t)
			require.Len(t, waiting.Pending, 2)
			second := map[string]session.Answer{waiting.Pending[1].ID: {Decision: session.DecisionApprove}}
			half := collect(s.Continue(t.Context(), second))
			assert.Len(t, half.of(session.EventApproved), 1)
			assert.Equal(t, session.EventWaiting, half.last(t).Type)
			require.Len(t, half.last(t).Pending, 2)
			assert.Equal(t, session.DecisionApprove, half.last(t).Pending[1].Answer.Decision, "it is kept")
			assert.Equal(t, 1, b.requests(), "nothing is sent before all are answered")

			// Another session resumes it.
			state := s.State()
			s = b.session(t, session.Options{Stream: stream, Replay: replay, State: &state})
			whole := collect(s.Continue(t.Context(), map[string]session.Answer{waiting.Pending[0].ID: {Decision: session.DecisionDeny}}))
			assert.Empty(t, whole.of(session.EventApproved), "reported before")
			assert.Len(t, whole.of(session.EventDenied), 1)
			assert.Equal(t, session.EventDone, whole.last(t).Type)
			assert.Zero(t, b.Count("notes", "tools/call"))
			assert.Equal(t, 1, b.Count("tasks", "tools/call"))
		}
	})
}

func TestDecisionIsKeptIfTheNextOneFails(t *testing.T) {
	t.Parallel()
	b := newBackend(t, twoAtOnce(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
	gone := errors.New("the user has gone")
	s := b.session(t, session.Options{Approve: func(_ context.Context, a session.ApprovalRequest) (session.Answer, error) {
		if a.Label == "tasks" {
			return session.Answer{}, gone
		}
		return session.Answer{Decision: session.DecisionApprove}, nil
	}})
	require.ErrorIs(t, collect(s.Run(t.Context(), "write")).err, gone)
	pending := s.State().Pending
	require.Len(t, pending, 2)
	assert.Equal(t, session.DecisionApprove, pending[0].Answer.Decision)
	assert.Equal(t, session.DecisionDefer, pending[1].Answer.Decision)
	require.NoError(t, collect(s.Continue(t.Context(), map[string]session.Answer{pending[1].ID: {Decision: session.DecisionApprove}})).err)
	assert.Equal(t, 1, b.Count("notes", "tools/call"))
}

func TestLatestAnswerAboutACallCounts(t *testing.T) {
	t.Parallel()
	b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
	s := b.session(t, session.Options{})
	waiting := collect(s.Run(t.Context(), "write")).last(t)
	id := waiting.Pending[0].ID
	require.NoError(t, b.Fault("openai:503*1"))
	require.Error(t, collect(s.Continue(t.Context(), map[string]session.Answer{id: {Decision: session.DecisionApprove}})).err)
	r := collect(s.Continue(t.Context(), map[string]session.Answer{id: {Decision: session.DecisionDeny}}))
	require.NoError(t, r.err)
	assert.Len(t, r.of(session.EventDenied), 1)
	assert.Zero(t, b.Count("notes", "tools/call"))
}

func TestInvalidDecisionIsAnError(t *testing.T) {
	t.Parallel()
	b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
	odd := session.Answer{Decision: "approved"}
	s := b.session(t, session.Options{Approve: func(context.Context, session.ApprovalRequest) (session.Answer, error) { return odd, nil }})
	r := collect(s.Run(t.Context(), "write"))
	require.ErrorContains(t, r.err, `"approved" is not a decision`)
	assert.Empty(t, r.of(session.EventApproved))
	id := s.State().Pending[0].ID
	r = collect(s.Continue(t.Context(), map[string]session.Answer{id: odd}))
	require.ErrorContains(t, r.err, `"approved" is not a decision`)
	assert.Empty(t, r.events)

	st := s.State()
	st.Pending[0].Answer = odd
	_, err := session.New(&b.client.Responses, b.set, ada, &session.Options{Params: responses.ResponseNewParams{Model: "gpt-5"}, State: &st})
	require.ErrorContains(t, err, `"approved" is not a decision`)
	assert.Equal(t, session.DecisionDefer, s.State().Pending[0].Answer.Decision, "a state is the caller's own")
	assert.Equal(t, 1, b.requests())
}

func TestStateThatDoesNotMatchReplayIsRefused(t *testing.T) {
	t.Parallel()
	var st session.State
	require.ErrorContains(t, json.Unmarshal([]byte(`{"version":3,"items":[]}`), &st), "version 3")
	require.Error(t, json.Unmarshal([]byte(`{"pending":{}}`), &st))
	require.Error(t, json.Unmarshal([]byte(`[]`), &st))
	require.NoError(t, json.Unmarshal([]byte(`{"previous_response_id":"resp_1","unknown":1}`), &st), "from before there were versions")
	assert.Equal(t, session.State{PreviousResponseID: "resp_1"}, st)
	raw, err := json.Marshal(st)
	require.NoError(t, err)
	assert.JSONEq(t, `{"version":2,"previous_response_id":"resp_1"}`, string(raw))

	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	for want, o := range map[string]session.Options{
		"only a response ID": {Replay: true, State: &session.State{Owner: ada, PreviousResponseID: "resp_1"}},
		"only Replay sends":  {State: &session.State{Owner: ada, Items: []json.RawMessage{[]byte(`{}`)}}},
		"without an ID":      {State: &session.State{Owner: ada, Pending: []session.ApprovalRequest{{Label: "notes"}}}},
	} {
		o.Params.Model = "gpt-5"
		_, err := session.New(&b.client.Responses, b.set, ada, &o)
		require.ErrorContains(t, err, want)
	}
}

func TestConversationIsReplayedIfStoreIsFalse(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	s := b.session(t, session.Options{Params: responses.ResponseNewParams{Store: openai.Bool(false)}})
	for range 2 {
		require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "x")).last(t).Type)
	}
	assert.NotContains(t, b.body(t, 1), "previous_response_id")
	assert.Greater(t, len(b.body(t, 1)["input"].([]any)), 2)
}

func TestIncompleteAnswerHasAReason(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
		require.NoError(t, b.Fault("openai:incomplete*1"))
		s := b.session(t, session.Options{Stream: stream})
		done := collect(s.Run(t.Context(), "x")).last(t)
		assert.Equal(t, session.EventDone, done.Type)
		assert.Equal(t, "max_output_tokens", done.Incomplete())
		assert.JSONEq(t, `{"event":"done","text":"","skipped":[],"incomplete":"max_output_tokens"}`, string(must(t, done)))
		done = collect(s.Run(t.Context(), "go on")).last(t)
		assert.Empty(t, done.Incomplete())
	})
}

func TestRefusalOfTheModelIsText(t *testing.T) {
	t.Parallel()
	item := `{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"refusal","refusal":"I can't."}]}`
	reasoning := `{"id":"rs_1","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"secret thoughts"}]}`
	whole := `{"id":"resp_1","object":"response","status":"completed","output":[` + reasoning + `,` + item + `]}`
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
		if stream {
			b.answering(t, events(
				`{"type":"response.refusal.delta","delta":"I "}`, `{"type":"response.refusal.delta","delta":"can't."}`,
				`{"type":"response.completed","response":`+whole+`}`))
		} else {
			b.answering(t, whole)
		}
		done := collect(b.session(t, session.Options{Stream: stream}).Run(t.Context(), "x")).last(t)
		assert.Equal(t, "I can't.", done.Text)
	})
}

func TestUnfinishedResponseIsNotAnAnswer(t *testing.T) {
	t.Parallel()
	for body, stream := range map[string]bool{
		`{}`:                                false,
		`null`:                              false,
		`[]`:                                false,
		`{"id":"resp_1","status":"failed"}`: false,
		`{"id":"resp_1","status":"failed","error":null,"output":[]}`: false,
		`{"id":"resp_1","status":"cancelled","output":[]}`:           false,
		`{"id":"resp_1","status":"in_progress","output":[]}`:         false,
		`{"id":"resp_1","status":"queued","output":[]}`:              false,
		`<html>`:                false,
		`data: [DONE]` + "\n\n": true,
		events(`{"type":"response.created","response":{}}`):                              true,
		events(`{"type":"response.failed"}`):                                             true,
		events(`{"type":"response.completed"}`):                                          true,
		events(`{"type":"response.output_item.done"}`, `{`):                              true,
		events(`{"type":"error"}`):                                                       true,
		events(`{"type":"error","error":null}`):                                          true,
		events(`{"type":"something.new","item":{"type":"new"}}`, `{"type":7}`):           true,
		events(`{"type":"response.output_text.delta","delta":"so far"}`) + "data: {\"ty": true,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
			asked := b.answering(t, body)
			s := b.session(t, session.Options{Stream: stream, OnFailure: session.OnFailureSkip})
			r := collect(s.Run(t.Context(), "x"))
			require.Error(t, r.err)
			assert.Empty(t, r.of(session.EventDone))
			assert.EqualValues(t, 1, asked.Load())
			assert.Equal(t, session.State{Owner: ada}, s.State())
		})
	}
}

// OpenAI may report a failed tool list after the model has started, such as that
// of a server that a tool search found.
func TestRequestIsNotRepeatedAfterTheModelHasStarted(t *testing.T) {
	t.Parallel()
	const failed = `"code":"http_error","message":"Error retrieving tool list from MCP server: 'notes'. Http status code: 503"`
	late := `{"type":"error",` + failed + `}`
	call := `{"id":"mcp_1","type":"mcp_call","server_label":"notes","name":"search","arguments":"{}"}`
	message := `{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"so far"}]}`
	list := `{"id":"mcpl_1","type":"mcp_list_tools","server_label":"notes","tools":[]}`
	for name, tt := range map[string]struct {
		body  string
		asked int32
	}{
		"a call has started":          {events(`{"type":"response.output_item.added","item":`+call+`}`, late), 1},
		"a call has completed":        {events(`{"type":"response.output_item.done","item":`+call+`}`, late), 1},
		"code has run":                {events(`{"type":"response.output_item.added","item":{"id":"ci_1","type":"code_interpreter_call"}}`, late), 1},
		"code has run, in one piece":  {`{"id":"resp_1","status":"failed","error":{` + failed + `},"output":[{"id":"ci_1","type":"code_interpreter_call"}]}`, 1},
		"a search for tools":          {events(`{"type":"response.output_item.done","item":{"id":"ts_1","type":"tool_search_call"}}`, late), 2},
		"a text has started":          {events(`{"type":"response.output_text.delta","delta":"so far"}`, late), 1},
		"a refusal has started":       {events(`{"type":"response.refusal.delta","delta":"no"}`, late), 1},
		"nothing but a list":          {events(`{"type":"response.output_item.added","item":`+list+`}`, late), 2},
		"a call in one piece":         {`{"id":"resp_1","status":"failed","error":{` + failed + `},"output":[` + call + `]}`, 1},
		"a text in one piece":         {`{"id":"resp_1","status":"failed","error":{` + failed + `},"output":[` + message + `]}`, 1},
		"nothing in one piece at all": {`{"id":"resp_1","status":"failed","error":{` + failed + `},"output":[]}`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
			asked := b.answering(t, tt.body)
			r := collect(b.session(t, session.Options{Stream: strings.HasPrefix(tt.body, "data"), MaxWait: time.Second}).Run(t.Context(), "x"))
			require.Error(t, r.err)
			assert.Equal(t, tt.asked, asked.Load())
		})
	}
}

func TestHugeEventIsDeliveredOrRefused(t *testing.T) {
	t.Parallel()
	end := `{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}`
	delta := func(n int) string {
		return `{"type":"response.output_text.delta","delta":"` + strings.Repeat("x", n) + `"}`
	}
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	b.answering(t, events(delta(4<<20), end))
	done := collect(b.session(t, session.Options{Stream: true}).Run(t.Context(), "x")).last(t)
	assert.Len(t, done.Text, 4<<20)

	asked := b.answering(t, events(delta(33<<20), end)) // more than openai-go reads
	require.Error(t, collect(b.session(t, session.Options{Stream: true}).Run(t.Context(), "x")).err)
	assert.EqualValues(t, 1, asked.Load())
}

// A consumer may break off at any event; range-over-func panics if it is called
// again after that.
func TestConsumerCanBreakOffAtEachEvent(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		for after := 1; ; after++ {
			b := newBackend(t, twoAtOnce(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
			s := b.session(t, session.Options{Stream: stream, Rules: []session.Rule{{Answer: session.Answer{Decision: session.DecisionApprove}}}})
			n, whole := 0, true
			for _, err := range s.Run(t.Context(), "write") {
				require.NoError(t, err)
				if n++; n == after {
					whole = false
					break
				}
			}
			if whole {
				assert.Greater(t, after, 8)
				return
			}
			next := s.Run(t.Context(), "again")
			if len(s.State().Pending) > 0 {
				require.ErrorIs(t, collect(next).err, session.ErrPending)
				next = s.Continue(t.Context(), nil)
			}
			require.Equal(t, session.EventDone, collect(next).last(t).Type, "after %d events", after)
		}
	})
}

func TestAConsumerThatPanicsLeavesTheSessionUsable(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
		s := b.session(t, session.Options{Stream: stream})
		assert.Panics(t, func() {
			for range s.Run(t.Context(), "x") {
				panic("the consumer's")
			}
		})
		require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "x")).last(t).Type)
	})
}

func TestASessionIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	s := b.session(t, session.Options{Stream: true})
	var done, busy atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for e, err := range s.Run(t.Context(), strconv.Itoa(i)) {
				_ = s.State()
				switch {
				case errors.Is(err, session.ErrBusy):
					busy.Add(1)
				case err == nil && e.Type == session.EventDone:
					done.Add(1)
				default:
					assert.NoError(t, err)
				}
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 16, done.Load()+busy.Load())
	assert.Positive(t, done.Load())
	assert.EqualValues(t, done.Load(), b.requests())
}

func TestLaterChangesOfOptionsHaveNoEffect(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	each := map[string]mcptools.BuildOptions{}
	o := session.Options{
		Params: responses.ResponseNewParams{Model: "gpt-5"}, Build: mcptools.SetBuildOptions{Each: each},
		Rules: []session.Rule{{Answer: session.Answer{Decision: session.DecisionDeny}}},
	}
	s, err := session.New(&b.client.Responses, b.set, ada, &o)
	require.NoError(t, err)
	each["nowhere"] = mcptools.BuildOptions{}
	o.Rules[0].Answer.Decision = "odd"
	require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "x")).last(t).Type)
	assert.Len(t, each, 1, "nor is it changed")
}

func TestAStateIsResumedForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
	first := b.session(t, session.Options{})
	require.Equal(t, session.EventWaiting, collect(first.Run(t.Context(), "write")).last(t).Type)
	st := first.State()
	assert.Equal(t, ada, st.Owner)
	raw, err := json.Marshal(st)
	require.NoError(t, err)
	var stored session.State
	require.NoError(t, json.Unmarshal(raw, &stored))
	assert.Equal(t, st, stored)
	var old session.State
	require.NoError(t, json.Unmarshal([]byte(`{"version":1,"previous_response_id":"resp_1"}`), &old))
	var half session.State
	require.NoError(t, json.Unmarshal([]byte(`{"version":2,"subject":"ada","previous_response_id":"resp_1"}`), &half))

	asked := b.requests()
	eve, neighbour := oauthstore.Owner{Tenant: "acme", Subject: "eve"}, oauthstore.Owner{Tenant: "other", Subject: "ada"}
	for _, tt := range []struct {
		owner oauthstore.Owner
		state session.State
		want  error
	}{
		{ada, stored, nil},
		{ada, session.State{}, nil},
		{ada, session.State{Owner: ada}, nil},
		{eve, stored, session.ErrWrongOwner},
		{neighbour, stored, session.ErrWrongOwner},
		{eve, session.State{Owner: ada}, session.ErrWrongOwner},
		{ada, old, session.ErrWrongOwner},
		{ada, half, session.ErrWrongOwner},
		{ada, session.State{Items: []json.RawMessage{[]byte(`{}`)}}, session.ErrWrongOwner},
		{ada, session.State{Pending: st.Pending}, session.ErrWrongOwner},
	} {
		_, err := session.New(&b.client.Responses, b.set, tt.owner, &session.Options{Params: responses.ResponseNewParams{Model: "gpt-5"}, State: &tt.state})
		require.ErrorIs(t, err, tt.want, "%v %v", tt.owner, tt.state.Owner)
	}
	assert.Equal(t, asked, b.requests())
}

func TestNonHTTPAnswerIsNotQuoted(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := http.NewResponseController(w).Hijack()
			if !assert.NoError(t, err) {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 canary-of-the-server\r\n\r\n")
			_ = conn.Close()
		}))
		t.Cleanup(srv.Close)
		hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		b.client = openai.NewClient(option.WithBaseURL(srv.URL+"/?canary-of-the-query"), option.WithAPIKey("k"), option.WithHTTPClient(hc), option.WithMaxRetries(0))
		got := collect(b.session(t, session.Options{Stream: stream}).Run(t.Context(), "What is new?"))
		require.Error(t, got.err)
		assert.NotContains(t, got.err.Error(), "canary")
	})
}

func TestAnAnswerDecidesOneCall(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes")
	asked := b.answering(t, `{"id":"resp_1","object":"response","status":"completed","output":[`+
		`{"type":"mcp_approval_request","id":"ask_1","server_label":"notes","name":"write","arguments":"{}"}]}`)
	s := b.session(t, session.Options{})
	require.Equal(t, session.EventWaiting, collect(s.Run(t.Context(), "write")).last(t).Type)
	r := collect(s.Continue(t.Context(), map[string]session.Answer{"ask_1": {Decision: session.DecisionApprove}}))
	assert.Equal(t, session.EventWaiting, r.last(t).Type)
	assert.Len(t, r.of(session.EventApproved), 1)
	assert.Equal(t, session.DecisionDefer, s.State().Pending[0].Answer.Decision, "a later call with that ID waits")
	assert.EqualValues(t, 2, asked.Load())
}
