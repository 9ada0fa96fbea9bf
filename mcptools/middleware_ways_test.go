package mcptools_test

import (
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
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// answered is an answer of OpenAI's without a network.
func answered(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

const list401 = `{"error":{"type":"external_connector_error","code":"http_error","param":"tools",` +
	`"message":"Error retrieving tool list from MCP server: 'notes'. Http status code: 401 (Unauthorized)"}}`

// The owner changes between a consent and a key while a request is on its way.
// The request that is sent again carries the new credential and nothing of the
// old one: OpenAI refuses a token in both places.
func TestOptionCarriesOneCredentialAfterAChangeOfWay(t *testing.T) {
	t.Parallel()
	ways := []providers.Way{
		{ID: "oauth", Kind: providers.WayOAuth, Name: "OAuth", Obtain: "Consent."},
		{ID: "key", Kind: providers.WayKey, Name: "key", Obtain: "Make one.", Carry: []providers.Carry{{Header: "Authorization", Prefix: "Token "}}},
		{ID: "other_key", Kind: providers.WayKey, Name: "other key", Obtain: "Make one.", Carry: []providers.Carry{{Header: "X-Key"}}},
	}
	p := providers.Custom("notes", "https://notes.example/mcp", &providers.CustomOptions{Ways: ways})
	key := oauthstore.Key{Owner: ada, Provider: "notes", Server: p.Server.URL}
	credential := func(way string) oauthstore.Credential {
		return oauthstore.Credential{
			AccessToken: oauthstore.NewSecret("synthetic-" + way), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport, Way: way},
		}
	}
	for _, tc := range []struct {
		from, to      string
		authorization any
		headers       any
	}{
		{"oauth", "key", nil, map[string]any{"X-Mine": "1", "Authorization": "Token synthetic-key"}},
		{"oauth", "other_key", nil, map[string]any{"X-Mine": "1", "X-Key": "synthetic-other_key"}},
		{"key", "oauth", "synthetic-oauth", map[string]any{"X-Mine": "1"}},
		{"other_key", "oauth", "synthetic-oauth", map[string]any{"X-Mine": "1"}},
		{"other_key", "key", nil, map[string]any{"X-Mine": "1", "Authorization": "Token synthetic-key"}},
	} {
		t.Run(tc.from+" to "+tc.to, func(t *testing.T) {
			t.Parallel()
			keys, err := keyset.New()
			require.NoError(t, err)
			store, err := oauthstore.New(memstore.New(), keys, nil)
			require.NoError(t, err)
			_, err = store.Put(t.Context(), key, credential(tc.from))
			require.NoError(t, err)
			b, err := mcptools.NewBuilder(p, store, &mcptools.Options{InsecureSkipProbe: true, Headers: map[string]string{"X-Mine": "1"}})
			require.NoError(t, err)
			set, err := mcptools.NewSet(b)
			require.NoError(t, err)
			r, err := set.Build(t.Context(), ada, nil)
			require.NoError(t, err)

			var bodies [][]byte
			endpoint := option.WithMiddleware(func(req *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
				body, err := io.ReadAll(req.Body)
				assert.NoError(t, err)
				bodies = append(bodies, body)
				if len(bodies) > 1 {
					return answered(req, http.StatusOK, `{"id":"resp_1","status":"completed","output":[]}`), nil
				}
				_, err = store.Put(t.Context(), key, credential(tc.to))
				assert.NoError(t, err)
				return answered(req, http.StatusFailedDependency, list401), nil
			})
			client := openai.NewClient(option.WithAPIKey("k"))
			_, err = client.Responses.New(t.Context(), responses.ResponseNewParams{
				Model: "gpt-5", Tools: r.Tools(), Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("x")},
			}, r.Option(), endpoint)
			require.NoError(t, err)
			require.Len(t, bodies, 2)
			var second struct {
				Tools []map[string]any `json:"tools"`
			}
			require.NoError(t, json.Unmarshal(bodies[1], &second))
			assert.Equal(t, tc.authorization, second.Tools[0]["authorization"])
			assert.Equal(t, tc.headers, second.Tools[0]["headers"])
		})
	}
}

// A call of a tool that was refused may have run: the request is not sent again.
func TestOptionDoesNotRepeatARefusedCall(t *testing.T) {
	t.Parallel()
	h := newHealing(t, mcptools.Options{})
	r := h.request(t)
	h.Expire(h.token(t, "notes"))
	asked := 0
	_, err := h.ask(t, r, option.WithMiddleware(func(req *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
		asked++
		return answered(req, http.StatusFailedDependency, strings.Replace(list401, "retrieving tool list from", "calling tool 'search' of", 1)), nil
	}))
	f, ok := mcptools.AsFailure(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
	assert.Equal(t, mcptools.StageCallTool, f.Stage)
	assert.Equal(t, 1, asked)
}

// The server takes the token, seen from here, and refuses it to OpenAI. Sending
// it once more can't help.
func TestOptionDoesNotRepeatWithTheSameToken(t *testing.T) {
	t.Parallel()
	h := newHealing(t, mcptools.Options{})
	asked := 0
	_, err := h.ask(t, h.request(t), option.WithMiddleware(func(req *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
		asked++
		return answered(req, http.StatusFailedDependency, list401), nil
	}))
	f, ok := mcptools.AsFailure(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, mcptools.KindUnauthorized, f.Kind)
	assert.Equal(t, 1, asked)
}
