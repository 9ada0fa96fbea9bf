package session_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
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
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// relayed makes a world in memory with the server notes, whose tokens live for an
// hour and to which ada has connected, a relay, and a session whose entries point at
// the relay.
func relayed(t *testing.T, o session.Options) (*lab.World, *oauthstore.Store, *relay.Relay, *session.Session) {
	t.Helper()
	w, err := lab.Start(&lab.Options{InMemory: true, TokenTTL: time.Hour, Servers: []lab.Server{{Name: "notes"}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	keys, err := keyset.New()
	require.NoError(t, err)
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureTransport: w.Client().Transport, InsecureAllowLoopback: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	r, err := relay.New(store, keys, "https://relay.example/mcp", &relay.Options{InsecureTransport: w.Client().Transport, InsecureAllowLoopback: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close(context.WithoutCancel(t.Context()))) })
	p := providers.Custom("notes", w.Server("notes").MCPURL, nil)
	_, err = store.Put(t.Context(), oauthstore.Key{Owner: ada, Provider: "notes", Server: p.Server.URL}, w.Grant("notes", "ada").Credential())
	require.NoError(t, err)
	b, err := mcptools.NewBuilder(p, store, &mcptools.Options{Approval: mcptools.ApprovalNever, InsecureAllowLoopback: true, Relay: r})
	require.NoError(t, err)
	set, err := mcptools.NewSet(b)
	require.NoError(t, err)
	client := openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey("k"))
	o.Params.Model = "gpt-5"
	s, err := session.New(&client.Responses, set, ada, &o)
	require.NoError(t, err)
	return w, store, r, s
}

// ask sends an MCP request to the relay with the server_url and the authorization of
// an entry, as OpenAI does, and returns the status and the body of the response.
func ask(t *testing.T, r http.Handler, entry map[string]string, message string) (int, string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, entry["server_url"], strings.NewReader(message))
	req.Header.Set("Authorization", "Bearer "+entry["authorization"])
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	res := httptest.NewRecorder()
	r.ServeHTTP(res, req)
	return res.Code, res.Body.String()
}

const search = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"x"}}}`

// sentEntry returns the strings of the entry in a request.
func sentEntry(t *testing.T, req *http.Request) map[string]string {
	t.Helper()
	var body struct {
		Tools []map[string]any `json:"tools"`
	}
	require.NoError(t, json.NewDecoder(req.Body).Decode(&body))
	require.Len(t, body.Tools, 1)
	entry := make(map[string]string)
	for name, value := range body.Tools[0] {
		entry[name], _ = value.(string)
	}
	return entry
}

// The run takes longer than any token lives, which a builder refuses without a
// relay: see TestTokenThatEndsBeforeABackgroundResponseIsRefused.
func TestBackgroundResponseOutlivesItsTokensThroughARelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const takes = 2 * time.Hour
		var r *relay.Relay
		var entry map[string]string
		began, calls := time.Time{}, 0
		endpoint := option.WithMiddleware(func(req *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
			status := "in_progress"
			switch {
			case req.Method == http.MethodPost:
				entry, began, status = sentEntry(t, req), time.Now(), "queued"
			case time.Since(began) >= takes:
				status = "completed"
			}
			if time.Since(began) >= time.Duration(calls)*10*time.Minute {
				calls++
				code, body := ask(t, r, entry, search)
				assert.Equal(t, http.StatusOK, code, "after %v: %s", time.Since(began), body)
				assert.Contains(t, body, "Quarterly report")
			}
			return refusal(req, http.StatusOK, http.Header{}, `{"id":"resp_1","object":"response","status":"`+status+`","output":[`+strings.ReplaceAll(says, "#", "1")+`]}`), nil
		})
		w, store, made, s := relayed(t, session.Options{
			Params: responses.ResponseNewParams{Background: openai.Bool(true)}, Build: mcptools.SetBuildOptions{MinTTL: takes},
			RequestOptions: []option.RequestOption{endpoint},
		})
		r = made
		require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "x")).last(t).Type)
		assert.Equal(t, 13, calls)
		assert.GreaterOrEqual(t, w.Count("auth", "refresh_token"), 2)

		// A disconnect takes effect at once, although the ticket is still valid.
		_, err := store.Disconnect(t.Context(), oauthstore.Key{Owner: ada, Provider: "notes", Server: w.Server("notes").MCPURL})
		require.NoError(t, err)
		code, body := ask(t, r, entry, search)
		assert.Equal(t, http.StatusUnauthorized, code)
		assert.NotContains(t, body, "report")
	})
}
