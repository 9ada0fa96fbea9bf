package guides_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

func withEntraID(token func(context.Context) (string, error)) option.RequestOption {
	return option.WithMiddleware(func(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		bearer, err := token(r.Context())
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+bearer)
		return next(r)
	})
}

func foundry(serverURL, connection string) (*mcptools.Builder, error) {
	p := platform.Foundry()
	p.EntryFields = map[string]string{"project_connection_id": connection}
	server := providers.Custom("notes", serverURL, &providers.CustomOptions{
		Name: "Notes", Ways: []providers.Way{{ID: "none", Kind: providers.WayNone, Name: "a connection of the project"}},
	})
	return mcptools.NewBuilder(server, nil, &mcptools.Options{Platform: p})
}

// consentLink asks a question and returns the link of the consent that is missing.
func consentLink(ctx context.Context, s *session.Session, question string) (string, error) {
	for event, err := range s.Run(ctx, question) {
		if err != nil {
			return "", err
		}
		if f := event.Failure; f != nil && f.Action == mcptools.ActionConnect {
			return f.ConsentURL, nil // show it: Foundry stores the consent
		}
	}
	return "", nil
}

func TestTokenOfEntraIDIsThatOfTheRequest(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	world, err := lab.Start(&lab.Options{Platform: "azure", Servers: []lab.Server{{Name: "notes"}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, world.Close()) })
	info := world.Info()
	client := openai.NewClient(option.WithBaseURL(info.OpenAIBaseURL), withEntraID(func(context.Context) (string, error) {
		return info.OpenAIAPIKey, nil
	}))
	response, err := client.Responses.New(t.Context(), responses.ResponseNewParams{
		Model: "gpt-5", Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("hello")},
	})
	require.NoError(t, err)
	assert.NotEmpty(t, response.OutputText())
}

func TestMissingConsentAtFoundryHasALink(t *testing.T) {
	t.Parallel()
	builder, err := foundry("https://notes.example.com/mcp", "notes-connection")
	require.NoError(t, err)
	set, err := mcptools.NewSet(builder)
	require.NoError(t, err)
	player := lab.Replay("list-not-connected")
	client := openai.NewClient(append(player.Options(), option.WithBaseURL("https://acme.services.ai.azure.com/api/projects/one/openai/v1/"))...)
	s, err := session.New(&client.Responses, set, oauthstore.Owner{Tenant: "acme", Subject: "mia"}, &session.Options{
		Params: responses.ResponseNewParams{Model: "gpt-5"},
	})
	require.NoError(t, err)
	link, err := consentLink(t.Context(), s, "hello")
	require.NoError(t, err)
	assert.Equal(t, "https://login.example.com/consent?data=1", link)
	assert.Contains(t, string(player.ModelRequests()[0].Body), `"project_connection_id":"notes-connection"`)
}

func TestEntriesOfAnotherPlatformAreRefusedByName(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	notes := providers.Custom("notes", "https://notes.example.com/mcp", nil)
	for field, o := range map[string]mcptools.Options{
		"server_description": {Platform: platform.Azure(), Description: "Notes"},
		"defer_loading":      {Platform: platform.Azure(), DeferLoading: true},
		"tunnel_id":          {Platform: platform.Azure(), TunnelID: "tunnel_0123456789abcdef0123456789abcdef"},
		"require_approval":   {Platform: platform.XAI()},
	} {
		_, err := mcptools.NewBuilder(notes, store, &o)
		require.ErrorIs(t, err, mcptools.KindUnsupported, field)
		require.ErrorContains(t, err, field+": "+o.Platform.Name)
	}
	_, err := mcptools.NewBuilder(notes, store, &mcptools.Options{Platform: platform.XAI(), Approval: mcptools.ApprovalNever})
	require.NoError(t, err)
}
