package mcptools_test

import (
	"context"
	"testing"
	"time"

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

// asana builds entries with a token that lives for ttl; 0: its end is unknown.
// Asana's tokens live for an hour.
func asana(t *testing.T, ttl time.Duration) *mcptools.Set {
	t.Helper()
	tokens := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		token := oauthstore.Token{AccessToken: oauthstore.NewSecret("a-token-of-asana")}
		if ttl > 0 {
			token.Expiry = time.Now().Add(ttl)
		}
		return token, nil
	})
	b, err := mcptools.NewBuilder(providers.Asana(), tokens, &mcptools.Options{InsecureSkipProbe: true})
	require.NoError(t, err)
	set, err := mcptools.NewSet(b)
	require.NoError(t, err)
	return set
}

func TestTokenThatEndsBeforeTheResponseIsRefusedWithWhatHelps(t *testing.T) {
	t.Parallel()
	for name, ttl := range map[string]time.Duration{"known": 30 * time.Minute, "unknown, by the provider's lifetime": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := asana(t, ttl).Build(t.Context(), ada, &mcptools.SetBuildOptions{MinTTL: 2 * time.Hour, RequireTTL: true})
			f, ok := mcptools.AsFailure(err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, mcptools.KindUnavailable, f.Kind)
			assert.Equal(t, mcptools.ActionFixConfig, f.Action)
			assert.Equal(t, "asana", f.Provider)
			assert.Contains(t, f.Error(), "no token of Asana lives for the 2h that the response may run, since the provider's tokens live for 1h")
			assert.Contains(t, f.Error(), "use a relay (Options.Relay)")
		})
	}
}

func TestTokenWithoutAKnownEndGivesAWarning(t *testing.T) {
	t.Parallel()
	r, err := asana(t, 0).Build(t.Context(), ada, &mcptools.SetBuildOptions{MinTTL: 2 * time.Hour})
	require.NoError(t, err)
	require.Len(t, r.Entries[0].Warnings, 1)
	assert.Contains(t, r.Entries[0].Warnings[0], "no token of Asana lives for the 2h")
	r, err = asana(t, 0).Build(t.Context(), ada, &mcptools.SetBuildOptions{MinTTL: 30 * time.Minute})
	require.NoError(t, err)
	assert.Empty(t, r.Entries[0].Warnings)
}

func TestOptionRefusesACompletionWindowThatATokenDoesNotLast(t *testing.T) {
	t.Parallel()
	for window, lasts := range map[string]bool{"soonest": true, "2h": true, "8h": false, "3d": false} {
		t.Run(window, func(t *testing.T) {
			t.Parallel()
			r, err := asana(t, 3*time.Hour).Build(t.Context(), ada, nil)
			require.NoError(t, err)
			openAI := lab.Replay("background")
			client := openai.NewClient(openAI.Options()...)
			p := responses.ResponseNewParams{Model: "gpt-5", Tools: r.Tools(), Background: openai.Bool(true)}
			p.SetExtraFields(map[string]any{"background_options": map[string]any{"completion_window": window}})
			_, err = client.Responses.New(t.Context(), p, r.Option(), option.WithMaxRetries(2))
			if lasts {
				require.NoError(t, err)
				return
			}
			f, ok := mcptools.AsFailure(err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, mcptools.StageBuild, f.Stage)
			assert.Equal(t, mcptools.ActionFixConfig, f.Action)
			assert.Empty(t, openAI.ModelRequests(), "OpenAI is not asked")
		})
	}
}
