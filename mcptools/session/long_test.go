package session_test

import (
	"context"
	"net/http"
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
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// The world runs in real time and takes the hour from the test, so that half an
// hour passes at once for the session.
func TestLongConversationSendsNoExpiredToken(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[time.Time]
	began := time.Now()
	now.Store(&began)
	w, err := lab.Start(&lab.Options{
		Servers: []lab.Server{{Name: "notes"}, {Name: "tasks", Confidential: true}}, TokenTTL: 5 * time.Minute,
		Now: func() time.Time { return *now.Load() },
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })

	synctest.Test(t, func(t *testing.T) {
		tick := func() { at := time.Now(); now.Store(&at) }
		tick()
		plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{
			InsecureTransport: plain.Transport, InsecureAllowLoopback: true,
			Clients: func(_ context.Context, _, _ string) (oauthstore.Client, error) {
				return oauthstore.Client{Secret: oauthstore.NewSecret(w.Server("tasks").ClientSecret)}, nil
			},
		})
		require.NoError(t, err)
		defer func() { assert.NoError(t, store.Close(t.Context())) }()
		var builders []*mcptools.Builder
		for _, name := range []string{"notes", "tasks"} {
			p := providers.Custom(name, w.Server(name).MCPURL, nil)
			_, err := store.Put(t.Context(), oauthstore.Key{Owner: ada, Provider: name, Server: p.Server.URL}, w.Grant(name, "ada").Credential())
			require.NoError(t, err)
			b, err := mcptools.NewBuilder(p, store, &mcptools.Options{Approval: mcptools.ApprovalNever, InsecureSkipProbe: true, InsecureAllowLoopback: true})
			require.NoError(t, err)
			builders = append(builders, b)
		}
		set, err := mcptools.NewSet(builders...)
		require.NoError(t, err)
		client := openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey), option.WithHTTPClient(plain))
		s, err := session.New(&client.Responses, set, ada, &session.Options{Params: responses.ResponseNewParams{Model: "gpt-5"}, Stream: true})
		require.NoError(t, err)

		for end := time.Now().Add(30 * time.Minute); time.Now().Before(end); <-time.After(100 * time.Second) {
			tick()
			r := collect(s.Run(t.Context(), "what is new?"))
			require.Equal(t, session.EventDone, r.last(t).Type)
			assert.Empty(t, r.of(session.EventFailed))
			assert.Empty(t, r.of(session.EventRetrying))
		}
	})

	asked := w.ModelRequests()
	assert.Len(t, asked, 18)
	for _, r := range asked {
		require.Len(t, r.Entries, 2)
		for _, e := range r.Entries {
			assert.True(t, e.Active, "%s got an expired token", e.Label)
		}
	}
	assert.Greater(t, w.Count("auth", "refresh_token"), 4)
	assert.Equal(t, 18, w.Count("tasks", "tools/call"))
}

// inVirtualTime makes a world in memory, in which ada has connected to those
// servers, and a session in it. Tokens live for five minutes.
func inVirtualTime(t *testing.T, o session.Options, names ...string) (*lab.World, *session.Session) {
	t.Helper()
	world := lab.Options{InMemory: true, TokenTTL: 5 * time.Minute}
	for _, name := range names {
		world.Servers = append(world.Servers, lab.Server{Name: name})
	}
	w, err := lab.Start(&world)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureTransport: w.Client().Transport, InsecureAllowLoopback: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	var builders []*mcptools.Builder
	for _, name := range names {
		p := providers.Custom(name, w.Server(name).MCPURL, nil)
		_, err := store.Put(t.Context(), oauthstore.Key{Owner: ada, Provider: name, Server: p.Server.URL}, w.Grant(name, "ada").Credential())
		require.NoError(t, err)
		b, err := mcptools.NewBuilder(p, store, &mcptools.Options{Approval: mcptools.ApprovalNever, InsecureSkipProbe: true, InsecureAllowLoopback: true})
		require.NoError(t, err)
		builders = append(builders, b)
	}
	set, err := mcptools.NewSet(builders...)
	require.NoError(t, err)
	client := openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey), option.WithHTTPClient(w.Client()))
	o.Params.Model = "gpt-5"
	s, err := session.New(&client.Responses, set, ada, &o)
	require.NoError(t, err)
	return w, s
}

// Five tokens have expired, and each refresh takes a while: the refreshes run
// concurrently.
func TestFiveProvidersTakeAsLongAsTheSlowest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, s := inVirtualTime(t, session.Options{Stream: true}, "a", "b", "c", "d", "e")
		<-time.After(time.Hour)
		require.NoError(t, w.Fault("auth:slow=200ms"))
		began := time.Now()
		r := collect(s.Run(t.Context(), "what is new?"))
		assert.Equal(t, 200*time.Millisecond, time.Since(began))
		assert.Len(t, r.of(session.EventCalled), 5)
		assert.Equal(t, session.EventDone, r.last(t).Type)
		assert.Equal(t, 5, w.Count("auth", "refresh_token"))
	})
}

func TestMinTTLCoversTheTurn(t *testing.T) {
	t.Parallel()
	for minTTL, refreshes := range map[time.Duration]int{4 * time.Minute: 1, time.Minute: 0} {
		synctest.Test(t, func(t *testing.T) {
			w, s := inVirtualTime(t, session.Options{Build: mcptools.SetBuildOptions{MinTTL: minTTL}}, "notes")
			<-time.After(90 * time.Second)
			require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "x")).last(t).Type)
			assert.Equal(t, refreshes, w.Count("auth", "refresh_token"), minTTL)
		})
	}
}
