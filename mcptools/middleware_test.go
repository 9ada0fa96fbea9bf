package mcptools_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// healing is a program that keeps its own loop: a world with two servers, to
// which ada has connected, and openai-go as it comes.
type healing struct {
	*lab.World
	set    *mcptools.Set
	client openai.Client
}

func newHealing(t *testing.T, opts mcptools.Options) healing {
	t.Helper()
	w, err := lab.Start(nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{
		InsecureAllowLoopback: true,
		Clients: func(context.Context, string, string) (oauthstore.Client, error) {
			return oauthstore.Client{Secret: oauthstore.NewSecret(w.Server("tasks").ClientSecret)}, nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	var builders []*mcptools.Builder
	for _, name := range []string{"notes", "tasks"} {
		p := providers.Custom(name, w.Server(name).MCPURL, nil)
		_, err := store.Put(t.Context(), oauthstore.Key{Owner: ada, Provider: name, Server: p.Server.URL}, w.Grant(name, "ada").Credential())
		require.NoError(t, err)
		opts.InsecureAllowLoopback, opts.Approval = true, mcptools.ApprovalNever
		b, err := mcptools.NewBuilder(p, store, &opts)
		require.NoError(t, err)
		builders = append(builders, b)
	}
	set, err := mcptools.NewSet(builders...)
	require.NoError(t, err)
	return healing{w, set, openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey))}
}

func (h healing) request(t *testing.T) mcptools.Result {
	t.Helper()
	r, err := h.set.Build(t.Context(), ada, nil)
	require.NoError(t, err)
	return r
}

func (h healing) ask(t *testing.T, r mcptools.Result, opts ...option.RequestOption) (*responses.Response, error) {
	t.Helper()
	return h.client.Responses.New(t.Context(), responses.ResponseNewParams{
		Model: "gpt-5", Tools: r.Tools(), Metadata: map[string]string{"n": "1"},
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("x")},
	}, append([]option.RequestOption{r.Option()}, opts...)...)
}

func TestOptionReplacesARefusedToken(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]mcptools.Options{"in authorization": {}, "in headers": {UseHeaders: true, Headers: map[string]string{"X-Mine": "1"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHealing(t, opts)
			h.request(t)
			h.Expire(h.token(t, "notes"))
			r := h.request(t)
			resp, err := h.ask(t, r)
			require.NoError(t, err)
			assert.Contains(t, resp.OutputText(), "notes")
			assert.Equal(t, 1, h.Count("auth", "refresh_token"))

			asked := h.ModelRequests()
			require.Len(t, asked, 2)
			assert.False(t, asked[0].Entries[0].Active)
			assert.True(t, asked[1].Entries[0].Active)
			assert.Equal(t, asked[0].Entries[1], asked[1].Entries[1], "the other entry is as it was")
			var first, second map[string]any
			require.NoError(t, json.Unmarshal(asked[0].Body, &first))
			require.NoError(t, json.Unmarshal(asked[1].Body, &second))
			assert.Equal(t, first, second, "nothing but the token was changed")
		})
	}
}

func TestOptionAdoptsTheTokenOfAnotherAttempt(t *testing.T) {
	t.Parallel()
	h := newHealing(t, mcptools.Options{})
	h.request(t)
	h.Expire(h.token(t, "notes"))
	r := h.request(t)
	asked := false
	between := option.WithMiddleware(func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		res, err := next(req)
		if !asked { // a concurrent request is refused too, and replaces the token first
			asked = true
			_, err := h.ask(t, r)
			assert.NoError(t, err)
		}
		return res, err
	})
	_, err := h.ask(t, r, between)
	require.NoError(t, err)
	assert.Len(t, h.ModelRequests(), 4)
	assert.Equal(t, 1, h.Count("auth", "refresh_token"))
}

// token returns the token that an entry carries now.
func (h healing) token(t *testing.T, label string) string {
	t.Helper()
	e, ok := h.request(t).Entry(label)
	require.True(t, ok)
	m := e.Tool().OfMcp
	if m.Authorization.Valid() {
		return m.Authorization.Value
	}
	return m.Headers["Authorization"][len("Bearer "):]
}

func TestOptionReplacesATokenBeforeTheStreamStarts(t *testing.T) {
	t.Parallel()
	h := newHealing(t, mcptools.Options{})
	h.request(t)
	h.Expire(h.token(t, "notes"))
	r := h.request(t)
	stream := h.client.Responses.NewStreaming(t.Context(), responses.ResponseNewParams{
		Model: "gpt-5", Tools: r.Tools(), Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("x")},
	}, r.Option())
	completed := false
	for stream.Next() {
		completed = completed || stream.Current().Type == "response.completed"
	}
	require.NoError(t, stream.Err())
	assert.True(t, completed)
	assert.Len(t, h.ModelRequests(), 2)
}

func TestOptionReplacesATokenOnceAcrossRetries(t *testing.T) {
	t.Parallel()
	h := newHealing(t, mcptools.Options{})
	h.request(t)
	h.Expire(h.token(t, "notes"))
	r := h.request(t)
	// OpenAI is out of order at the second try, which carries the new token, and
	// so openai-go begins anew with the body that it has: with the old one.
	tries := 0
	outage := option.WithMiddleware(func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		if tries++; tries == 2 {
			return &http.Response{StatusCode: http.StatusInternalServerError, Header: http.Header{"Retry-After-Ms": {"1"}}, Body: io.NopCloser(http.NoBody), Request: req}, nil
		}
		return next(req)
	})
	_, err := h.ask(t, r, outage)
	require.NoError(t, err)
	assert.Equal(t, 3, tries)
	assert.Equal(t, 1, h.Count("auth", "refresh_token"), "the old token is known to be refused")
	asked := h.ModelRequests()
	require.Len(t, asked, 2)
	assert.True(t, asked[1].Entries[0].Active)
}

func TestOptionDoesNotTryAThirdTime(t *testing.T) {
	t.Parallel()
	h := newHealing(t, mcptools.Options{InsecureSkipProbe: true})
	require.NoError(t, h.Fault("notes:401"))
	_, err := h.ask(t, h.request(t))
	f, ok := mcptools.AsFailure(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, mcptools.KindReauthorize, f.Kind)
	assert.Equal(t, "notes", f.Provider)
	assert.Len(t, h.ModelRequests(), 2)

	var apiErr *openai.Error
	require.ErrorAs(t, err, &apiErr, "a program that looks for openai-go's error finds it")
	assert.Equal(t, 424, apiErr.StatusCode)
	assert.Equal(t, "external_connector_error", apiErr.Type)
	body, err := io.ReadAll(apiErr.Response.Body)
	require.NoError(t, err)
	assert.Contains(t, string(body), "external_connector_error")
}

// A relay's answer does not say what was asked of it: a tool may have run.
func TestOptionDoesNotRepeatWhatMayHaveRun(t *testing.T) {
	t.Parallel()
	h := newHealing(t, mcptools.Options{})
	r, err := h.set.Without("tasks").Build(t.Context(), ada, nil)
	require.NoError(t, err)
	h.Expire()
	asked := 0
	_, err = h.ask(t, r, option.WithMiddleware(func(req *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
		asked++
		body := `{"error":{"kind":"unauthorized","message":"The ticket is not valid: build a new entry."}}`
		return &http.Response{StatusCode: http.StatusFailedDependency, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}))
	f, ok := mcptools.AsFailure(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
	assert.Equal(t, mcptools.StageListTools, f.Stage)
	assert.Equal(t, "notes", f.Provider)
	assert.Equal(t, 1, asked)
}

func TestOptionReturnsFailuresThatItCannotRepair(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]struct {
		kind  mcptools.Kind
		tries int
	}{
		"notes:404":           {mcptools.KindNotFound, 1},
		"openai:placeholder":  {mcptools.KindUpstreamUnknown, 1},
		"openai:401":          {mcptools.KindPlatform, 1},
		"openai:500":          {mcptools.KindPlatform, 3},
		"openai:error_string": {mcptools.KindPlatform, 3},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			h := newHealing(t, mcptools.Options{})
			r := h.request(t)
			require.NoError(t, h.Fault(fault))
			if fault == "openai:placeholder" {
				require.NoError(t, h.Fault("notes:401"))
			}
			_, err := h.ask(t, r, option.WithMaxRetryDelay(1))
			f, ok := mcptools.AsFailure(err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, want.kind, f.Kind)
			assert.Len(t, h.ModelRequests(), want.tries)
		})
	}
}

func TestOptionIgnoresOtherRequests(t *testing.T) {
	t.Parallel()
	h := newHealing(t, mcptools.Options{})
	r := h.request(t)
	resp, err := h.ask(t, r)
	require.NoError(t, err)
	_, err = h.client.Responses.Get(t.Context(), resp.ID, responses.ResponseGetParams{}, r.Option())
	require.NoError(t, err)
}

func TestASetWithoutSomeLabels(t *testing.T) {
	t.Parallel()
	h := newHealing(t, mcptools.Options{})
	r, err := h.set.Without("notes").Build(t.Context(), ada, nil)
	require.NoError(t, err)
	require.Len(t, r.Entries, 1)
	assert.Equal(t, "tasks", r.Entries[0].Label)
	assert.Equal(t, []string{"notes", "tasks"}, h.set.Labels())
	none, err := h.set.Without("notes", "tasks").Build(t.Context(), ada, nil)
	require.NoError(t, err)
	assert.Empty(t, none.Tools())
}
