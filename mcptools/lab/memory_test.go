package lab_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// One hour of a conversation, with a store that refreshes, in virtual time.
func TestInMemoryWorldRunsInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, err := lab.Start(&lab.Options{InMemory: true, TokenTTL: 5 * time.Minute, CallTimeout: time.Minute})
		require.NoError(t, err)
		defer func() { assert.NoError(t, w.Close()) }()
		keys, err := keyset.New()
		require.NoError(t, err)
		store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureTransport: w.Client().Transport, InsecureAllowLoopback: true})
		require.NoError(t, err)
		defer func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) }()
		key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "mia"}, Provider: "notes", Server: w.Server("notes").MCPURL}
		_, err = store.Put(t.Context(), key, w.Grant("notes", "mia").Credential())
		require.NoError(t, err)

		c := openai.NewClient(
			option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey),
			option.WithHTTPClient(w.Client()), option.WithMaxRetries(0),
		)
		began, previous := time.Now(), ""
		for range 12 {
			token, err := store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			p := ask("report", entry(w, "notes", token.AccessToken.Expose()))
			if previous != "" {
				p.PreviousResponseID = param.NewOpt(previous)
			}
			resp, err := c.Responses.New(t.Context(), p)
			require.NoError(t, err)
			assert.Contains(t, resp.OutputText(), "mia")
			previous = resp.ID
			time.Sleep(5 * time.Minute) //nolint:forbidigo // virtual
		}
		assert.GreaterOrEqual(t, time.Since(began), time.Hour)
		for _, r := range w.ModelRequests() {
			assert.True(t, r.Entries[0].Active, "no expired token is sent")
		}
		assert.Equal(t, 1, w.Count("notes", "tools/list"))
		assert.GreaterOrEqual(t, w.Count("auth", "refresh_token"), 11)
	})
}

func TestInMemoryWorldStreamsAndHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, err := lab.Start(&lab.Options{InMemory: true, CallTimeout: time.Minute, Faults: []string{"notes:slow=200ms"}})
		require.NoError(t, err)
		defer func() { assert.NoError(t, w.Close()) }()
		c := openai.NewClient(
			option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey),
			option.WithHTTPClient(w.Client()), option.WithMaxRetries(0),
		)
		tool := entry(w, "notes", w.Key("notes", "mia"))
		began := time.Now()
		s := c.Responses.NewStreaming(t.Context(), ask("report", tool))
		last := responses.ResponseStreamEventUnion{}
		for s.Next() {
			last = s.Current()
		}
		require.NoError(t, s.Err())
		assert.Equal(t, "response.completed", last.Type)
		assert.Equal(t, 600*time.Millisecond, time.Since(began), "server/discover, tools/list and tools/call")

		w.Clear()
		require.NoError(t, w.Fault("notes:hang"))
		began = time.Now()
		_, err = c.Responses.New(t.Context(), ask("report", tool))
		assert.Equal(t, 424, apiError(t, err).StatusCode)
		assert.Equal(t, time.Minute, time.Since(began), "the endpoint waits for CallTimeout")
	})
}

// Requests of a builder and of the doctor use the caller's transport.
func TestInMemoryWorldCanBeProbed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, err := lab.Start(&lab.Options{InMemory: true})
		require.NoError(t, err)
		defer func() { assert.NoError(t, w.Close()) }()
		through := w.Client().Transport
		provider := providers.Custom("notes", w.Server("notes").MCPURL, nil)
		right, wrong := w.Key("notes", "mia"), w.RESTToken("notes", "mia")
		for token, works := range map[string]bool{right: true, wrong: false} {
			held := oauthstore.Token{AccessToken: oauthstore.NewSecret(token)}
			source := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) { return held, nil })
			b, err := mcptools.NewBuilder(provider, source, &mcptools.Options{InsecureAllowLoopback: true, InsecureTransport: through})
			require.NoError(t, err)
			_, err = b.Build(t.Context(), oauthstore.Owner{Tenant: "acme", Subject: "mia"}, nil)
			assert.Equal(t, works, err == nil, "%v", err)
			report := doctor.Examine(t.Context(), doctor.Case{Provider: provider, Token: &held}, &doctor.Options{InsecureAllowLoopback: true, InsecureTransport: through})
			assert.Equal(t, works, report.Verdict == doctor.VerdictOK, "%+v", report)
		}
	})
}
