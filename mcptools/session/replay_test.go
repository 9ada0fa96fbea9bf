package session_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// replayed returns a session with one server, whose OpenAI is played. Its tokens
// live for an hour.
func replayed(t *testing.T, opts session.Options, names ...string) (*lab.Player, *session.Session) {
	t.Helper()
	var n atomic.Int64
	tokens := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{AccessToken: oauthstore.NewSecret(fmt.Sprintf("token-%d", n.Add(1))), Expiry: time.Now().Add(time.Hour)}, nil
	})
	builder, err := mcptools.NewBuilder(providers.Custom("billing", "https://billing.example.com/mcp", nil), tokens, &mcptools.Options{InsecureSkipProbe: true})
	require.NoError(t, err)
	set, err := mcptools.NewSet(builder)
	require.NoError(t, err)
	p := lab.Replay(names...)
	client := openai.NewClient(p.Options()...)
	opts.Params.Model = "gpt-5"
	s, err := session.New(&client.Responses, set, ada, &opts)
	require.NoError(t, err)
	return p, s
}

// A recording of a failure ends a turn with its kind, or is an event of it.
func TestSessionFindsTheFailureOfEachRecording(t *testing.T) {
	t.Parallel()
	for _, r := range lab.Recordings() {
		carrier, kind, _ := strings.Cut(r.Name, "-")
		if carrier == "realtime" || carrier == "background" || r.Name == "no-response" || kind == "not-connected" {
			continue
		}
		both(t, func(t *testing.T, stream bool) {
			t.Helper()
			if carrier == "stream" && !stream {
				return
			}
			_, s := replayed(t, session.Options{Stream: stream, MaxWait: 1, Call: func(context.Context, session.FunctionCall) (string, error) { return "sunny", nil }}, r.Name)
			got := collect(s.Run(t.Context(), "What is overdue?"))
			failed := got.of(session.EventFailed)
			switch f, ok := mcptools.AsFailure(got.err); {
			case carrier == "call" || r.Name == "list-no-tools":
				require.Len(t, failed, 1, r.Name)
				assert.Equal(t, session.EventDone, got.last(t).Type, r.Name)
			case ok || carrier == "list" || carrier == "stream" || carrier[0] == '4' || carrier[0] == '5':
				require.True(t, ok, "%s: %v", r.Name, got.err)
				assert.True(t, strings.HasPrefix(kind+"-", strings.ReplaceAll(string(f.Kind), "_", "-")+"-") ||
					f.Kind == mcptools.KindReauthorize && strings.HasPrefix(kind, "unauthorized"), "%s: %s", r.Name, f.Kind)
			default:
				require.NoError(t, got.err, r.Name)
				assert.Empty(t, failed, r.Name)
			}
		})
	}
}

func TestReplayedSessionHealsItsToken(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		p, s := replayed(t, session.Options{Stream: stream}, "list-unauthorized", "reasoning")
		got := collect(s.Run(t.Context(), "What is overdue?"))
		assert.Equal(t, "There are 2 overdue invoices.", got.last(t).Text)
		assert.Len(t, got.of(session.EventRetrying), 1)
		sent := p.ModelRequests()
		require.Len(t, sent, 2)
		assert.NotEqual(t, sent[0].Entries[0].Token, sent[1].Entries[0].Token)
	})
}
