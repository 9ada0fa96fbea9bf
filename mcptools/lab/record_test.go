package lab_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

func TestRecordedExchangesAreReplayed(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Script: script(t, `{"turns":[{"steps":[
		{"call":{"server_label":"notes","tool":"whoami"}},
		{"say":"### heading\n> quote {{last}}"}]}]}`)})
	key := w.Key("notes", "mia")
	var file bytes.Buffer
	c := openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey),
		option.WithHTTPClient(w.Client()), option.WithMaxRetries(0), option.WithMiddleware(lab.Record(&file, "my case")))

	p := ask("who am I? "+key, entry(w, "notes", key)) // the input comes back in no response
	p.Instructions = openai.String("never show " + key)
	first, err := c.Responses.New(t.Context(), p)
	require.NoError(t, err)
	stream := c.Responses.NewStreaming(t.Context(), p)
	var last responses.ResponseStreamEventUnion
	for stream.Next() {
		last = stream.Current()
	}
	require.NoError(t, stream.Err())
	require.NoError(t, stream.Close())
	_, err = c.Responses.New(t.Context(), ask("x", entry(w, "notes", "wrong-token-0123456789")))
	require.Error(t, err)

	assert.NotContains(t, file.String(), key, "the response repeats the instructions")
	assert.NotContains(t, file.String(), w.Info().OpenAIAPIKey)
	assert.NotContains(t, file.String(), "wrong-token")

	name := filepath.Join(t.TempDir(), "openai.http")
	require.NoError(t, os.WriteFile(name, file.Bytes(), 0o600))
	played, err := lab.ReplayFile(name, "my-case")
	require.NoError(t, err)
	c = openai.NewClient(append(played.Options(), option.WithMaxRetries(0))...)
	again, err := c.Responses.New(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, first.OutputText(), again.OutputText())
	stream = c.Responses.NewStreaming(t.Context(), p)
	var replayed responses.ResponseStreamEventUnion
	for stream.Next() {
		replayed = stream.Current()
	}
	require.NoError(t, stream.Err())
	assert.Equal(t, last.Response.OutputText(), replayed.Response.OutputText())
	assert.Equal(t, last.SequenceNumber, replayed.SequenceNumber)
	_, err = c.Responses.New(t.Context(), p)
	f, ok := mcptools.AsFailure(err)
	require.True(t, ok)
	assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
	assert.Zero(t, played.Left())
}

func TestRecordingsOfAFileAreChecked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                    "has no recordings",
		"> GET /v1/x":                         `line 1 comes before the first "### NAME"`,
		"### a\n":                             `recording "a" has no request or no response`,
		"### a\n> GET\n":                      `line 2: want "> METHOD PATH"`,
		"### a\n> GET /v1/x\n< two\n":         `line 3: invalid status "two"`,
		"### a\n> GET /v1/x\n< 200\n< Color":  `line 4: invalid header "Color"`,
		"### a\n> GET /v1/x\n{}":              `line 3: want "< STATUS"`,
		"### a\nwhat\n":                       `line 2: want a description`,
		"### a\n> GET /v1/x\n< 200\n\n{}\n\n": `unknown recording "b"`,
	} {
		name := filepath.Join(t.TempDir(), "x.http")
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		_, err := lab.ReplayFile(name, "b")
		require.ErrorContains(t, err, want, text)
	}
	_, err := lab.ReplayFile(filepath.Join(t.TempDir(), "none.http"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzRecordings(f *testing.F) {
	for _, seed := range []string{"### a\n# b\n> POST /v1/responses\n< 200\n< cut\n\n{}\n", "### a\n> GET /v1/realtime\n< 101\n\n{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(t.TempDir(), "x.http")
		require.NoError(t, os.WriteFile(name, data, 0o600))
		p, err := lab.ReplayFile(name)
		if err != nil {
			return
		}
		for _, raw := range p.Events() {
			_ = json.Valid(raw)
		}
		c := openai.NewClient(append(p.Options(), option.WithMaxRetries(0))...)
		_, _ = c.Responses.New(t.Context(), responses.ResponseNewParams{Model: "gpt-5.5"})
		stream := c.Responses.NewStreaming(t.Context(), responses.ResponseNewParams{Model: "gpt-5.5"})
		for stream.Next() { // it must end
		}
	})
}
