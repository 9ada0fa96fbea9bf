package session_test

import (
	"context"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

// A handler leaves its loop after the client disconnected, which cancels the
// context of the request.
func TestConsumerCanLeaveAfterItsContextEnded(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		for after := 1; ; after++ {
			b := newBackend(t, twoAtOnce(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
			s := b.session(t, session.Options{Stream: stream, Rules: []session.Rule{{Answer: session.Answer{Decision: session.DecisionApprove}}}})
			ctx, cancel := context.WithCancel(t.Context())
			n, whole := 0, true
			require.NotPanics(t, func() {
				for range s.Run(ctx, "write") {
					if n++; n == after {
						whole = false
						cancel()
						break
					}
				}
			})
			cancel()
			if whole {
				assert.Greater(t, after, 8)
				return
			}
		}
	})
}

func TestTextOfAnEventIsOneMessage(t *testing.T) {
	t.Parallel()
	first := `{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"{\"step\":1}"}]}`
	second := `{"id":"msg_2","type":"message","role":"assistant","content":[{"type":"output_text","text":"{\"step\":"},{"type":"output_text","text":"2}"}]}`
	end := `{"id":"resp_1","object":"response","status":"completed","output":[` + first + `,` + second + `]}`
	added := func(id string) string {
		return `{"type":"response.output_item.added","item":{"id":"` + id + `","type":"message","role":"assistant","content":[]}}`
	}
	streamed := events(added("msg_1"), `{"type":"response.output_text.delta","item_id":"msg_1","delta":"{\"step\":1}"}`, added("msg_2"),
		`{"type":"response.output_text.delta","item_id":"msg_2","delta":"{\"step\":"}`, `{"type":"response.output_text.delta","item_id":"msg_2","delta":"2}"}`,
		`{"type":"response.completed","response":`+end+`}`)
	for name, body := range map[string]string{"whole": end, "streamed": streamed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
			b.answering(t, body)
			r := collect(b.session(t, session.Options{Stream: name == "streamed"}).Run(t.Context(), "x"))
			assert.Equal(t, `{"step":2}`, r.last(t).Text, "valid JSON with structured output")
			var live strings.Builder
			for _, e := range r.of(session.EventText) {
				live.WriteString(e.Text)
			}
			assert.Equal(t, "{\"step\":1}\n\n{\"step\":2}", live.String())
		})
	}
}

func TestWaitingHasAResponseAfterAPartialContinue(t *testing.T) {
	t.Parallel()
	b := newBackend(t, twoAtOnce(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
	s := b.session(t, session.Options{})
	waiting := collect(s.Run(t.Context(), "write")).last(t)
	half := collect(s.Continue(t.Context(), nil)).last(t)
	assert.Equal(t, session.EventWaiting, half.Type)
	require.NotNil(t, half.Response)
	assert.Equal(t, waiting.Response.ID, half.Response.ID)
	assert.Equal(t, waiting.Response.Status, half.Response.Status)

	st := s.State()
	half = collect(b.session(t, session.Options{State: &st}).Continue(t.Context(), nil)).last(t)
	require.NotNil(t, half.Response, "in another process, only its ID is known")
	assert.Equal(t, waiting.Response.ID, half.Response.ID)
	assert.Empty(t, half.Incomplete())
}

func TestLabelOfTheSetIsRefusedInParams(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	own := responses.ToolParamOfMcp
	for name, tt := range map[string]struct {
		tools []responses.ToolUnionParam
		want  string
	}{
		"the set's":       {[]responses.ToolUnionParam{own("notes")}, `"notes"`},
		"in another case": {[]responses.ToolUnionParam{own("Notes")}, `"Notes"`},
		"twice":           {[]responses.ToolUnionParam{own("wiki"), own("wiki")}, `"wiki"`},
		"another":         {[]responses.ToolUnionParam{own("wiki")}, ""},
		"a function":      {[]responses.ToolUnionParam{responses.ToolParamOfFunction("notes", map[string]any{"type": "object"}, true)}, ""},
	} {
		_, err := session.New(&b.client.Responses, b.set, ada, &session.Options{Params: responses.ResponseNewParams{Model: "gpt-5", Tools: tt.tools}})
		if tt.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, tt.want, name)
		require.ErrorContains(t, err, "label", name)
	}
}

func TestConversationOfOpenAIIsNotKeptTwice(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	b.answering(t, `{"id":"resp_1","object":"response","status":"completed","output":[{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"hello"}]}]}`)
	p := responses.ResponseNewParams{
		Store:        openai.Bool(false),
		Conversation: responses.ResponseNewParamsConversationUnion{OfString: openai.String("conv_1")},
	}
	s := b.session(t, session.Options{Params: p})
	for range 3 {
		require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "x")).last(t).Type)
	}
	assert.Empty(t, s.State().Items)
	p.Model = "gpt-5"
	_, err := session.New(&b.client.Responses, b.set, ada, &session.Options{Params: p, Replay: true})
	require.ErrorContains(t, err, "Conversation")
}

// A response that asks twice under one ID would get one answer for two calls, and
// without an ID none at all.
func TestApprovalsWithoutAnIDOfTheirOwnAreNotAsked(t *testing.T) {
	t.Parallel()
	ask := func(id, tool string) string {
		return `{"id":"` + id + `","type":"mcp_approval_request","server_label":"notes","name":"` + tool + `","arguments":"{}"}`
	}
	for name, items := range map[string]string{"none": ask("", "write"), "twice": ask("mcpr_1", "search") + "," + ask("mcpr_1", "write")} {
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes")
		b.answering(t, `{"id":"resp_1","object":"response","status":"completed","output":[`+items+`]}`)
		s := b.session(t, session.Options{})
		r := collect(s.Run(t.Context(), "x"))
		require.Error(t, r.err, name)
		assert.Empty(t, r.of(session.EventAsking), name)
		assert.Equal(t, session.State{Owner: ada}, s.State(), name)
	}
}
