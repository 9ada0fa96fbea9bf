package sessionhttp_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func TestNoSecretReachesABrowserOrTheStore(t *testing.T) {
	t.Parallel()
	w, err := lab.Start(nil)
	require.NoError(t, err)
	defer w.Close()
	creds, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureAllowLoopback: true})
	require.NoError(t, err)
	defer creds.Close(context.WithoutCancel(t.Context()))
	var builders []*mcptools.Builder
	secrets := []string{w.Info().OpenAIAPIKey}
	for _, name := range []string{"notes", "tasks"} {
		p := providers.Custom(name, w.Server(name).MCPURL, nil)
		b, err := mcptools.NewBuilder(p, creds, &mcptools.Options{Approval: mcptools.ApprovalNever, InsecureAllowLoopback: true})
		require.NoError(t, err)
		builders = append(builders, b)
		grant := w.Grant(name, "ada")
		_, err = creds.Put(t.Context(), oauthstore.Key{Owner: ada, Provider: name, Server: p.Server.URL}, grant.Credential())
		require.NoError(t, err)
		secrets = append(secrets, grant.AccessToken, grant.RefreshToken)
	}
	set, err := mcptools.NewSet(builders...)
	require.NoError(t, err)
	require.NoError(t, w.Fault("tasks:call_401"))
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	client := openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey), option.WithHTTPClient(hc))
	store := sessionhttp.NewMemory()
	chats, err := sessionhttp.New(signedIn, func(_ context.Context, owner oauthstore.Owner, _ string, st *session.State) (*session.Session, error) {
		return session.New(&client.Responses, set, owner, &session.Options{
			Params: responses.ResponseNewParams{Model: "gpt-5"}, Stream: true, Raw: true, Replay: true, State: st,
		})
	}, store, nil)
	require.NoError(t, err)
	defer chats.Close(context.WithoutCancel(t.Context()))
	mux := http.NewServeMux()
	mux.Handle("/chats/{id}", chats)
	site := httptest.NewServer(mux)
	defer site.Close()

	ask := func(method, body string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, site.URL+"/chats/c1", strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("X-User", ada.Subject)
		req.Header.Set("Content-Type", "application/json")
		resp, err := hc.Do(req)
		require.NoError(t, err)
		return resp
	}
	stream := ask(http.MethodGet, "")
	defer stream.Body.Close()
	require.NoError(t, ask(http.MethodPost, `{"message": "What is new?"}`).Body.Close())
	var seen strings.Builder
	lines := bufio.NewScanner(stream.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && !strings.Contains(lines.Text(), `{"event":"done"`) {
		seen.WriteString(lines.Text() + "\n")
	}
	require.NoError(t, lines.Err())
	record, err := store.Get(t.Context(), ada, "c1")
	require.NoError(t, err)
	assert.Contains(t, seen.String(), `"event":"failed"`)
	assert.Contains(t, seen.String(), `"event":"raw"`)
	assert.Contains(t, string(record.Data), "notes of ada")
	for _, secret := range secrets {
		assert.NotContains(t, seen.String(), secret)
		assert.NotContains(t, string(record.Data), secret)
	}
}

func TestTheServersWriteTimeoutDoesNotEndAStream(t *testing.T) {
	t.Parallel()
	s := newSite(t, talkative, sessionhttp.NewMemory(), &sessionhttp.Options{KeepAlive: 20 * time.Millisecond})
	defer s.Close(context.WithoutCancel(t.Context()))
	mux := http.NewServeMux()
	mux.Handle("/chats/{id}", s)
	server := httptest.NewUnstartedServer(mux)
	server.Config.WriteTimeout = 50 * time.Millisecond
	server.Start()
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/chats/c1", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("X-User", ada.Subject)
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	alive := 0
	for lines := bufio.NewScanner(resp.Body); alive < 10 && lines.Scan(); {
		if lines.Text() == ": keep-alive" {
			alive++
		}
	}
	assert.Equal(t, 10, alive, "it lasts for longer")
}
