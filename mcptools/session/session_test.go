package session_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
)

func TestASessionListsCallsAndAnswers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes", "tasks")
		s := b.session(t, session.Options{Stream: stream})
		r := collect(s.Run(t.Context(), "what is there?"))

		done := r.last(t)
		assert.Equal(t, session.EventDone, done.Type)
		assert.Contains(t, done.Text, "2 notes of ada")
		assert.Contains(t, done.Text, "2 tasks of ada")
		assert.Equal(t, responses.ResponseStatusCompleted, done.Response.Status)
		assert.Empty(t, done.Skipped)
		listed := r.of(session.EventListed)
		require.Len(t, listed, 2)
		assert.Equal(t, "notes", listed[0].Label)
		assert.Equal(t, "notes", listed[0].Provider)
		assert.Equal(t, 6, listed[0].Tools)
		called := r.of(session.EventCalled)
		require.Len(t, called, 2)
		assert.Equal(t, "search", called[1].Tool)
		assert.JSONEq(t, `{"query":"what is there?"}`, called[1].Arguments)
		var text strings.Builder
		for _, e := range r.of(session.EventText) {
			text.WriteString(e.Text)
		}
		assert.Equal(t, done.Text, text.String())
		if stream {
			assert.Len(t, r.of(session.EventListing), 2)
			assert.Len(t, r.of(session.EventCalling), 2)
		}
		assert.Equal(t, 1, b.requests())

		raw, err := json.Marshal(done)
		require.NoError(t, err)
		assert.JSONEq(t, `{"event":"done","text":`+string(must(t, done.Text))+`,"skipped":[]}`, string(raw))
	})
}

func must(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}

func TestA401AtTheListHealsWithOneRefreshAndOneRetry(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		for _, fault := range []string{"", "openai:list_in_stream"} {
			b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes", "tasks")
			b.warm(t)
			b.Expire()
			b.connect(t, "tasks")
			if fault != "" {
				require.NoError(t, b.Fault(fault))
			}
			r := collect(b.session(t, session.Options{Stream: stream}).Run(t.Context(), "x"))

			assert.Equal(t, session.EventDone, r.last(t).Type)
			retries := r.of(session.EventRetrying)
			require.Len(t, retries, 1)
			assert.Equal(t, "notes", retries[0].Label)
			assert.Equal(t, mcptools.KindUnauthorized, retries[0].Failure.Kind)
			assert.Equal(t, 1, b.Count("auth", "refresh_token"))
			assert.Equal(t, 2, b.requests())
			assert.Empty(t, r.last(t).Skipped)
		}
	})
}

func TestTokenThatIsRefusedTwiceEndsTheTurn(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever, InsecureSkipProbe: true}, "notes")
		require.NoError(t, b.Fault("notes:401"))
		r := collect(b.session(t, session.Options{Stream: stream}).Run(t.Context(), "x"))

		f := r.failure(t)
		assert.Equal(t, mcptools.KindReauthorize, f.Kind)
		assert.Equal(t, mcptools.ActionReconnect, f.Action)
		assert.Equal(t, http.StatusConflict, f.HTTPStatus())
		assert.Equal(t, "notes", f.Provider)
		assert.Equal(t, 2, b.requests())
		assert.Equal(t, 1, b.Count("auth", "refresh_token"))
	})
}

func TestTokenThatTheStoreCannotReplaceIsNotRetried(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	b.warm(t)
	b.Revoke("ada")
	r := collect(b.session(t, session.Options{}).Run(t.Context(), "x"))
	assert.Equal(t, mcptools.KindReauthorize, r.failure(t).Kind)
	assert.Equal(t, 1, b.requests(), "there was nothing new to try")
}

func TestTokenThatTheServerAcceptsFromHereIsNotSentAgain(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	b.warm(t)
	require.NoError(t, b.Fault("notes:401"))
	openAIOnly := option.WithMiddleware(func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		defer b.Clear() // before anybody else asks the server
		return next(req)
	})
	r := collect(b.session(t, session.Options{RequestOptions: []option.RequestOption{openAIOnly}}).Run(t.Context(), "x"))
	f := r.failure(t)
	assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
	assert.Equal(t, 1, b.requests())
	assert.Zero(t, b.Count("auth", "refresh_token"), "the token is not the cause")
}

func TestOneOfFiveServersIsDownAndTheOthersAnswer(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "a", "b", "c", "d", "e")
		b.warm(t)
		require.NoError(t, b.Fault("c:503"))
		s := b.session(t, session.Options{Stream: stream, OnFailure: session.OnFailureSkip, MaxWait: time.Nanosecond})
		r := collect(s.Run(t.Context(), "x"))

		done := r.last(t)
		for _, name := range []string{"a", "b", "d", "e"} {
			assert.Contains(t, done.Text, "2 "+name+" of ada")
		}
		require.Len(t, done.Skipped, 1)
		assert.Equal(t, "c", done.Skipped[0].Label)
		assert.Equal(t, mcptools.KindServerError, done.Skipped[0].Failure.Kind)
		skipped := r.of(session.EventSkipped)
		require.Len(t, skipped, 1)
		assert.Equal(t, "c", skipped[0].Provider)
		raw := must(t, done)
		assert.Contains(t, string(raw), `"skipped":[{"provider":"c","label":"c","kind":"server_error","action":"wait"}]`)

		before := b.requests()
		r = collect(s.Run(t.Context(), "again"))
		assert.Len(t, r.last(t).Skipped, 1, "it is left out for a while, and each turn says so")
		assert.Equal(t, before+1, b.requests())
	})
}

func TestSkippedServerIsReportedOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks", "down")
		b.warm(t)
		require.NoError(t, b.Fault("down:404"))
		yes := []session.Rule{{Answer: session.Answer{Decision: session.DecisionApprove}}}
		r := collect(b.session(t, session.Options{Stream: stream, OnFailure: session.OnFailureSkip, Rules: yes}).Run(t.Context(), "write"))
		assert.Equal(t, session.EventDone, r.last(t).Type)
		assert.Equal(t, 4, b.requests(), "one was refused, and each approval took another")
		assert.Len(t, r.of(session.EventSkipped), 1)
		assert.Len(t, r.last(t).Skipped, 1)
	})
}

func TestTurnFailsByDefaultIfAServerFails(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "a", "b")
	b.warm(t)
	require.NoError(t, b.Fault("b:404"))
	s := b.session(t, session.Options{})
	r := collect(s.Run(t.Context(), "x"))
	assert.Equal(t, mcptools.KindNotFound, r.failure(t).Kind)
	assert.Equal(t, "b", r.failure(t).ServerLabel)
	assert.Equal(t, session.State{Owner: ada}, s.State(), "the conversation stands where it stood")
	assert.Equal(t, 1, b.requests())
}

func TestTransientFailureIsRetriedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault   string
		retries int
		kind    mcptools.Kind // "" where the second try succeeds
	}{
		{"openai:429*1", 1, ""},
		{"notes:503", 1, "server_error"},
		{"notes:504", 1, "timeout"},
		{"notes:429", 1, "rate_limited"},
		{"notes:down", 1, "upstream_unknown"},
		{"openai:429", 1, "platform"},
		{"openai:quota", 0, "platform"},
		{"notes:403", 0, "forbidden"},
		{"notes:400", 0, "bad_request"},
		{"notes:405", 0, "wrong_endpoint"},
		{"openai:401", 0, "platform"},
		{"openai:unsupported", 0, "unsupported"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
			b.warm(t)
			require.NoError(t, b.Fault(c.fault))
			r := collect(b.session(t, session.Options{}).Run(t.Context(), "x"))
			assert.Len(t, r.of(session.EventRetrying), c.retries)
			assert.Equal(t, 1+c.retries, b.requests())
			if c.kind == "" {
				assert.Equal(t, session.EventDone, r.last(t).Type)
			} else {
				assert.Equal(t, c.kind, r.failure(t).Kind)
			}
		})
	}
}

func TestServerThatWasDownBrieflyIsRetried(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
		b.warm(t)
		require.NoError(t, b.Fault("notes:503"))
		once := option.WithMiddleware(func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
			defer b.Clear()
			return next(req)
		})
		r := collect(b.session(t, session.Options{Stream: stream, RequestOptions: []option.RequestOption{once}}).Run(t.Context(), "x"))
		assert.Equal(t, session.EventDone, r.last(t).Type)
		require.Len(t, r.of(session.EventRetrying), 1)
		assert.Equal(t, mcptools.KindServerError, r.of(session.EventRetrying)[0].Failure.Kind)
		assert.Equal(t, 1, b.Count("notes", "tools/call"))
	})
}

func TestRequestIsNotRepeatedOnceAToolMayHaveRun(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]struct {
		stream bool
		kind   mcptools.Kind
	}{
		"openai:drop":              {},
		"openai:late_500":          {kind: mcptools.KindPlatform},
		"openai:500":               {kind: mcptools.KindPlatform},
		"openai:failed":            {kind: mcptools.KindPlatform},
		"openai:error_string":      {kind: mcptools.KindPlatform},
		"openai:stream_cut":        {stream: true, kind: mcptools.KindUnknown},
		"openai:stream_eof":        {stream: true, kind: mcptools.KindUnknown},
		"openai:stream_error":      {stream: true, kind: mcptools.KindPlatform},
		"openai:stream_flat_error": {stream: true, kind: mcptools.KindPlatform},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
			require.NoError(t, b.Fault(fault))
			s := b.session(t, session.Options{Stream: want.stream, OnFailure: session.OnFailureSkip})
			r := collect(s.Run(t.Context(), "x"))
			require.Error(t, r.err)
			if want.kind != "" {
				assert.Equal(t, want.kind, r.failure(t).Kind)
			}
			assert.Equal(t, 1, b.requests())
			assert.LessOrEqual(t, b.Count("notes", "tools/call"), 1)
			assert.Empty(t, r.of(session.EventRetrying))
			assert.Equal(t, session.State{Owner: ada}, s.State())
		})
	}
}

func TestAToolThatFailsIsSeenByTheModel(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		script := &lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{{Call: &lab.Call{ServerLabel: "notes", Tool: "fail"}}, {Say: "it said: {{last}}"}}}}}
		b := newBackend(t, &lab.Options{Script: script}, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
		r := collect(b.session(t, session.Options{Stream: stream}).Run(t.Context(), "x"))
		done := r.last(t)
		assert.Equal(t, session.EventDone, done.Type)
		failed := r.of(session.EventFailed)
		require.Len(t, failed, 1)
		assert.Equal(t, mcptools.KindToolFailed, failed[0].Failure.Kind)
		assert.Equal(t, "fail", failed[0].Tool)
		assert.Equal(t, 1, b.requests())
	})
}

func TestA401DuringACallIsReportedAndNotRepeated(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
		b.warm(t)
		require.NoError(t, b.Fault("notes:call_401*1"))
		s := b.session(t, session.Options{Stream: stream})
		probes := b.Count("notes", "tools/list")
		r := collect(s.Run(t.Context(), "x"))
		assert.Equal(t, session.EventDone, r.last(t).Type)
		failed := r.of(session.EventFailed)
		require.Len(t, failed, 1)
		assert.Equal(t, mcptools.KindUnauthorized, failed[0].Failure.Kind)
		assert.Equal(t, 1, b.requests())
		assert.Equal(t, 1, b.Count("notes", "tools/call"))

		probes = b.Count("notes", "tools/list") - probes
		collect(s.Run(t.Context(), "y"))
		assert.Greater(t, b.Count("notes", "tools/list"), probes+1, "the next turn asks the server about the token")
	})
}

func TestServerThatIsNotConnectedIsSkipped(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes", "tasks")
	_, err := b.store.Disconnect(t.Context(), b.key("tasks"))
	require.NoError(t, err)
	done := collect(b.session(t, session.Options{}).Run(t.Context(), "x")).last(t)
	require.Len(t, done.Skipped, 1)
	assert.Equal(t, mcptools.KindNotConnected, done.Skipped[0].Failure.Kind)
	assert.Contains(t, done.Text, "notes")

	b.connect(t, "tasks")
	done = collect(b.session(t, session.Options{}).Run(t.Context(), "x")).last(t)
	assert.Empty(t, done.Skipped)
}

func TestSeveralTurnsAreOneConversation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		for _, replay := range []bool{false, true} {
			b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
			s := b.session(t, session.Options{Stream: stream, Replay: replay, Params: responses.ResponseNewParams{
				Input: responses.ResponseNewParamsInputUnion{OfInputItemList: responses.ResponseInputParam{
					responses.ResponseInputItemParamOfMessage("be brief", responses.EasyInputMessageRoleDeveloper),
				}},
			}})
			for range 3 {
				require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "x")).last(t).Type)
			}
			assert.Equal(t, 3, b.requests())
			assert.Equal(t, 2, b.Count("notes", "tools/list"), "the probe's, and OpenAI's once: the list stays in the context")
			assert.Equal(t, 3, b.Count("notes", "tools/call"))
			first, third := b.body(t, 0), b.body(t, 2)
			assert.Len(t, third["tools"], 1, "entries are sent with each turn")
			assert.Len(t, first["input"], 2)
			if replay {
				assert.NotContains(t, third, "previous_response_id")
				assert.Equal(t, false, third["store"])
				assert.Equal(t, []any{"reasoning.encrypted_content"}, third["include"], "what was thought is in the conversation too")
				assert.Greater(t, len(third["input"].([]any)), 6)
				assert.Empty(t, s.State().PreviousResponseID)
			} else {
				assert.NotEmpty(t, third["previous_response_id"])
				assert.Len(t, third["input"], 1)
				assert.NotContains(t, third, "store")
			}
		}
	})
}

func TestToolsOfTheProgramFollowTheEntries(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	own := responses.ToolParamOfFunction("weather", map[string]any{"type": "object"}, true)
	s := b.session(t, session.Options{Params: responses.ResponseNewParams{Tools: []responses.ToolUnionParam{own}}})
	for i := range 2 {
		require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "x")).last(t).Type)
		tools := b.body(t, i)["tools"].([]any)
		require.Len(t, tools, 2)
		assert.Equal(t, "notes", tools[0].(map[string]any)["server_label"])
		assert.Equal(t, "weather", tools[1].(map[string]any)["name"])
	}
}

func TestThereIsOneTurnAtATime(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	s := b.session(t, session.Options{})
	for _, err := range s.Run(t.Context(), "x") {
		require.NoError(t, err)
		require.ErrorIs(t, collect(s.Run(t.Context(), "y")).err, session.ErrBusy)
		break
	}
	assert.NoError(t, collect(s.Run(t.Context(), "y")).err, "a consumer that breaks off ends the turn")
}

func TestCanceledContextLeavesNoGoroutine(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		script := &lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{{Call: &lab.Call{ServerLabel: "notes", Tool: "wait", Arguments: json.RawMessage(`{"milliseconds":60000}`)}}}}}}
		b := newBackend(t, &lab.Options{Script: script, CallTimeout: time.Minute}, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
		b.warm(t)
		ctx, cancel := context.WithCancel(t.Context())
		s := b.session(t, session.Options{Stream: stream})
		ended := make(chan result)
		go func() { ended <- collect(s.Run(ctx, "x")) }()
		require.Eventually(t, func() bool { return b.Count("notes", "tools/call") == 1 }, 10*time.Second, soon)
		cancel()
		r := <-ended
		assert.Equal(t, context.Canceled, r.err, "it is the context's own, and no failure of anybody's")
		assert.Equal(t, 1, b.requests())
	})
}

// isBusy puts an endpoint in the place of the lab's that wants to be asked again
// in an hour, and returns how often it was asked.
func (b *backend) isBusy(t *testing.T) *atomic.Int32 {
	t.Helper()
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"error":{"message":"Rate limit reached for requests.","type":"requests","param":null,"code":"rate_limit_exceeded"}}`))
	}))
	t.Cleanup(srv.Close)
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	b.client = openai.NewClient(option.WithBaseURL(srv.URL), option.WithAPIKey("k"), option.WithHTTPClient(hc))
	return &asked
}

func TestCanceledContextEndsTheWaitBeforeARetry(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	asked := b.isBusy(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := b.session(t, session.Options{MaxWait: 2 * time.Hour})
	ended := make(chan result)
	go func() { ended <- collect(s.Run(ctx, "x")) }()
	require.Eventually(t, func() bool { return asked.Load() == 1 }, 10*time.Second, soon)
	cancel()
	require.ErrorIs(t, (<-ended).err, context.Canceled)
	assert.EqualValues(t, 1, asked.Load())
}

func TestRetryAfterBeyondMaxWaitIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		busy := option.WithMiddleware(func(req *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
			asked++
			return refusal(req, http.StatusTooManyRequests, http.Header{"Retry-After": {"3600"}},
				`{"error":{"message":"Rate limit reached for requests.","type":"requests","param":null,"code":"rate_limit_exceeded"}}`), nil
		})
		_, s := inVirtualTime(t, session.Options{RequestOptions: []option.RequestOption{busy}}, "notes")
		began := time.Now()
		f := collect(s.Run(t.Context(), "x")).failure(t)
		assert.Zero(t, time.Since(began), "nothing is waited for")
		assert.Equal(t, time.Hour, f.RetryAfter)
		assert.Equal(t, 1, asked)
	})
}

// refusal is an answer of OpenAI's without a network.
func refusal(req *http.Request, status int, header http.Header, body string) *http.Response {
	header.Set("Content-Type", "application/json")
	return &http.Response{
		StatusCode: status, Header: header, Request: req, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func TestNewReportsEachFault(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	_, err := session.New(nil, nil, oauthstore.Owner{}, &session.Options{
		Params: responses.ResponseNewParams{PreviousResponseID: openai.String("resp_1"), Background: openai.Bool(true)},
		Rules:  []session.Rule{{}},
	})
	for _, want := range []string{"a client and a set", "owner", "needs a Model", "PreviousResponseID", "background", "rule 0"} {
		require.ErrorContains(t, err, want)
	}
	_, err = session.New(&b.client.Responses, b.set, ada, nil)
	require.ErrorContains(t, err, "needs a Model")
}

func TestASessionSendsNoTokensInClearText(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Platform: platform.OpenAI(), Approval: mcptools.ApprovalNever}, "notes")
		api, err := url.Parse(b.Info().OpenAIBaseURL)
		require.NoError(t, err)
		hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, api.Host)
		}}}
		b.client = openai.NewClient(option.WithBaseURL("http://litellm:4000/v1"), option.WithAPIKey(b.Info().OpenAIAPIKey), option.WithHTTPClient(hc))

		r := collect(b.session(t, session.Options{Stream: stream}).Run(t.Context(), "what is there?"))
		require.ErrorContains(t, r.err, "clear text")
		assert.Zero(t, b.requests())

		r = collect(b.session(t, session.Options{Stream: stream, Build: mcptools.SetBuildOptions{InsecurePlainHTTP: true}}).Run(t.Context(), "what is there?"))
		require.NoError(t, r.err)
		assert.Equal(t, 1, b.requests())
	})
}
