package mcptools_test

import (
	"net/http"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

func newWorld(t *testing.T) *lab.World {
	t.Helper()
	w, err := lab.Start(nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	return w
}

// labProvider is a server of the lab, with what is true of its vendor.
func labProvider(w *lab.World, name string) providers.Provider {
	p := providers.Custom(name, w.Server(name).MCPURL, nil)
	p.RESTToken = providers.No
	return p
}

// respond sends one request to the world's Responses endpoint.
func respond(t *testing.T, w *lab.World, tools ...responses.ToolUnionParam) (*responses.Response, error) {
	t.Helper()
	client := openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey), option.WithMaxRetries(0))
	return client.Responses.New(t.Context(), responses.ResponseNewParams{
		Model: "gpt-5", Tools: tools,
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("What is in my notes?")},
	})
}

// The report's story, in a world that is really running: the token works on
// the REST API, and the probe is what keeps it from OpenAI.
func TestARESTTokenOfTheLabNeverBecomesAnEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rest := w.RESTToken("notes", "ada")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.Server("notes").RESTURL, http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+rest)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, "the REST token does not work on the REST API")

	p := labProvider(w, "notes")
	key := oauthstore.Key{Owner: ada, Provider: "notes", Server: p.Server.URL}
	b, err := mcptools.NewBuilder(p, newStore(t, key, imported(rest)), probing(mcptools.Options{}))
	require.NoError(t, err)
	_, err = b.Build(t.Context(), ada, nil)
	f, ok := mcptools.AsFailure(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, mcptools.KindWrongAudience, f.Kind)
	assert.Contains(t, f.Upstream(), "401 invalid_token", "what the server said")
	assert.Contains(t, f.Error(), "none of the vendor's REST API", "the provider's rule")
	assert.Equal(t, http.StatusConflict, f.HTTPStatus())
	assert.Zero(t, w.Count("notes", "tools/call"))
	assert.Empty(t, w.ModelRequests())

	// What happens without the probe is what the report was about.
	blind, err := mcptools.NewBuilder(p, newStore(t, key, imported(rest)), probing(mcptools.Options{InsecureSkipProbe: true}))
	require.NoError(t, err)
	tool, err := blind.Build(t.Context(), ada, nil)
	require.NoError(t, err)
	_, err = respond(t, w, tool)
	f, ok = mcptools.AsFailure(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
	assert.Equal(t, mcptools.StageListTools, f.Stage)
	assert.Equal(t, "notes", f.ServerLabel)
}

func TestEntriesOfTwoProvidersWorkAtTheResponsesEndpoint(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]mcptools.Options{
		"in authorization": {Approval: mcptools.ApprovalNever},
		"in headers":       {Approval: mcptools.ApprovalNever, UseHeaders: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var builders []*mcptools.Builder
			for _, server := range []string{"notes", "tasks"} {
				p := labProvider(w, server)
				key := oauthstore.Key{Owner: ada, Provider: server, Server: p.Server.URL}
				b, err := mcptools.NewBuilder(p, newStore(t, key, w.Grant(server, "ada").Credential()), probing(o))
				require.NoError(t, err)
				builders = append(builders, b)
			}
			set, err := mcptools.NewSet(builders...)
			require.NoError(t, err)
			r, err := set.Build(t.Context(), ada, nil)
			require.NoError(t, err)
			require.Empty(t, r.Skipped)

			resp, err := respond(t, w, r.Tools()...)
			require.NoError(t, err)
			assert.NotEmpty(t, resp.OutputText())
			assert.Positive(t, w.Count("notes", "tools/call"))
			assert.Positive(t, w.Count("tasks", "tools/call"))
		})
	}
}

func TestTokenForOneServerOfTheLabIsRefusedByTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := labProvider(w, "notes")
	key := oauthstore.Key{Owner: ada, Provider: "notes", Server: p.Server.URL}
	b, err := mcptools.NewBuilder(p, newStore(t, key, w.Grant("tasks", "ada").Credential()), probing(mcptools.Options{}))
	require.NoError(t, err)
	_, err = b.Build(t.Context(), ada, nil)
	require.ErrorIs(t, err, mcptools.KindWrongAudience)
	assert.Zero(t, w.Count("notes", ""), "the token was sent to a server that it is not for")
}
