package lab_test

import (
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

func inRear(w *lab.World) responses.ResponseNewParams {
	p := ask("who am I?", entry(w, "notes", w.Key("notes", "mia")))
	p.Background = openai.Bool(true)
	return p
}

// inQuery asks for a stream in the query, as OpenAI documents it. GetStreaming does
// so in the body of its GET only.
var inQuery = option.WithQuery("stream", "true")

// read returns the events of a stream.
func read(stream *ssestream.Stream[responses.ResponseStreamEventUnion]) (all []responses.ResponseStreamEventUnion) {
	for stream.Next() {
		all = append(all, stream.Current())
	}
	return all
}

func TestBackgroundResponseIsMadeAfterItsRequest(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	first, err := c.Responses.New(t.Context(), inRear(w))
	require.NoError(t, err)
	assert.EqualValues(t, "queued", first.Status)
	assert.True(t, first.Background)
	var resp *responses.Response
	for resp == nil || resp.Status == "queued" || resp.Status == "in_progress" {
		resp, err = c.Responses.Get(t.Context(), first.ID, responses.ResponseGetParams{})
		require.NoError(t, err)
	}
	assert.EqualValues(t, "completed", resp.Status)
	assert.Contains(t, types(resp), "mcp_call")
	next := ask("again", entry(w, "notes", w.Key("notes", "mia")))
	next.PreviousResponseID = openai.String(first.ID)
	_, err = c.Responses.New(t.Context(), next)
	require.NoError(t, err)
	assert.Equal(t, 1, w.Count("notes", "tools/list"), "its list is in the conversation")
}

func TestBackgroundStreamIsReadAgainFromAnyEvent(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	require.NoError(t, w.Fault("openai:background_cut*1"))
	c := openaiClient(t, w)
	stream := c.Responses.NewStreaming(t.Context(), inRear(w))
	got := read(stream)
	require.Error(t, stream.Err())
	require.Len(t, got, 1)
	id := got[0].Response.ID
	stream = c.Responses.GetStreaming(t.Context(), id, responses.ResponseGetParams{StartingAfter: openai.Int(0)}, inQuery)
	got = append(got, read(stream)...)
	require.NoError(t, stream.Err())
	for n, e := range got {
		assert.EqualValues(t, n, e.SequenceNumber)
	}
	assert.Equal(t, "response.queued", got[1].Type)
	last := got[len(got)-1]
	assert.Equal(t, "response.completed", last.Type)
	stream = c.Responses.GetStreaming(t.Context(), id, responses.ResponseGetParams{StartingAfter: openai.Int(last.SequenceNumber)}, inQuery)
	assert.Empty(t, read(stream))
	require.NoError(t, stream.Err())

	polled, err := c.Responses.New(t.Context(), inRear(w))
	require.NoError(t, err)
	stream = c.Responses.GetStreaming(t.Context(), polled.ID, responses.ResponseGetParams{}, inQuery)
	assert.Empty(t, read(stream))
	assert.Equal(t, 400, apiError(t, stream.Err()).StatusCode, "it was not created with a stream")
}

func TestBackgroundResponseIsCanceled(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	require.NoError(t, w.Fault("notes:call_hang"))
	c := openaiClient(t, w)
	stream := c.Responses.NewStreaming(t.Context(), inRear(w))
	require.True(t, stream.Next())
	id := stream.Current().Response.ID
	resp, err := c.Responses.Cancel(t.Context(), id)
	require.NoError(t, err)
	assert.EqualValues(t, "cancelled", resp.Status)
	events := read(stream)
	require.NoError(t, stream.Err())
	for _, e := range events {
		assert.NotEqual(t, "response.completed", e.Type)
	}
	whole, err := c.Responses.New(t.Context(), ask("x"))
	require.NoError(t, err)
	_, err = c.Responses.Cancel(t.Context(), whole.ID)
	assert.Equal(t, 400, apiError(t, err).StatusCode)
}

func TestFailedListFailsTheBackgroundResponse(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	require.NoError(t, w.Fault("notes:401"))
	stream := openaiClient(t, w).Responses.NewStreaming(t.Context(), inRear(w))
	events := read(stream)
	require.NoError(t, stream.Err())
	last := events[len(events)-1]
	assert.Equal(t, "response.failed", last.Type)
	assert.Contains(t, last.Response.Error.Message, "Http status code: 401 (Unauthorized)")
}

func TestCompletionWindowIsChecked(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	for value, param := range map[string]string{"2h": "", "soonest": "", "3h": "background_options.completion_window"} {
		p := inRear(w)
		p.SetExtraFields(map[string]any{"background_options": map[string]any{"completion_window": value}})
		_, err := c.Responses.New(t.Context(), p)
		if param == "" {
			require.NoError(t, err)
			continue
		}
		assert.Equal(t, param, apiError(t, err).Param)
	}
	p := inRear(w)
	p.SetExtraFields(map[string]any{"background_options": map[string]any{"completion_window": "2h"}})
	stream := c.Responses.NewStreaming(t.Context(), p)
	assert.Empty(t, read(stream))
	assert.Equal(t, "stream", apiError(t, stream.Err()).Param)
	p.Background = openai.Bool(false)
	_, err := c.Responses.New(t.Context(), p)
	assert.Equal(t, "background_options", apiError(t, err).Param)
}
