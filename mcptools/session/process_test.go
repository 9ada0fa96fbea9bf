package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/providers"
)

// A handover is the input of the second process: the state, the places of the
// store and the servers, and the answers given meanwhile.
type handover struct {
	Folder  string                    `json:"folder"` // of the credentials
	BaseURL string                    `json:"base_url"`
	APIKey  string                    `json:"api_key"`
	Servers map[string]string         `json:"servers"` // URLs by label
	Stream  bool                      `json:"stream"`
	Replay  bool                      `json:"replay"`
	State   json.RawMessage           `json:"state"`
	Answers map[string]session.Answer `json:"answers"`
}

// handoverEnv makes this binary the second process.
const handoverEnv = "TOOLGRANT_SESSION_HANDOVER"

// secondProcess resumes a turn from stdin and prints its events, then the state.
func secondProcess() (err error) {
	var h handover
	if err := json.NewDecoder(os.Stdin).Decode(&h); err != nil {
		return err
	}
	ctx := context.Background()
	folder, err := filestore.Open(h.Folder)
	if err != nil {
		return err
	}
	defer folder.Close()
	store, err := oauthstore.New(folder, oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close(ctx) }()
	var builders []*mcptools.Builder
	for _, label := range []string{"notes", "tasks"} {
		b, err := mcptools.NewBuilder(providers.Custom(label, h.Servers[label], nil), store, &mcptools.Options{InsecureAllowLoopback: true})
		if err != nil {
			return err
		}
		builders = append(builders, b)
	}
	set, err := mcptools.NewSet(builders...)
	if err != nil {
		return err
	}
	var state session.State
	if err := json.Unmarshal(h.State, &state); err != nil {
		return err
	}
	client := openai.NewClient(option.WithBaseURL(h.BaseURL), option.WithAPIKey(h.APIKey))
	s, err := session.New(&client.Responses, set, ada, &session.Options{
		Params: responses.ResponseNewParams{Model: "gpt-5"}, Stream: h.Stream, Replay: h.Replay, State: &state,
	})
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for e, err := range s.Continue(ctx, h.Answers) {
		if err != nil {
			return err
		}
		if err := out.Encode(e); err != nil {
			return err
		}
	}
	return out.Encode(s.State())
}

// inSecondProcess hands a turn over and returns the events of what was done,
// and the state after it.
func (h handover) inSecondProcess(t *testing.T) (events []map[string]any, state json.RawMessage) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	in, err := json.Marshal(h)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), handoverEnv+"=1")
	cmd.Stdin = bytes.NewReader(in)
	var errOut strings.Builder
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	require.NoError(t, err, errOut.String())
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var line json.RawMessage
		err := dec.Decode(&line)
		if errors.Is(err, io.EOF) {
			return events, state
		}
		require.NoError(t, err)
		var e map[string]any
		require.NoError(t, json.Unmarshal(line, &e))
		if _, event := e["event"]; !event {
			state = line
			continue
		}
		events = append(events, e)
	}
}

func TestATurnIsResumedInAnotherProcess(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		for _, replay := range []bool{false, true} {
			b := newBackend(t, writing(), mcptools.Options{Approval: mcptools.ApprovalAlways}, "notes", "tasks")
			dir := t.TempDir()
			folder, err := filestore.Open(dir)
			require.NoError(t, err)
			defer folder.Close()
			store, err := oauthstore.New(folder, oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureAllowLoopback: true})
			require.NoError(t, err)
			h := handover{
				Folder: dir, BaseURL: b.Info().OpenAIBaseURL, APIKey: b.Info().OpenAIAPIKey, Stream: stream, Replay: replay,
				Servers: map[string]string{"notes": b.Server("notes").MCPURL, "tasks": b.Server("tasks").MCPURL},
			}
			for label := range h.Servers {
				_, err := store.Put(t.Context(), b.key(label), b.Grant(label, "ada").Credential())
				require.NoError(t, err)
			}
			require.NoError(t, store.Close(t.Context()))

			first := b.session(t, session.Options{Stream: stream, Replay: replay})
			waiting := collect(first.Run(t.Context(), "write")).last(t)
			require.Equal(t, session.EventWaiting, waiting.Type)
			require.Len(t, waiting.Pending, 1)
			h.State, err = json.Marshal(first.State())
			require.NoError(t, err)
			assert.Zero(t, b.Count("notes", "tools/call"))

			// One process approves the first call and ends at the second question;
			// another denies that.
			h.Answers = map[string]session.Answer{waiting.Pending[0].ID: {Decision: session.DecisionApprove}}
			events, state := h.inSecondProcess(t)
			last := events[len(events)-1]
			assert.Equal(t, "waiting", last["event"])
			assert.Equal(t, 1, b.Count("notes", "tools/call"))
			var middle session.State
			require.NoError(t, json.Unmarshal(state, &middle))
			require.Len(t, middle.Pending, 1)
			assert.Equal(t, "tasks", middle.Pending[0].Label)

			h.State, h.Answers = state, map[string]session.Answer{middle.Pending[0].ID: {Decision: session.DecisionDeny}}
			events, state = h.inSecondProcess(t)
			last = events[len(events)-1]
			assert.Equal(t, "done", last["event"])
			assert.Contains(t, last["text"], `added "one"`)
			assert.Equal(t, 1, b.Count("notes", "tools/call"))
			assert.Zero(t, b.Count("tasks", "tools/call"), "it was denied")

			// And the conversation goes on where it began.
			var end session.State
			require.NoError(t, json.Unmarshal(state, &end))
			assert.Empty(t, end.Pending)
			nothing := []session.Rule{{Answer: session.Answer{Decision: session.DecisionDeny}}}
			third := b.session(t, session.Options{Stream: stream, Replay: replay, State: &end, Rules: nothing})
			require.Equal(t, session.EventDone, collect(third.Run(t.Context(), "thanks")).last(t).Type)
		}
	})
}
