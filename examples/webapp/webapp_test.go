package main

import (
	"bufio"
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/browsertest"
)

func TestMain(m *testing.M) {
	// openai-go's default client keeps its connections for the next request.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// start runs the program and returns the URL that it prints.
func start(t *testing.T, ids string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, "127.0.0.1:0", ids, w)
		_ = w.Close()
	}()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	return regexp.MustCompile(`http://\S+`).FindString(line)
}

// A browser has the cookies of one user and follows redirects.
type browser struct {
	site string
	http *http.Client
}

func newBrowser(t *testing.T, site, name string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	b := &browser{site: site, http: &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}}
	status, page := b.post(t, "sign-in", "name", name)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "Hello "+name)
	return b
}

func (b *browser) do(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := b.http.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, html.UnescapeString(string(page))
}

func (b *browser) get(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.site+path, nil)
	require.NoError(t, err)
	return b.do(t, req)
}

func (b *browser) post(t *testing.T, path string, fields ...string) (int, string) {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.site+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(t, req)
}

var formToken = regexp.MustCompile(`name="token" value="(\w+)"`)

// list returns the connections page.
func (b *browser) list(t *testing.T) string {
	t.Helper()
	status, page := b.get(t, "connect/")
	require.Equal(t, http.StatusOK, status, page)
	return page
}

// connect runs the consent flow: the page, the button, the vendor, the
// callback, and back to the list.
func (b *browser) connect(t *testing.T, id string) string {
	t.Helper()
	status, page := b.get(t, "connect/"+id+"?return_to=/connect/")
	require.Equal(t, http.StatusOK, status, page)
	token := formToken.FindStringSubmatch(page)
	require.NotNil(t, token, page)
	status, page = b.post(t, "connect/"+id, "token", token[1], "return_to", "/connect/")
	require.Equal(t, http.StatusOK, status, page)
	return page
}

// disconnect confirms the disconnection and returns the list.
func (b *browser) disconnect(t *testing.T, id string) string {
	t.Helper()
	status, page := b.get(t, "connect/"+id+"/disconnect")
	require.Equal(t, http.StatusOK, status, page)
	status, page = b.post(t, "connect/"+id+"/disconnect", "token", formToken.FindStringSubmatch(page)[1])
	require.Equal(t, http.StatusOK, status, page)
	return page
}

const notConnected = "Connect"

// state returns the state of a provider on the connections page, or the link to
// connect it.
func state(t *testing.T, page, id string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)<li id="` + id + `" class="card">.*?(?:<p class="state \w*">|<a [^>]*>)([^<]*)<`).FindStringSubmatch(page)
	require.NotNil(t, m, page)
	return m[1]
}

func TestUserConnectsAsksAndDisconnects(t *testing.T) {
	t.Parallel()
	mia := newBrowser(t, start(t, ""), "mia")
	assert.Equal(t, notConnected, state(t, mia.list(t), "notes"))
	status, page := mia.post(t, "ask", "question", "What is new?")
	assert.Equal(t, http.StatusConflict, status)
	assert.Contains(t, page, "Notes is not connected: connect your account and try again.")

	page = mia.connect(t, "notes")
	assert.Equal(t, "Connected", state(t, page, "notes"))
	assert.Equal(t, notConnected, state(t, page, "tasks"))
	page = mia.connect(t, "tasks")
	assert.Equal(t, "Connected", state(t, page, "tasks"))
	status, page = mia.post(t, "ask", "question", "<What> is new?")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "notes/search: 2 notes of user")
	assert.Contains(t, page, "tasks/search: 2 tasks of user")

	page = mia.disconnect(t, "tasks")
	assert.Equal(t, notConnected, state(t, page, "tasks"))
	assert.Equal(t, "Connected", state(t, page, "notes"))
	_, page = mia.post(t, "ask", "question", "What is new?")
	assert.Contains(t, page, "notes/search")
	assert.NotContains(t, page, "tasks/search")
}

func TestFaultsAreRepairedOrShownToTheUser(t *testing.T) {
	t.Parallel()
	mia := newBrowser(t, start(t, ""), "mia")
	mia.connect(t, "notes")

	mia.post(t, "break", "do", "expire")
	status, page := mia.post(t, "ask", "question", "What is new?")
	assert.Equal(t, http.StatusOK, status, "an expired token is refreshed")
	assert.Contains(t, page, "notes/search")

	mia.post(t, "break", "do", "down")
	status, page = mia.post(t, "ask", "question", "What is new?")
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Contains(t, page, "Notes does not work right now")
	mia.post(t, "break", "do", "up")
	status, _ = mia.post(t, "ask", "question", "What is new?")
	assert.Equal(t, http.StatusOK, status)

	mia.post(t, "break", "do", "revoke")
	status, page = mia.post(t, "ask", "question", "What is new?")
	assert.Equal(t, http.StatusConflict, status)
	assert.Contains(t, page, "Notes no longer accepts the connection: connect your account again.")
	assert.Equal(t, "Must be connected again", state(t, mia.list(t), "notes"))
	assert.Equal(t, "Connected", state(t, mia.connect(t, "notes"), "notes"))
}

func TestUsersAreIsolated(t *testing.T) {
	t.Parallel()
	site := start(t, "")
	mia, noa := newBrowser(t, site, "mia"), newBrowser(t, site, "noa")
	mia.connect(t, "notes")
	assert.Equal(t, notConnected, state(t, noa.list(t), "notes"))
	status, page := noa.get(t, "connect/notes/disconnect")
	assert.Equal(t, http.StatusNotFound, status, page)
	assert.Equal(t, "Connected", state(t, mia.list(t), "notes"))

	stranger := &browser{site: site, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	for _, path := range []string{"ask", "connect/notes/disconnect"} {
		status, page := stranger.post(t, path, "question", "What is new?")
		assert.Equal(t, http.StatusOK, status)
		assert.Contains(t, page, "Who are you?")
	}
	for _, path := range []string{"connect/", "connect/notes"} {
		_, page = stranger.get(t, path)
		assert.Contains(t, page, "Who are you?")
	}
	status, _ = stranger.post(t, "sign-in", "name", "root")
	assert.Equal(t, http.StatusForbidden, status)
}

func TestCrossOriginPostsAreRejected(t *testing.T) {
	t.Parallel()
	site := start(t, "")
	mia := newBrowser(t, site, "mia")
	mia.connect(t, "notes")
	for _, path := range []string{"ask", "connect/notes/disconnect", "sign-in", "break", "connect/notes"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, site+path, nil)
		require.NoError(t, err)
		req.Header.Set("Origin", "https://evil.example.com")
		status, _ := mia.do(t, req)
		assert.Equal(t, http.StatusForbidden, status, path)
	}
	mia.get(t, "connect/notes/disconnect")
	assert.Equal(t, "Connected", state(t, mia.list(t), "notes"), "a link changes nothing")
}

func TestProvidersOfTheCatalogueCanBeListed(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "made-up")
	mia := newBrowser(t, start(t, "notion,linear"), "mia")
	assert.Equal(t, notConnected, state(t, mia.list(t), "notion"))
	_, page := mia.get(t, "")
	assert.NotContains(t, page, "These servers run on your machine")
	status, page := mia.post(t, "ask", "question", "What is new?")
	assert.Equal(t, http.StatusConflict, status)
	assert.Contains(t, page, "Notion is not connected")
	require.Error(t, run(t.Context(), "127.0.0.1:0", "nonsense", io.Discard))
}

func TestSiteInChromium(t *testing.T) {
	t.Parallel()
	tab := browsertest.Start(t).Open(t)
	defer tab.Close(t)
	tab.Visit(t, start(t, ""))
	tab.Click(t, "button[value=mia]")
	tab.Reads(t, "#connections", "Connections")
	tab.Picture(t, "webapp-begin")
	tab.Click(t, "#connections")
	tab.Reads(t, "#notes a", "Connect")
	tab.Picture(t, "webapp-connections")
	tab.Click(t, "#notes a")
	tab.Reads(t, "h1", "Connect Notes")
	tab.Click(t, "button")
	tab.Reads(t, "#notes .state", "Connected")
	tab.Click(t, "main > .links a") // back
	tab.Reads(t, "h1", "Acme")
	tab.Click(t, "#ask button")
	tab.Reads(t, ".answer", `notes/search: 2 notes of user: "Quarterly report" and "Printer paper"`)
	tab.Picture(t, "webapp-answer")
	tab.Click(t, "button[value=revoke]")
	tab.Reads(t, ".done", "All consents have been revoked at the vendors.")
	tab.Click(t, "#ask button")
	tab.Reads(t, ".failure p", "Notes no longer accepts the connection: connect your account again.")
	tab.Picture(t, "webapp-failure")
	tab.Click(t, "#connections")
	tab.Reads(t, "#notes .state", "Must be connected again")
	tab.Click(t, "#notes a:not(.primary)")
	tab.Reads(t, "h1", "Disconnect Notes?")
	tab.Click(t, "button")
	tab.Reads(t, "#notes a", "Connect")
}
