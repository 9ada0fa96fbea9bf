package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

func TestMain(m *testing.M) {
	// openai-go's default client keeps its connections for the next request.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func TestConnectionOutlivesTheProcessAndEndsAtTheVendor(t *testing.T) {
	t.Parallel()
	world, err := lab.Start(&lab.Options{Servers: []lab.Server{{Name: "notes"}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, world.Close()) })
	c := config{
		dir: t.TempDir(), loopback: true,
		provider: providers.Custom("notes", world.Server("notes").MCPURL, &providers.CustomOptions{Name: "Notes"}),
	}
	info := world.Info()
	client := openai.NewClient(option.WithBaseURL(info.OpenAIBaseURL), option.WithAPIKey(info.OpenAIAPIKey))

	// process runs the backend from its start to its end.
	process := func(use func(site http.Handler, store *oauthstore.Store)) {
		store, closeStore, err := openStore(t.Context(), c)
		require.NoError(t, err)
		defer func() { require.NoError(t, closeStore()) }()
		site, err := newHandler(c, "http://localhost", store, client)
		require.NoError(t, err)
		use(site, store)
	}
	ask := func(site http.Handler) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/ask", strings.NewReader("question=What+do+my+notes+say%3F"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		return w.Code, strings.TrimSpace(w.Body.String())
	}

	process(func(site http.Handler, store *oauthstore.Store) {
		status, text := ask(site)
		assert.Equal(t, http.StatusConflict, status)
		assert.Equal(t, "Notes is not connected: connect your account and try again.", text)
		_, err := world.Connect(t.Context(), site, store, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/connect/notes", nil))
		require.NoError(t, err)
	})
	process(func(site http.Handler, _ *oauthstore.Store) {
		status, text := ask(site)
		assert.Equal(t, http.StatusOK, status)
		assert.Contains(t, text, "Quarterly report")

		world.Revoke("user") // at the vendor: the store learns of it from the answer to the next question
		status, text = ask(site)
		assert.Equal(t, http.StatusConflict, status)
		assert.Equal(t, "Notes no longer accepts the connection: connect your account again.", text)
	})
}

func TestSiteRunsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out strings.Builder
	opened := writer(func(p []byte) { out.Write(p); cancel() })
	require.NoError(t, run(ctx, config{provider: providers.Linear(), listen: "127.0.0.1:0", dir: t.TempDir()}, opened))
	assert.Regexp(t, `^Open http://127\.0\.0\.1:\d+/ and connect Linear\.`, out.String())
}

// A page whose name leads to this machine has that name in its requests.
func TestPageOfAnotherSiteReadsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := config{provider: providers.Linear(), listen: "127.0.0.1:0", dir: t.TempDir()}
	printed, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- run(ctx, c, writer(func(p []byte) { printed <- string(p) })) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { assert.NoError(t, stop()) })
	var site string
	select {
	case line := <-printed:
		site = regexp.MustCompile(`http://[^/]+`).FindString(line)
	case err := <-ended:
		ended <- nil
		require.FailNow(t, "the site did not start", err)
	}
	port := site[strings.LastIndex(site, ":"):]
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for host, want := range map[string]int{
		"127.0.0.1" + port: http.StatusOK, "localhost" + port: http.StatusOK, "[::1]" + port: http.StatusOK,
		"evil.example" + port: http.StatusMisdirectedRequest, "evil.example": http.StatusMisdirectedRequest,
		"localhost.evil.example" + port: http.StatusMisdirectedRequest, "127.0.0.1.evil.example" + port: http.StatusMisdirectedRequest,
	} {
		for _, path := range []string{"/", "/connect/"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+path, nil)
			require.NoError(t, err)
			r.Host = host
			resp, err := client.Do(r)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, want, resp.StatusCode, "%s%s", host, path)
		}
	}
}

func TestHostWithoutAPortIsThatOfPort80(t *testing.T) {
	t.Parallel()
	for port, want := range map[int]int{80: http.StatusOK, 8080: http.StatusMisdirectedRequest} {
		site := onlyHere(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, http.HandlerFunc(home))
		for _, host := range []string{"localhost", "127.0.0.1", "[::1]"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Host = host
			w := httptest.NewRecorder()
			site.ServeHTTP(w, r)
			assert.Equal(t, want, w.Code, "%s at port %d", host, port)
		}
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}
