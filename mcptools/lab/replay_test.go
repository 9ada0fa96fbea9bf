package lab_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// causable are those that OpenAI and Azure can cause, of contracts/errors.md.
var causable = []mcptools.Kind{
	mcptools.KindUnauthorized, mcptools.KindForbidden, mcptools.KindBadRequest, mcptools.KindNotFound, mcptools.KindWrongEndpoint,
	mcptools.KindRateLimited, mcptools.KindTimeout, mcptools.KindServerError, mcptools.KindUnreachable, mcptools.KindSessionLost,
	mcptools.KindProtocol, mcptools.KindToolFailed, mcptools.KindUpstreamUnknown, mcptools.KindNoTools, mcptools.KindInvalidTool,
	mcptools.KindInvalidHistory, mcptools.KindUnsupported, mcptools.KindPlatform, mcptools.KindUnknown, mcptools.KindNotConnected,
}

// named returns the carrier and the kind that a recording's name promises. Both
// are empty for one without a failure.
func named(name string) (carrier string, kind mcptools.Kind) {
	carrier, rest, _ := strings.Cut(name, "-")
	rest = strings.ReplaceAll(rest, "-", "_") + "_"
	for _, k := range causable {
		if strings.HasPrefix(rest, string(k)+"_") {
			return carrier, k
		}
	}
	return "", ""
}

// replayed is a client of a player, and a request with one mcp tool.
func replayed(names ...string) (*lab.Player, openai.Client, responses.ResponseNewParams) {
	p := lab.Replay(names...)
	return p, openai.NewClient(append(p.Options(), option.WithMaxRetries(0))...), responses.ResponseNewParams{
		Model: "gpt-5.5",
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("What is overdue?")},
		Tools: []responses.ToolUnionParam{{OfMcp: &responses.ToolMcpParam{
			ServerLabel: "billing", ServerURL: openai.String("https://billing.example.com/mcp"), Authorization: openai.String("billing-token-123456"),
		}}},
	}
}

// failures returns the failures that a program finds, without and with a stream.
func failures(t *testing.T, name string) (whole, streamed []*mcptools.Failure) {
	t.Helper()
	_, client, params := replayed(name)
	resp, err := client.Responses.New(t.Context(), params)
	if f, ok := mcptools.AsFailure(err); ok {
		whole = append(whole, f)
	} else if err == nil {
		whole = mcptools.FailuresIn(resp)
	}
	_, client, params = replayed(name)
	stream := client.Responses.NewStreaming(t.Context(), params)
	ended := false
	for stream.Next() {
		event := stream.Current()
		ended = ended || event.Type == "response.completed" || event.Type == "response.incomplete"
		// That of mcp_list_tools.failed and the like has an id only, and the item follows.
		if f, ok := mcptools.FailureOfEvent(event); ok && !strings.HasPrefix(event.Type, "response.mcp_") {
			streamed = append(streamed, f)
			ended = true
		}
	}
	if f, ok := mcptools.AsFailure(stream.Err()); ok {
		streamed = append(streamed, f)
	} else if !ended {
		streamed = append(streamed, &mcptools.Failure{Kind: mcptools.KindUnknown, Stage: mcptools.StageStream})
	}
	require.NoError(t, stream.Close())
	return whole, streamed
}

func TestEachRecordingIsClassifiedAsItsNameSays(t *testing.T) {
	t.Parallel()
	carriers := map[mcptools.Kind]map[string]bool{}
	for _, r := range lab.Recordings() {
		assert.NotEmpty(t, r.Doc, r.Name)
		carrier, kind := named(r.Name)
		if carriers[kind] == nil {
			carriers[kind] = map[string]bool{}
		}
		carriers[kind][carrier] = true
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			if carrier == "realtime" {
				var found []mcptools.Kind
				for _, raw := range lab.Replay(r.Name).Events() {
					if f := mcptools.Classify(raw, &mcptools.ClassifyOptions{Surface: "realtime"}); f.Kind != mcptools.KindUnknown {
						found = append(found, f.Kind)
					}
				}
				assert.Equal(t, []mcptools.Kind{kind}, found)
				return
			}
			if r.Name == "no-response" || strings.HasPrefix(r.Name, "realtime") {
				return
			}
			whole, streamed := failures(t, r.Name)
			if kind == "" {
				if r.Name != "background" { // it is polled
					assert.Empty(t, whole)
					assert.Len(t, streamed, map[bool]int{true: 1}[r.Name == "background-stream"], "the end of the stream is missing")
				}
				return
			}
			stages := map[string]mcptools.Stage{"list": mcptools.StageListTools, "call": mcptools.StageCallTool}
			for way, all := range map[string][]*mcptools.Failure{"whole": whole, "streamed": streamed} {
				if carrier == "stream" && way == "whole" {
					continue
				}
				require.NotEmpty(t, all, way)
				f := all[0]
				assert.Equal(t, kind, f.Kind, way)
				if stage := stages[carrier]; stage != "" {
					assert.Equal(t, stage, f.Stage, way)
				}
				if f.Stage == mcptools.StageListTools && f.ServerURL == "" || f.Stage == mcptools.StageCallTool {
					assert.Equal(t, "billing", f.ServerLabel, way)
				}
			}
		})
	}
	for _, k := range causable {
		assert.NotEmpty(t, carriers[k], "no recording is %s", k)
	}
	for _, carrier := range []string{"424", "400", "401", "429", "500", "list", "call", "stream", "realtime"} {
		seen := false
		for _, by := range carriers {
			seen = seen || by[carrier]
		}
		assert.True(t, seen, carrier)
	}
}

func TestRecordingsArePlayedOneAfterTheOtherAndTheLastRepeats(t *testing.T) {
	t.Parallel()
	p, client, params := replayed("424-unauthorized", "approval-request")
	assert.Equal(t, 3, p.Left())
	_, err := client.Responses.New(t.Context(), params)
	f, ok := mcptools.AsFailure(err)
	require.True(t, ok)
	assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
	first, err := client.Responses.New(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, []string{"mcp_list_tools", "mcp_approval_request"}, types(first))
	assert.Equal(t, "search", first.Output[1].Name, "no tool is named in the request")
	for range 2 {
		last, err := client.Responses.New(t.Context(), params)
		require.NoError(t, err)
		assert.Equal(t, "There are 2 overdue invoices.", last.OutputText())
		assert.Equal(t, "gpt-5.5", last.Model)
	}
	assert.Zero(t, p.Left())
	seen := p.ModelRequests()
	require.Len(t, seen, 4)
	assert.Equal(t, []int{424, 200, 200, 200}, []int{seen[0].Status, seen[1].Status, seen[2].Status, seen[3].Status})
	assert.Equal(t, "billing", seen[0].Entries[0].Label)
	assert.NotContains(t, string(seen[0].Body), "billing-token")
}

func TestRecordingNamesTheFirstAllowedToolOfTheRequest(t *testing.T) {
	t.Parallel()
	_, client, params := replayed("approval-request")
	params.Tools[0].OfMcp.AllowedTools.OfMcpAllowedTools = []string{"find_invoice", "other"}
	resp, err := client.Responses.New(t.Context(), params)
	require.NoError(t, err)
	assert.Equal(t, "find_invoice", resp.Output[1].Name)
}

func TestBackgroundStreamGoesOnAfterTheLastEvent(t *testing.T) {
	t.Parallel()
	p, client, params := replayed("background-stream")
	params.Background = openai.Bool(true)
	stream := client.Responses.NewStreaming(t.Context(), params)
	last, text := int64(-1), strings.Builder{}
	read := func(stream *ssestream.Stream[responses.ResponseStreamEventUnion]) {
		for stream.Next() {
			e := stream.Current()
			require.Equal(t, last+1, e.SequenceNumber)
			last = e.SequenceNumber
			if e.Type == "response.output_text.delta" {
				text.WriteString(e.Delta)
			}
		}
	}
	read(stream)
	require.Error(t, stream.Err())
	require.EqualValues(t, 13, last)
	stream = client.Responses.GetStreaming(t.Context(), "resp_background", responses.ResponseGetParams{StartingAfter: openai.Int(last)}, option.WithQuery("stream", "true"))
	read(stream)
	require.NoError(t, stream.Err())
	assert.Equal(t, "There are 2 overdue invoices.", text.String())
	canceled, err := client.Responses.Cancel(t.Context(), "resp_background")
	require.NoError(t, err)
	assert.EqualValues(t, "cancelled", canceled.Status)
	assert.Zero(t, p.Left())
}

// openai-go's own types accept each event that the player makes of a response.
func TestPlayedStreamEndsWithTheSameResponse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"text", "mcp-call", "function-call", "reasoning", "web-search", "refusal", "incomplete", "structured-output"} {
		_, client, params := replayed(name)
		whole, err := client.Responses.New(t.Context(), params)
		require.NoError(t, err)
		_, client, params = replayed(name)
		stream := client.Responses.NewStreaming(t.Context(), params)
		var text strings.Builder
		var items []string
		var last responses.ResponseStreamEventUnion
		for stream.Next() {
			last = stream.Current()
			switch last.Type {
			case "response.output_text.delta":
				text.WriteString(last.Delta)
			case "response.output_item.done":
				items = append(items, last.Item.Type)
			}
		}
		require.NoError(t, stream.Err(), name)
		assert.JSONEq(t, whole.RawJSON(), last.Response.RawJSON(), name)
		assert.Equal(t, whole.OutputText(), text.String(), name)
		assert.Equal(t, types(whole), items, name)
	}
}

func TestPlayerRefusesOtherRequestsAndNames(t *testing.T) {
	t.Parallel()
	assert.PanicsWithValue(t, `lab: unknown recording "424": see Recordings`, func() { lab.Replay("424") })
	_, client, _ := replayed("text")
	_, err := client.Responses.Get(t.Context(), "resp_1", responses.ResponseGetParams{})
	require.ErrorContains(t, err, "none of the recordings text answers GET /v1/responses/resp_1")
	_, client, params := replayed("stream-unknown-eof")
	_, err = client.Responses.New(t.Context(), params)
	require.ErrorContains(t, err, "ask for a stream")
	_, client, params = replayed("no-response")
	_, err = client.Responses.New(t.Context(), params)
	require.ErrorContains(t, err, "unexpected EOF")
}

func TestRealtimeEventsAreJSON(t *testing.T) {
	t.Parallel()
	for _, raw := range lab.Replay("realtime-mcp-call", "stream-platform", "text").Events() {
		assert.True(t, json.Valid(raw), string(raw))
	}
}

func TestDocumentationListsAllRecordings(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", "testing.md"))
	require.NoError(t, err)
	for _, r := range lab.Recordings() {
		assert.Contains(t, string(page), "| `"+r.Name+"` | "+r.Doc+" |\n")
	}
}
