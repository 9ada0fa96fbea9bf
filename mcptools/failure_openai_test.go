package mcptools_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/fixtures"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// ask sends a request to a server that answers with that, and returns
// openai-go's error.
func ask(t *testing.T, status int, header http.Header, body string, tools ...responses.ToolUnionParam) error {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer srv.Close()
	client := openai.NewClient(option.WithBaseURL(srv.URL), option.WithAPIKey("sk-canary-of-the-application"), option.WithMaxRetries(0))
	_, err := client.Responses.New(t.Context(), responses.ResponseNewParams{Model: "gpt-5", Tools: tools})
	require.Error(t, err)
	return err
}

func mcpTool(label, url, token string) responses.ToolUnionParam {
	return responses.ToolUnionParam{OfMcp: &responses.ToolMcpParam{ServerLabel: label, ServerURL: openai.String(url), Authorization: openai.String(token)}}
}

func recorded(t *testing.T, name string) (status int, body string) {
	t.Helper()
	res := fixtures.Response(name)
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode, string(raw)
}

func TestErrorOfOpenAIGoBecomesAFailure(t *testing.T) {
	t.Parallel()
	status, body := recorded(t, "424-unauthorized")
	err := ask(t, status, http.Header{"X-Request-Id": {"req_1"}, "Retry-After": {"2"}}, body, mcpTool("other", "https://o.example", "o"), mcpTool("Asana", "https://mcp.asana.com/sse", "t"))
	require.NotContains(t, err.Error(), "401", "openai-go's text does not name the cause, which is the reason for AsFailure")

	f, ok := mcptools.AsFailure(fmt.Errorf("asking: %w", err))
	require.True(t, ok)
	assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
	assert.Equal(t, mcptools.StageListTools, f.Stage)
	assert.Equal(t, "Asana", f.ServerLabel)
	assert.Equal(t, 401, f.UpstreamStatus)
	assert.Equal(t, mcptools.ActionRefresh, f.Action)
	assert.Equal(t, "req_1", f.RequestID)
	assert.Equal(t, 2*time.Second, f.RetryAfter)
	assert.Equal(t, "2", f.RetryAfterHeader())
	assert.False(t, f.Retryable)
	assert.Equal(t, http.StatusServiceUnavailable, f.HTTPStatus())
	assert.Equal(t, "mcptools: unauthorized: Asana: the tool list could not be retrieved: the MCP server answered 401 Unauthorized", f.Error())
	assert.Contains(t, f.Upstream(), "Error retrieving tool list")

	var apiErr *openai.Error
	require.ErrorAs(t, error(f), &apiErr)
	assert.Equal(t, 424, apiErr.StatusCode)
	require.ErrorIs(t, f, mcptools.KindUnauthorized)

	again, ok := mcptools.AsFailure(fmt.Errorf("once more: %w", f))
	require.True(t, ok)
	assert.Same(t, f, again)
}

func TestSecondRecordingIsARefusedEntry(t *testing.T) {
	t.Parallel()
	status, body := recorded(t, "400-authorization-twice")
	f, ok := mcptools.AsFailure(ask(t, status, nil, body))
	require.True(t, ok)
	assert.Equal(t, mcptools.KindInvalidTool, f.Kind)
	assert.Equal(t, mcptools.StageRequest, f.Stage)
	assert.Equal(t, http.StatusInternalServerError, f.HTTPStatus())
}

func TestToolIndexNamesTheEntry(t *testing.T) {
	t.Parallel()
	body := `{"error":{"message":"Invalid type for 'tools[1].require_approval'.","type":"invalid_request_error","param":"tools[1].require_approval","code":"invalid_type"}}`
	function := responses.ToolUnionParam{OfFunction: &responses.FunctionToolParam{Name: "f"}}
	f, ok := mcptools.AsFailure(ask(t, 400, nil, body, function, mcpTool("a", "https://a.example", "t")))
	require.True(t, ok)
	assert.Equal(t, "a", f.ServerLabel)
	require.NotNil(t, f.ToolIndex)
	assert.Equal(t, 1, *f.ToolIndex)

	f, ok = mcptools.AsFailure(ask(t, 400, nil, body, mcpTool("a", "https://a.example", "t"), function))
	require.True(t, ok)
	assert.Empty(t, f.ServerLabel, "a function tool was refused")
}

func TestTheURLNamesTheEntry(t *testing.T) {
	t.Parallel()
	body := `{"error":{"code":"tool_user_error","message":"Failed to enumerate tools from remote server: https://b.example:443/mcp. Response status code does not indicate success: 401 (Unauthorized)."}}`
	f, ok := mcptools.AsFailure(ask(t, 400, nil, body, mcpTool("a", "https://a.example/mcp", "t"), mcpTool("b", "https://b.example/mcp/", "t")))
	require.True(t, ok)
	assert.Equal(t, "b", f.ServerLabel)
	assert.Equal(t, "https://b.example/mcp", f.ServerURL)

	f, ok = mcptools.AsFailure(ask(t, 400, nil, body, mcpTool("a", "https://a.example/mcp", "t")))
	require.True(t, ok)
	assert.Empty(t, f.ServerLabel, "it is another server than that of the one entry")
}

func TestBodiesThatOpenAIGoCannotParse(t *testing.T) {
	t.Parallel()
	const message = `Error retrieving tool list from MCP server: 'a'. Http status code: 503 (Service Unavailable)`
	for name, c := range map[string]struct {
		status int
		body   string
		kind   mcptools.Kind
	}{
		"a number as code":     {424, `{"error":{"message":"` + message + `","type":"external_connector_error","code":424}}`, mcptools.KindServerError},
		"without a wrapper":    {424, `{"message":"` + message + `","type":"external_connector_error"}`, mcptools.KindServerError},
		"FastAPI's detail":     {424, `{"detail":"` + message + `"}`, mcptools.KindServerError},
		"text":                 {424, message, mcptools.KindServerError},
		"error is null":        {424, `{"error":null,"message":"` + message + `"}`, mcptools.KindServerError},
		"message is an object": {424, `{"error":{"message":{"error":{"message":"` + message + `"}}}}`, mcptools.KindServerError},
		"a page":               {502, `<html>Bad Gateway</html>`, mcptools.KindPlatform},
		"nothing":              {401, ``, mcptools.KindUnknown},
		// openai-go loses the text and the status of these.
		"error is a string": {424, `{"error":"` + message + `"}`, mcptools.KindUnknown},
		"error is a list":   {424, `{"error":["` + message + `"]}`, mcptools.KindUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ask(t, c.status, nil, c.body)
			f, ok := mcptools.AsFailure(err)
			require.True(t, ok)
			assert.Equal(t, c.kind, f.Kind)
			require.ErrorIs(t, f, err)

			if apiErr, ok := errors.AsType[*openai.Error](err); ok {
				raw, err := io.ReadAll(apiErr.Response.Body)
				require.NoError(t, err)
				assert.Equal(t, c.body, string(raw), "the body is still there")
			}
		})
	}
}

func TestAsFailureIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	err := ask(t, 424, nil, `Error retrieving tool list from MCP server: 'a'. Http status code: 401`, mcpTool("a", "https://a.example", "t"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			f, ok := mcptools.AsFailure(err)
			assert.True(t, ok)
			assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
		})
	}
	wg.Wait()
}

func TestOtherErrorsAreNotFailures(t *testing.T) {
	t.Parallel()
	var number int
	for name, err := range map[string]error{
		"nil": nil, "context": context.DeadlineExceeded, "text": errors.New("Error retrieving tool list from MCP server: 'a'"),
		"JSON of the program": json.Unmarshal([]byte(`"x"`), &number),
	} {
		f, ok := mcptools.AsFailure(err)
		assert.False(t, ok, name)
		assert.Nil(t, f, name)
	}
}

// streamed returns what openai-go makes of a stream: its events, and its error.
func streamed(t *testing.T, sse string) (events []responses.ResponseStreamEventUnion, err error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, sse)
	}))
	defer srv.Close()
	client := openai.NewClient(option.WithBaseURL(srv.URL), option.WithAPIKey("k"), option.WithMaxRetries(0))
	stream := client.Responses.NewStreaming(t.Context(), responses.ResponseNewParams{Model: "gpt-5"})
	for stream.Next() {
		events = append(events, stream.Current())
	}
	return events, stream.Err()
}

func event(data string) string {
	var head struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal([]byte(data), &head)
	return "event: " + head.Type + "\ndata: " + data + "\n\n"
}

func TestStreamsFailInFourWays(t *testing.T) {
	t.Parallel()
	const message = `Error retrieving tool list from MCP server: 'a'. Http status code: 401 (Unauthorized)`
	created := event(`{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","output":[]}}`)

	t.Run("an error event with an object ends openai-go's stream", func(t *testing.T) {
		t.Parallel()
		_, err := streamed(t, created+event(`{"type":"error","sequence_number":1,"error":{"type":"external_connector_error","code":"http_error","message":"`+message+`","param":"tools"}}`))
		require.Error(t, err)
		f, ok := mcptools.AsFailure(fmt.Errorf("turn 3: %w", err))
		require.True(t, ok)
		assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
		assert.Equal(t, "a", f.ServerLabel)
		require.ErrorIs(t, f, err)
	})
	t.Run("OpenAI's own error is not retryable within a stream", func(t *testing.T) {
		t.Parallel()
		_, err := streamed(t, created+event(`{"type":"error","error":{"type":"server_error","code":null,"message":"Sorry","param":null}}`))
		f, ok := mcptools.AsFailure(err)
		require.True(t, ok)
		assert.Equal(t, mcptools.KindPlatform, f.Kind)
		assert.Equal(t, mcptools.StageStream, f.Stage)
		assert.False(t, f.Retryable)
	})
	t.Run("any event with an error key ends openai-go's stream", func(t *testing.T) {
		t.Parallel()
		_, err := streamed(t, created+event(`{"type":"response.in_progress","error":null}`))
		f, ok := mcptools.AsFailure(err)
		require.True(t, ok)
		assert.Equal(t, mcptools.KindUnknown, f.Kind)
		assert.Equal(t, mcptools.StageStream, f.Stage)
	})
	t.Run("a flat error event is an event", func(t *testing.T) {
		t.Parallel()
		events, err := streamed(t, created+event(`{"type":"error","code":"http_error","message":"`+message+`","param":"tools","sequence_number":1}`))
		require.NoError(t, err)
		require.Len(t, events, 2)
		_, ok := mcptools.FailureOfEvent(events[0])
		assert.False(t, ok)
		f, ok := mcptools.FailureOfEvent(events[1], mcptools.Entry{Label: "A"})
		require.True(t, ok)
		assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
		assert.Equal(t, "A", f.ServerLabel)
	})
	t.Run("a flat error event of an unknown kind ends the stream too", func(t *testing.T) {
		t.Parallel()
		events, err := streamed(t, created+event(`{"type":"error","code":"ERR_SOMETHING","message":"Something went wrong","param":null,"sequence_number":1}`))
		require.NoError(t, err)
		f, ok := mcptools.FailureOfEvent(events[1])
		require.True(t, ok)
		assert.Equal(t, mcptools.KindUnknown, f.Kind)
		assert.Equal(t, mcptools.StageStream, f.Stage)
		assert.False(t, f.Retryable)
	})
	t.Run("an event is read as OpenAI's", func(t *testing.T) {
		t.Parallel()
		events, err := streamed(t, created+event(`{"type":"error","code":null,"message":"Conversation with id '5b3c2f5e-1111' not found.","param":null,"sequence_number":1}`))
		require.NoError(t, err)
		f, ok := mcptools.FailureOfEvent(events[1])
		require.True(t, ok)
		assert.Equal(t, mcptools.KindInvalidHistory, f.Kind)
		assert.Equal(t, mcptools.ActionFixHistory, f.Action)
	})
	t.Run("response.failed is an event", func(t *testing.T) {
		t.Parallel()
		events, err := streamed(t, created+event(`{"type":"response.failed","response":{"id":"resp_1","status":"failed","error":{"code":"rate_limit_exceeded","message":"Rate limit reached"},"output":[]}}`))
		require.NoError(t, err)
		f, ok := mcptools.FailureOfEvent(events[1])
		require.True(t, ok)
		assert.Equal(t, mcptools.KindPlatform, f.Kind)
		assert.Equal(t, mcptools.ActionWait, f.Action)
		assert.False(t, f.Retryable)
	})
}

func TestEventsBuiltByATestAreRead(t *testing.T) {
	t.Parallel()
	var item responses.ResponseOutputItemUnion
	item.Type, item.ServerLabel, item.Name, item.Error.Type, item.Error.Code = "mcp_call", "a", "roll", "http_error", 403
	for name, ev := range map[string]responses.ResponseStreamEventUnion{
		"an item":         {Type: "response.output_item.done", Item: item},
		"an error":        {Type: "error", Code: "http_error", Message: "Error retrieving tool list from MCP server: 'a'. Http status code: 403"},
		"response.failed": {Type: "response.failed", Response: responses.Response{Error: responses.ResponseError{Message: "Error retrieving tool list from MCP server: 'a'. Http status code: 403"}}},
	} {
		f, ok := mcptools.FailureOfEvent(ev)
		require.True(t, ok, name)
		assert.Equal(t, mcptools.KindForbidden, f.Kind, name)
		assert.Equal(t, "a", f.ServerLabel, name)
	}
	_, ok := mcptools.FailureOfEvent(responses.ResponseStreamEventUnion{Type: "response.output_item.done", Item: responses.ResponseOutputItemUnion{Type: "message"}})
	assert.False(t, ok)
}

func TestFailuresInAResponse(t *testing.T) {
	t.Parallel()
	assert.Empty(t, mcptools.FailuresIn(nil))
	read := func(t *testing.T, raw string) *responses.Response {
		t.Helper()
		var resp responses.Response
		require.NoError(t, json.Unmarshal([]byte(raw), &resp))
		return &resp
	}
	t.Run("nothing failed", func(t *testing.T) {
		t.Parallel()
		assert.Empty(t, mcptools.FailuresIn(read(t, `{"status":"completed","error":null,"output":[
			{"type":"mcp_list_tools","server_label":"a","tools":[{"name":"roll","input_schema":{}}]},
			{"type":"mcp_call","server_label":"a","name":"roll","arguments":"{}","output":"401","error":null},
			{"type":"message","content":[{"type":"output_text","text":"Error retrieving tool list from MCP server: 'a'"}]}]}`)))
	})
	t.Run("several failed", func(t *testing.T) {
		t.Parallel()
		found := mcptools.FailuresIn(read(t, `{"status":"failed","error":{"code":"server_error","message":"Sorry"},
			"tools":[{"type":"mcp","server_label":"A","server_url":"https://a.example"}],"output":[
			{"type":"mcp_list_tools","server_label":"a","tools":[],"error":"502: Bad Gateway"},
			{"type":"mcp_call","server_label":"a","name":"roll","arguments":"{}","error":{"type":"mcp_tool_execution_error","content":[]}}]}`))
		require.Len(t, found, 3)
		assert.Equal(t, mcptools.KindServerError, found[0].Kind)
		assert.Equal(t, "A", found[0].ServerLabel, "the label as it was sent")
		assert.False(t, found[0].Retryable, "a tool has run")
		assert.Equal(t, mcptools.KindToolFailed, found[1].Kind)
		assert.Equal(t, "roll", found[1].ToolName)
		assert.Equal(t, mcptools.KindPlatform, found[2].Kind)
	})
	t.Run("it failed without an error", func(t *testing.T) {
		t.Parallel()
		found := mcptools.FailuresIn(read(t, `{"status":"failed","error":null,"output":[]}`))
		require.Len(t, found, 1)
		assert.Equal(t, mcptools.KindUnknown, found[0].Kind)
	})
	t.Run("it was put together", func(t *testing.T) {
		t.Parallel()
		found := mcptools.FailuresIn(&responses.Response{Output: []responses.ResponseOutputItemUnion{
			{Type: "mcp_list_tools", ServerLabel: "a"}, {Type: "mcp_call", ServerLabel: "a", Status: "completed"},
		}})
		require.Len(t, found, 1)
		assert.Equal(t, mcptools.KindNoTools, found[0].Kind)
	})
}

func TestNoSecretThatWasSentIsInAFailure(t *testing.T) {
	t.Parallel()
	const token = `canary+token/with"quotes`
	echo := `Error retrieving tool list from MCP server: '%[1]s'. Http status code: 401 (Unauthorized) token=%[1]s Authorization: Bearer %[1]s ?access_token=canary%%2Btoken%%2Fwith%%22quotes sk-canary-of-the-application`
	message, err := json.Marshal(fmt.Sprintf(echo, token))
	require.NoError(t, err)
	body := `{"error":{"message":` + string(message) + `,"type":"external_connector_error"}}`
	f, ok := mcptools.AsFailure(ask(t, 424, http.Header{"X-Request-Id": {token}}, body, mcpTool("a", "https://a.example", token), mcpTool("b", "https://b.example", "other-token")))
	require.True(t, ok)

	assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
	assert.Empty(t, f.ServerLabel)
	raw, err := json.Marshal(f)
	require.NoError(t, err)
	all := shown(t, f) + string(raw) + f.Upstream() + f.PublicMessage() + f.RequestID
	assert.NotContains(t, all, "canary")
	assert.Contains(t, f.Upstream(), "[redacted]")
	assert.LessOrEqual(t, len(f.Upstream()), 4<<10)
}

func TestAFailureNamesTheProviderOfItsEntry(t *testing.T) {
	t.Parallel()
	b, err := mcptools.NewBuilder(notes(), has(oauthstore.Token{AccessToken: oauthstore.NewSecret("canary-token-Qm7v")}), unprobed(mcptools.Options{Label: "my_notes"}))
	require.NoError(t, err)
	set, err := mcptools.NewSet(b)
	require.NoError(t, err)
	r, err := set.Build(t.Context(), ada, nil)
	require.NoError(t, err)

	f, ok := mcptools.AsFailure(ask(t, 424, nil, `{"error":{"message":"Error retrieving tool list from MCP server: 'my_notes'. Http status code: 401 (Unauthorized) canary-token-Qm7v","type":"external_connector_error"}}`, r.Tools()...), r.Entries...)
	require.True(t, ok)
	assert.Equal(t, notes().ID, f.Provider)
	assert.True(t, strings.HasPrefix(f.PublicMessage(), notes().Name), f.PublicMessage())
	assert.NotContains(t, f.Upstream(), "canary")
}

func TestMissingConsentIsNotConnectedWithItsPage(t *testing.T) {
	t.Parallel()
	const secret = "canary-token-Qm7v"
	for name, c := range map[string]struct{ link, want string }{
		"a page":             {"https://consent.example/login?data=x", "https://consent.example/login?data=x"},
		"plain http":         {"http://consent.example/login", ""},
		"a script":           {"javascript:alert(1)", ""},
		"a user":             {"https://a:b@consent.example/", ""},
		"a token of ours":    {"https://consent.example/?t=" + secret, ""},
		"a character hidden": {"https://consent.example/\u202e", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link, err := json.Marshal(c.link)
			require.NoError(t, err)
			item := `{"type":"oauth_consent_request","id":"oauthreq_1","consent_link":` + string(link) + `}`
			f := mcptools.Classify([]byte(item), &mcptools.ClassifyOptions{Secrets: []oauthstore.Secret{oauthstore.NewSecret(secret)}})
			assert.Equal(t, mcptools.KindNotConnected, f.Kind)
			assert.Equal(t, mcptools.ActionConnect, f.Action)
			assert.Equal(t, c.want, f.ConsentURL)
		})
	}
	var resp responses.Response
	require.NoError(t, json.Unmarshal([]byte(`{"status":"incomplete","output":[{"type":"oauth_consent_request","id":"x","consent_link":"https://consent.example/"}]}`), &resp))
	found := mcptools.FailuresIn(&resp)
	require.Len(t, found, 1)
	assert.Equal(t, mcptools.KindNotConnected, found[0].Kind)
	assert.Equal(t, "https://consent.example/", found[0].ConsentURL)
}

func TestAPlatformFailurePrintsItsStatusAndCode(t *testing.T) {
	t.Parallel()
	f, ok := mcptools.AsFailure(ask(t, 401, nil, `{"error":{"message":"Incorrect API key provided: sk-canary","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`))
	require.True(t, ok)
	assert.Equal(t, "mcptools: platform: OpenAI's API failed: it answered 401 Unauthorized (invalid_api_key)", f.Error())
	f, ok = mcptools.AsFailure(ask(t, 400, nil, `{"error":{"message":"x","type":"invalid_request_error","param":null,"code":"<b>\u202e words"}}`))
	require.True(t, ok)
	assert.Equal(t, "mcptools: platform: OpenAI's API failed: it answered 400 Bad Request", f.Error(), "a code that is not a single word is not printed")
}

// TestBodiesThatTheClientParsedGetTheSameAnswer sends the bodies of the fixtures
// through openai-go.
func TestBodiesThatTheClientParsedGetTheSameAnswer(t *testing.T) {
	t.Parallel()
	n := 0
	for _, x := range cases(t) {
		var body struct {
			Error map[string]any `json:"error"`
		}
		if x.Form != "http_body" || x.HTTPStatus < 400 || x.Surface != "responses" || json.Unmarshal(x.Input, &body) != nil || body.Error == nil {
			continue
		}
		n++
		t.Run(x.ID, func(t *testing.T) {
			t.Parallel()
			tools := make([]responses.ToolUnionParam, len(x.SentLabels))
			for i, label := range x.SentLabels {
				tools[i] = mcpTool(label, "", "token-of-the-test")
			}
			f, ok := mcptools.AsFailure(ask(t, x.HTTPStatus, nil, string(x.Input), tools...))
			require.True(t, ok)
			got := fields(t, f)
			for field, want := range x.Expect {
				assert.True(t, matches(want, got[field]), "%s: want %v, got %v\n%s", field, want, got[field], x.Input)
			}
		})
	}
	assert.Greater(t, n, 10)
}
