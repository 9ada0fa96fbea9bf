package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func TestMain(m *testing.M) {
	if os.Getenv(handoverEnv) != "" {
		if err := secondProcess(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

var ada = oauthstore.Owner{Tenant: "acme", Subject: "ada"}

// A backend is a program in the lab: a store, a set of builders, and openai-go.
type backend struct {
	*lab.World
	store  *oauthstore.Store
	set    *mcptools.Set
	client openai.Client
}

// newBackend starts a world in which ada has connected to all of the servers.
func newBackend(t *testing.T, opts *lab.Options, entry mcptools.Options, servers ...string) *backend {
	t.Helper()
	if opts == nil {
		opts = &lab.Options{}
	}
	for _, name := range servers {
		opts.Servers = append(opts.Servers, lab.Server{Name: name})
	}
	w, err := lab.Start(opts)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureAllowLoopback: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	b := &backend{World: w, store: store}
	var builders []*mcptools.Builder
	for _, name := range servers {
		b.connect(t, name)
		entry.InsecureAllowLoopback = true
		builder, err := mcptools.NewBuilder(providers.Custom(name, w.Server(name).MCPURL, nil), store, &entry)
		require.NoError(t, err)
		builders = append(builders, builder)
	}
	b.set, err = mcptools.NewSet(builders...)
	require.NoError(t, err)
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	b.client = openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey), option.WithHTTPClient(hc))
	return b
}

func (b *backend) key(server string) oauthstore.Key {
	return oauthstore.Key{Owner: ada, Provider: server, Server: b.Server(server).MCPURL}
}

// connect stores a credential, as the user's consent gives it, and returns its
// access token.
func (b *backend) connect(t *testing.T, server string) string {
	t.Helper()
	g := b.Grant(server, "ada")
	_, err := b.store.Put(t.Context(), b.key(server), g.Credential())
	require.NoError(t, err)
	return g.AccessToken
}

// warm builds the entries once, so that the servers have been asked about the
// tokens.
func (b *backend) warm(t *testing.T) {
	t.Helper()
	_, err := b.set.Build(t.Context(), ada, nil)
	require.NoError(t, err)
}

func (b *backend) session(t *testing.T, opts session.Options) *session.Session {
	t.Helper()
	opts.Params.Model = "gpt-5"
	s, err := session.New(&b.client.Responses, b.set, ada, &opts)
	require.NoError(t, err)
	return s
}

// A result is what a turn gave.
type result struct {
	events []session.Event
	err    error
}

func collect(seq func(yield func(session.Event, error) bool)) result {
	var r result
	for e, err := range seq {
		if err != nil {
			r.err = err
			continue
		}
		r.events = append(r.events, e)
	}
	return r
}

func (r result) of(kind session.EventType) []session.Event {
	return slices.DeleteFunc(slices.Clone(r.events), func(e session.Event) bool { return e.Type != kind })
}

func (r result) last(t *testing.T) session.Event {
	t.Helper()
	require.NoError(t, r.err)
	require.NotEmpty(t, r.events)
	return r.events[len(r.events)-1]
}

// failure returns the failure that the turn ended with.
func (r result) failure(t *testing.T) *mcptools.Failure {
	t.Helper()
	f, ok := mcptools.AsFailure(r.err)
	require.True(t, ok, "%v", r.err)
	return f
}

func (b *backend) requests() int { return len(b.ModelRequests()) }

// body returns the n-th request that the model got.
func (b *backend) body(t *testing.T, n int) map[string]any {
	t.Helper()
	all := b.ModelRequests()
	require.Greater(t, len(all), n)
	var body map[string]any
	require.NoError(t, json.Unmarshal(all[n].Body, &body))
	return body
}

// both runs a test with and without streaming.
func both(t *testing.T, test func(t *testing.T, stream bool)) {
	t.Helper()
	for name, stream := range map[string]bool{"whole": false, "streamed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, stream)
		})
	}
}

var _ session.Responses = (*responses.ResponseService)(nil)

const soon = 5 * time.Millisecond
