package session_test

import (
	"context"
	"encoding/json"
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
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// within asks for a background response with a completion window.
func within(window string) responses.ResponseNewParams {
	p := responses.ResponseNewParams{Model: "gpt-5", Background: openai.Bool(true)}
	p.SetExtraFields(map[string]any{"background_options": map[string]any{"completion_window": window}})
	return p
}

// aRelay gives out tickets that live for as long as is asked.
type aRelay struct {
	url   string
	asked time.Duration // by the latest grant
}

func (r *aRelay) Ticket(_ context.Context, g mcptools.RelayGrant) (mcptools.RelayTicket, error) {
	r.asked = g.MinTTL
	return mcptools.RelayTicket{URL: r.url, Ticket: oauthstore.NewSecret("ticket"), ID: "t1", Expiry: time.Now().Add(g.MinTTL)}, nil
}

func (*aRelay) Seen(string, string) *mcptools.Failure { return nil }

// longRun is a world in virtual time whose tool takes two hours.
func longRun(t *testing.T, ttl time.Duration, entry mcptools.Options, o session.Options) (*lab.World, func(*session.State) *session.Session) {
	t.Helper()
	slow := lab.Tool{Name: "count", ReadOnly: true, Handle: func(ctx context.Context, _ map[string]any) (string, error) {
		select {
		case <-time.After(2*time.Hour - time.Minute):
			return "42", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}}
	w, err := lab.Start(&lab.Options{
		InMemory: true, TokenTTL: ttl, CallTimeout: 3 * time.Hour,
		Servers: []lab.Server{{Name: "notes", Tools: []lab.Tool{slow}}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureTransport: w.Client().Transport, InsecureAllowLoopback: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	p := providers.Custom("notes", w.Server("notes").MCPURL, nil)
	_, err = store.Put(t.Context(), oauthstore.Key{Owner: ada, Provider: "notes", Server: p.Server.URL}, w.Grant("notes", "ada").Credential())
	require.NoError(t, err)
	entry.Approval, entry.InsecureSkipProbe, entry.InsecureAllowLoopback = mcptools.ApprovalNever, true, true
	b, err := mcptools.NewBuilder(p, store, &entry)
	require.NoError(t, err)
	set, err := mcptools.NewSet(b)
	require.NoError(t, err)
	client := openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey), option.WithHTTPClient(w.Client()))
	return w, func(st *session.State) *session.Session {
		o.State = st
		s, err := session.New(&client.Responses, set, ada, &o)
		require.NoError(t, err)
		return s
	}
}

func TestTwoHoursWithATokenOfOneHourAreRefusedBeforeOpenAIIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, open := longRun(t, time.Hour, mcptools.Options{}, session.Options{Params: within("2h")})
		f := collect(open(nil).Run(t.Context(), "count")).failure(t)
		assert.Equal(t, "notes", f.ServerLabel)
		assert.Equal(t, mcptools.StageBuild, f.Stage)
		assert.Equal(t, mcptools.ActionFixConfig, f.Action)
		assert.Contains(t, f.Error(), "no token of notes lives for the 2h that the response may run")
		for _, help := range []string{"a credential that lives longer", "a relay (Options.Relay)"} {
			assert.Contains(t, f.Error(), help)
		}
		assert.Empty(t, w.ModelRequests())
	})
}

func TestTwoHoursWithATokenOfThreeHoursComplete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, open := longRun(t, 3*time.Hour, mcptools.Options{}, session.Options{Params: within("2h")})
		began := time.Now()
		r := collect(open(nil).Run(t.Context(), "count"))
		assert.Equal(t, "notes/count: 42", r.last(t).Text)
		assert.GreaterOrEqual(t, time.Since(began), 2*time.Hour-time.Minute)
		var sent map[string]any
		require.NoError(t, json.Unmarshal(w.ModelRequests()[0].Body, &sent))
		assert.Equal(t, map[string]any{"completion_window": "2h"}, sent["background_options"])
	})
}

func TestTicketOfARelayLivesForTheWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := session.Options{Params: within("2h")}
		// Each must not undercut the window.
		o.Build.Each = map[string]mcptools.BuildOptions{"notes": {MinTTL: time.Minute}}
		relay := &aRelay{url: "https://relay.example/mcp"}
		w, open := longRun(t, time.Hour, mcptools.Options{Relay: relay}, o)
		var queued bool
		for e, err := range open(nil).Run(t.Context(), "count") {
			require.NoError(t, err)
			queued = e.Type == session.EventRunning
			break
		}
		assert.GreaterOrEqual(t, relay.asked, 2*time.Hour)
		assert.True(t, queued, "OpenAI has taken the request")
		assert.Len(t, w.ModelRequests(), 1)
	})
}

func TestBackgroundStreamGoesOnInAnotherSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		params := responses.ResponseNewParams{Model: "gpt-5", Background: openai.Bool(true)}
		w, open := longRun(t, 3*time.Hour, mcptools.Options{}, session.Options{
			Params: params, Stream: true, Build: mcptools.SetBuildOptions{MinTTL: 2 * time.Hour},
		})
		s := open(nil)
		var before []session.EventType
		for e, err := range s.Run(t.Context(), "count") {
			require.NoError(t, err)
			if before = append(before, e.Type); e.Type == session.EventCalling {
				break
			}
		}
		assert.Equal(t, []session.EventType{session.EventRunning, session.EventListing, session.EventListed, session.EventCalling}, before)
		raw, err := json.Marshal(s.State())
		require.NoError(t, err)
		var st session.State
		require.NoError(t, json.Unmarshal(raw, &st))
		<-time.After(time.Hour)
		require.NoError(t, w.Fault("openai:background_cut*2")) // the session connects again
		r := collect(open(&st).Continue(t.Context(), nil))
		require.NoError(t, r.err)
		var after []session.EventType
		for _, e := range r.events {
			if e.Type != session.EventText {
				after = append(after, e.Type)
			}
		}
		assert.Equal(t, []session.EventType{session.EventCalled, session.EventDone}, after, "no event is repeated")
		assert.Equal(t, "notes/count: 42", r.last(t).Text)
		assert.Len(t, w.ModelRequests(), 1)
	})
}

// A program that stored the state within each event has all events once, also those
// of the other session.
func TestNoTextIsRepeatedWhereverABackgroundStreamBreaks(t *testing.T) {
	t.Parallel()
	for breakAt := range 14 {
		synctest.Test(t, func(t *testing.T) {
			o := session.Options{Params: responses.ResponseNewParams{Background: openai.Bool(true)}, Stream: true, Build: mcptools.SetBuildOptions{MinTTL: time.Minute}}
			_, s := replayed(t, o, "background-stream")
			text, n := "", 0
			note := func(e session.Event) {
				if e.Type == session.EventText {
					text += e.Text
				}
				n++
			}
			for e, err := range s.Run(t.Context(), "x") {
				require.NoError(t, err)
				note(e)
				if n > breakAt {
					break
				}
			}
			if s.State().Running != "" {
				r := collect(s.Continue(t.Context(), nil))
				for _, e := range r.events {
					note(e)
				}
				assert.Equal(t, "There are 2 overdue invoices.", r.last(t).Text)
			}
			assert.Equal(t, "There are 2 overdue invoices.", text)
			assert.Equal(t, session.State{Owner: ada, PreviousResponseID: "resp_background"}, s.State())
		})
	}
}

func TestStreamThatOpenAINoLongerHasIsPolled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := session.Options{Params: responses.ResponseNewParams{Background: openai.Bool(true)}, Stream: true, Build: mcptools.SetBuildOptions{MinTTL: time.Minute}}
		o.State = &session.State{Owner: ada, Running: "resp_background", RunningEvents: 100}
		_, s := replayed(t, o, "background-stream", "background")
		r := collect(s.Continue(t.Context(), nil))
		assert.Equal(t, "There are 2 overdue invoices.", r.last(t).Text)
		assert.Len(t, r.events, 1, "what was streamed before is not repeated")
	})
}

func TestAbandonedBackgroundStreamIsCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := session.Options{Params: responses.ResponseNewParams{Background: openai.Bool(true)}, Stream: true, Build: mcptools.SetBuildOptions{MinTTL: time.Minute}}
		p, s := replayed(t, o, "background-stream")
		for range s.Run(t.Context(), "x") {
			break
		}
		require.NoError(t, s.Abandon(t.Context(), "too late"))
		assert.Equal(t, session.State{Owner: ada}, s.State())
		assert.Equal(t, 1, p.Left(), "the stream is not read again")
	})
}

func TestOptionsOfTheBackgroundAreChecked(t *testing.T) {
	t.Parallel()
	open := opener(t)
	for want, o := range map[string]session.Options{
		"needs Build.MinTTL":                        {Params: within("soonest")},
		"must be soonest, 2h or 8h":                 {Params: within("1h")},
		"can't be combined with Stream":             {Params: within("2h"), Stream: true},
		"can't be combined with Replay":             {Params: within("2h"), Replay: true},
		"completion window, which needs Background": {Params: func() responses.ResponseNewParams { p := within("2h"); p.Background = openai.Bool(false); return p }()},
	} {
		_, err := open(o)
		require.ErrorContains(t, err, want)
	}
	_, err := open(session.Options{Params: within("8h")})
	require.NoError(t, err)
}

// opener returns a function that makes a session with options.
func opener(t *testing.T) func(session.Options) (*session.Session, error) {
	t.Helper()
	b, err := mcptools.NewBuilder(providers.Custom("billing", "https://billing.example.com/mcp", nil), oauthstore.SourceFunc(
		func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
			return oauthstore.Token{}, nil
		},
	), nil)
	require.NoError(t, err)
	set, err := mcptools.NewSet(b)
	require.NoError(t, err)
	client := openai.NewClient()
	return func(o session.Options) (*session.Session, error) { return session.New(&client.Responses, set, ada, &o) }
}
