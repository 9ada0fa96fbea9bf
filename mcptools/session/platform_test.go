package session_test

import (
	"context"
	"testing"

	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/providers"
)

// writesOnce is a script whose model calls write in each turn.
func writesOnce() *lab.Script {
	return &lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{
		{Call: &lab.Call{ServerLabel: "notes", Tool: "write", Arguments: []byte(`{"text":"x"}`)}}, {Say: "{{all}}"},
	}}}}
}

// onPlatform returns a backend with a lab in the platform's dialect, and options of
// a session there.
func onPlatform(t *testing.T, p platform.Platform) (*backend, session.Options) {
	t.Helper()
	entry := mcptools.Options{Platform: p}
	if p.Approval == platform.DefaultNone {
		entry.Approval = mcptools.ApprovalNever
	}
	b := newBackend(t, &lab.Options{Platform: p.ID, Script: writesOnce()}, entry, "notes")
	return b, session.Options{Replay: p.NoPrevious, Approve: func(context.Context, session.ApprovalRequest) (session.Answer, error) {
		return session.Answer{Decision: session.DecisionApprove}, nil
	}}
}

func TestASessionRunsOnEveryPlatformThatTakesACredential(t *testing.T) {
	t.Parallel()
	for _, p := range platform.All() {
		if p.Refused != "" || p.NoCredential != "" || p.ID == "alibaba" { // which needs an HTTP+SSE server
			continue
		}
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, stream bool) {
				t.Helper()
				b, opts := onPlatform(t, p)
				opts.Stream = stream
				s := b.session(t, opts)
				for turn := range 2 {
					r := collect(s.Run(t.Context(), "write it"))
					done := r.last(t)
					assert.Equal(t, session.EventDone, done.Type)
					assert.Equal(t, `notes/write: added "x"`, done.Text)
					require.Len(t, r.of(session.EventCalled), 1, "turn %d", turn)
					assert.Equal(t, "write", r.of(session.EventCalled)[0].Tool)
					assert.Equal(t, p.Approval != platform.DefaultNone, len(r.of(session.EventAsking)) > 0)
				}
			})
		})
	}
}

func TestASessionHealsWhatAPlatformReports(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		on   platform.Platform
		kind mcptools.Kind // of the turn's failure; "" if it was healed
	}{
		{on: platform.Azure()},
		{on: platform.Groq()},
		{on: platform.Perplexity()},
		{on: platform.OpenRouter()},
		{on: platform.Ark()},
		{on: platform.HuggingFace()},
		{on: platform.OGX()}, // 401, which is the server's and not that of the platform's key
		{on: platform.SMG(), kind: mcptools.KindUpstreamUnknown},
		{on: platform.LMStudio(), kind: mcptools.KindUpstreamUnknown},
		{on: platform.XAI()}, // an error that is a text
	} {
		t.Run(tc.on.ID, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, stream bool) {
				t.Helper()
				b, opts := onPlatform(t, tc.on)
				opts.Stream = stream
				b.warm(t)
				b.Expire()
				r := collect(b.session(t, opts).Run(t.Context(), "write it"))
				if tc.kind != "" {
					assert.Equal(t, tc.kind, r.failure(t).Kind)
					return
				}
				assert.Equal(t, session.EventDone, r.last(t).Type)
				require.Len(t, r.of(session.EventRetrying), 1)
				f := r.of(session.EventRetrying)[0].Failure
				assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
				assert.Equal(t, "notes", f.ServerLabel)
				assert.Equal(t, 1, b.Count("auth", "refresh_token"))
			})
		})
	}
}

func TestAnErrorThatIsATextIsAFailure(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b, opts := onPlatform(t, platform.XAI())
		opts.Stream = stream
		require.NoError(t, b.Fault("openai:model"))
		f := collect(b.session(t, opts).Run(t.Context(), "write it")).failure(t)
		assert.Equal(t, mcptools.KindPlatform, f.Kind)
		assert.Contains(t, f.Upstream(), "Some requested entity was not found")
	})
}

func TestAMissingConsentAtFoundryIsAnEventWithItsLink(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, &lab.Options{Platform: "foundry"}, mcptools.Options{}, "notes")
		builder, err := mcptools.NewBuilder(providers.Custom("notes", b.Server("notes").MCPURL, &providers.CustomOptions{
			Ways: []providers.Way{{ID: "none", Kind: providers.WayNone, Name: "a connection of the project"}},
		}), nil, &mcptools.Options{Platform: platform.Foundry(), InsecureAllowLoopback: true})
		require.NoError(t, err)
		b.set, err = mcptools.NewSet(builder)
		require.NoError(t, err)
		r := collect(b.session(t, session.Options{Stream: stream}).Run(t.Context(), "write it"))
		assert.Equal(t, session.EventDone, r.last(t).Type)
		require.Len(t, r.of(session.EventFailed), 1)
		f := r.of(session.EventFailed)[0].Failure
		assert.Equal(t, mcptools.KindNotConnected, f.Kind)
		assert.Regexp(t, `^https://consent\.example/login`, f.ConsentURL)
	})
}

func TestAFailedServerAmongSeveralIsLeftOutBySMG(t *testing.T) {
	t.Parallel()
	b := newBackend(t, &lab.Options{Platform: "smg"}, mcptools.Options{Platform: platform.SMG(), Approval: mcptools.ApprovalNever}, "notes", "tasks")
	require.NoError(t, b.Fault("tasks:500"))
	r := collect(b.session(t, session.Options{}).Run(t.Context(), "what is there?"))
	assert.Equal(t, session.EventDone, r.last(t).Type)
	assert.Len(t, r.of(session.EventListed), 1)
}

func TestASessionNeedsReplayWhereNothingIsStored(t *testing.T) {
	t.Parallel()
	b, _ := onPlatform(t, platform.Groq())
	o := session.Options{}
	o.Params.Model = "m"
	_, err := session.New(&b.client.Responses, b.set, ada, &o)
	require.ErrorContains(t, err, "set Replay")
}

func TestASessionSendsNothingToAnotherPlatform(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, stream bool) {
		t.Helper()
		b := newBackend(t, nil, mcptools.Options{Platform: platform.XAI(), Approval: mcptools.ApprovalNever}, "notes")
		c := b.client
		c.Responses.Options = append(c.Responses.Options, option.WithBaseURL("https://api.groq.com/openai/v1"))
		b.client = c
		r := collect(b.session(t, session.Options{Stream: stream}).Run(t.Context(), "hi"))
		require.ErrorIs(t, r.err, mcptools.KindMisconfigured)
		require.ErrorContains(t, r.err, "Groq")
		assert.Zero(t, b.requests())
	})
}
