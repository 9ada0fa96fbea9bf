package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/mcptools/session"
)

func TestMain(m *testing.M) {
	// openai-go's default client keeps its connections for the next request.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// start runs the program with the local world and returns the URL that it prints.
func start(t *testing.T) string {
	t.Helper()
	site, _ := startWith(t, config{data: t.TempDir()})
	return site
}

func startWith(t *testing.T, c config) (site string, stop func()) {
	t.Helper()
	c.listen, c.model = "127.0.0.1:0", "gpt-5"
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, c, w)
		_ = w.Close()
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	return regexp.MustCompile(`http://\S+`).FindString(line), stop
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
	require.Contains(t, page, `value="`+map[string]string{"mia": "noa", "noa": "mia"}[name]+`">Switch to`)
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

// An event is one of a chat's stream.
type event struct {
	Event    string                    `json:"event"`
	Label    string                    `json:"label"`
	Tool     string                    `json:"tool"`
	Text     string                    `json:"text"`
	Code     string                    `json:"code"`
	Message  string                    `json:"message"`
	Events   []event                   `json:"events"`
	Pending  []session.ApprovalRequest `json:"pending"`
	Approval session.ApprovalRequest   `json:"approval"`
	Failure  struct {
		ConsentURL string `json:"consent_url"`
	} `json:"failure"`
}

// A turn is the events from a command to the end of its turn.
type turn []event

// of returns the events of a type.
func (n turn) of(kind string) turn {
	return slices.DeleteFunc(slices.Clone(n), func(e event) bool { return e.Event != kind })
}

func (n turn) last() event { return n[len(n)-1] }

// listen opens the stream of a chat and returns its state, and a function that
// returns the events until one of these types.
func (b *browser) listen(t *testing.T, chat string) (state event, until func(kinds ...string) turn) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.site+"chats/"+chat, http.NoBody)
	require.NoError(t, err)
	resp, err := b.http.Do(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	until = func(kinds ...string) (events turn) {
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var e event
				require.NoError(t, json.Unmarshal([]byte(text), &e))
				if events = append(events, e); slices.Contains(kinds, e.Event) {
					return events
				}
			}
		}
		require.FailNow(t, "the stream ended", "%v: %v", lines.Err(), events)
		return nil
	}
	return until("state").last(), until
}

// breaks causes a fault and returns the page.
func (b *browser) breaks(t *testing.T, service, do string) string {
	t.Helper()
	status, page := b.post(t, "break", "service", service, "do", do)
	require.Equal(t, http.StatusOK, status, page)
	return page
}

// skippedIn returns what a turn says of the servers that it left out.
func skippedIn(n turn) string {
	var all strings.Builder
	for _, e := range n.of("skipped") {
		all.WriteString(e.Message + "\n")
	}
	return all.String()
}

// send sends a command to a chat and returns the status.
func (b *browser) send(t *testing.T, chat string, command any) int {
	t.Helper()
	body, err := json.Marshal(command)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.site+"chats/"+chat, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	status, _ := b.do(t, req)
	return status
}

// ask sends a message to a chat and returns its turn.
func (b *browser) ask(t *testing.T, chat, message string) turn {
	t.Helper()
	_, until := b.listen(t, chat)
	require.Equal(t, http.StatusAccepted, b.send(t, chat, map[string]string{"message": message}))
	return until("done", "waiting", "error")
}

func TestAUserIsLedToTheConsentAndBack(t *testing.T) {
	t.Parallel()
	mia := newBrowser(t, start(t), "mia")
	n := mia.ask(t, "c1", "What is new?")
	assert.Equal(t, "I can't look that up without your services.", n.last().Text)
	skipped := n.of("skipped")
	require.Len(t, skipped, 3)
	assert.Equal(t, "Notes is not connected: connect your account and try again.", skipped[0].Message)
	require.Equal(t, "/connect/notes?return_to=%2F%3Fchat%3Dc1", skipped[0].Failure.ConsentURL)

	status, page := mia.get(t, skipped[0].Failure.ConsentURL[1:])
	require.Equal(t, http.StatusOK, status)
	status, page = mia.post(t, "connect/notes", "token", formToken.FindStringSubmatch(page)[1], "return_to", "/?chat=c1")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, `data-chat="c1"`, "the browser is back in the chat")

	n = mia.ask(t, "c1", "What is new?")
	assert.Equal(t, "Your notes say: bring the quarterly report, and the printer is out of paper.", n.last().Text)
	assert.Len(t, n.of("skipped"), 2)
	assert.Len(t, n.of("calling"), 1)

	page = mia.disconnect(t, "notes")
	assert.Equal(t, notConnected, state(t, page, "notes"))
	assert.Len(t, mia.ask(t, "c1", "What is new?").of("skipped"), 3)
}

func TestCallsThatChangeSomethingNeedApproval(t *testing.T) {
	t.Parallel()
	mia := newBrowser(t, start(t), "mia")
	mia.connect(t, "notes")
	for decision, want := range map[string]struct{ event, text string }{
		"approve": {"approved", "I added the note “Buy printer paper”."}, "deny": {"denied", "I added nothing."},
	} {
		_, until := mia.listen(t, decision)
		mia.send(t, decision, map[string]string{"message": "Add a note"})
		n := until("waiting")
		require.Len(t, n.of("asking"), 1)
		asks := n.of("asking")[0].Approval
		assert.Equal(t, "add_note", asks.Tool)
		assert.Empty(t, n.of("called"))

		again, _ := mia.listen(t, decision)
		assert.Equal(t, []session.ApprovalRequest{asks}, again.Pending, "a page that is loaded again has the buttons")
		assert.Equal(t, http.StatusConflict, mia.send(t, decision, map[string]string{"message": "Well?"}))

		answer := map[string]any{"answers": map[string]any{asks.ID: map[string]string{"decision": decision}}}
		assert.Equal(t, http.StatusAccepted, mia.send(t, decision, answer))
		n = until("done")
		assert.Len(t, n.of(want.event), 1)
		assert.Equal(t, want.text, n.last().Text)
		assert.Equal(t, http.StatusConflict, mia.send(t, decision, answer), "only once")
	}
}

func TestOwnFunctionsSeeTheTenantOfTheUser(t *testing.T) {
	t.Parallel()
	site := start(t)
	mia, noa := newBrowser(t, site, "mia"), newBrowser(t, site, "noa")
	assert.Equal(t, "There are 2 open orders: 12 desks, 40 chairs.", mia.ask(t, "c1", "Which orders are open?").last().Text)
	assert.Equal(t, "There are 2 open orders: 1 reactor, 3 pumps.", noa.ask(t, "c1", "Which orders are open?").last().Text)
	state, _ := noa.listen(t, "c1")
	assert.Len(t, turn(state.Events).of("message"), 1, "the same id is another chat")
}

func TestExpiredTokensAreRefreshed(t *testing.T) {
	t.Parallel()
	mia := newBrowser(t, start(t), "mia")
	mia.connect(t, "notes")
	assert.Contains(t, mia.breaks(t, "", "expire"), "All access tokens have expired.")
	n := mia.ask(t, "c1", "What is new?")
	assert.Contains(t, n.last().Text, "Your notes say")
	assert.NotContains(t, skippedIn(n), "Notes")
}

func TestAFailingServerIsLeftOutAndNamed(t *testing.T) {
	t.Parallel()
	for do, says := range map[string]string{
		"down":       "Notes does not work right now: try again later, and contact support if the problem continues.",
		"500":        "Notes is not available right now: try again later.",
		"list_error": "Notes does not work right now: try again later, and contact support if the problem continues.",
		"403":        "Notes no longer accepts the connection: connect your account again.",
	} {
		t.Run(do, func(t *testing.T) {
			t.Parallel()
			mia := newBrowser(t, start(t), "mia")
			mia.connect(t, "notes")
			mia.connect(t, "tasks")
			page := mia.breaks(t, "notes", do)
			assert.Regexp(t, `<p id="effect" role="status">Notes [^<]*<`, page)
			n := mia.ask(t, "c1", "What is new?")
			assert.Contains(t, skippedIn(n), says)
			assert.Equal(t, "Two tasks are due by then: send the offer, and book a room.", n.last().Text, "the others work")

			assert.Contains(t, mia.breaks(t, "", "repair"), "All servers work again.")
			mia.connect(t, "notes") // which 403 needs
			n = mia.ask(t, "c1", "What is new?")
			assert.NotContains(t, skippedIn(n), "Notes")
			assert.Contains(t, n.last().Text, "Your notes say")
		})
	}
}

func TestAFailedCallIsNamedAndTheModelGoesOn(t *testing.T) {
	t.Parallel()
	mia := newBrowser(t, start(t), "mia")
	mia.connect(t, "notes")
	mia.connect(t, "tasks")
	mia.breaks(t, "notes", "call_500")
	n := mia.ask(t, "c1", "What is new?")
	require.Len(t, n.of("failed"), 1)
	assert.Equal(t, "search_notes", n.of("failed")[0].Tool)
	assert.Equal(t, "Notes is not available right now: try again later.", n.of("failed")[0].Message)
	assert.Equal(t, "Two tasks are due by then: send the offer, and book a room.", n.last().Text)
}

func TestAnOutageOfOpenAIEndsTheTurn(t *testing.T) {
	t.Parallel()
	mia := newBrowser(t, start(t), "mia")
	mia.breaks(t, "", "overload")
	assert.Equal(t, "The assistant is not available right now: try again later.", mia.ask(t, "c1", "What is new?").last().Message)
	mia.breaks(t, "", "repair")
	assert.Equal(t, "done", mia.ask(t, "c1", "What is new?").last().Event)
}

func TestAWithdrawnConsentIsGivenAgainFromTheMessage(t *testing.T) {
	t.Parallel()
	mia := newBrowser(t, start(t), "mia")
	mia.connect(t, "notes")
	assert.Contains(t, mia.breaks(t, "", "revoke"), "All consents have been withdrawn at the vendors.")
	n := mia.ask(t, "c3", "What is new?")
	require.NotEmpty(t, n.of("skipped"))
	last := n.of("skipped")[len(n.of("skipped"))-1]
	assert.Equal(t, "Notes no longer accepts the connection: connect your account again.", last.Message)
	assert.Equal(t, "/connect/notes?return_to=%2F%3Fchat%3Dc3", last.Failure.ConsentURL)
	assert.Equal(t, "Must be connected again", state(t, mia.list(t), "notes"))
	_, page := mia.get(t, "")
	assert.Contains(t, page, `aria-label="Connect again: Notes"`)
	assert.Equal(t, "Connected", state(t, mia.connect(t, "notes"), "notes"))
	assert.NotContains(t, skippedIn(mia.ask(t, "c3", "What is new?")), "Notes")
}

func TestUsersAreIsolated(t *testing.T) {
	t.Parallel()
	site := start(t)
	mia, noa := newBrowser(t, site, "mia"), newBrowser(t, site, "noa")
	mia.connect(t, "notes")
	assert.Equal(t, notConnected, state(t, noa.list(t), "notes"))
	status, page := noa.get(t, "connect/notes/disconnect")
	assert.Equal(t, http.StatusNotFound, status, page)
	assert.Equal(t, "Connected", state(t, mia.list(t), "notes"))

	stranger := &browser{site: site, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	for _, path := range []string{"", "connect/", "connect/notes"} {
		_, page = stranger.get(t, path)
		assert.Contains(t, page, "Who are you?")
	}
	assert.Equal(t, http.StatusUnauthorized, stranger.send(t, "c1", map[string]string{"message": "hello"}))
	status, _ = stranger.get(t, "chats/c1")
	assert.Equal(t, http.StatusUnauthorized, status)
	status, _ = stranger.post(t, "break", "do", "revoke")
	assert.Equal(t, http.StatusUnauthorized, status)
	status, _ = mia.post(t, "break", "service", "notes", "do", "unknown")
	assert.Equal(t, http.StatusBadRequest, status)
	status, _ = stranger.post(t, "sign-in", "name", "root")
	assert.Equal(t, http.StatusForbidden, status)
	mia.post(t, "sign-out")
	assert.Equal(t, http.StatusUnauthorized, mia.send(t, "c1", map[string]string{"message": "hello"}))
}

func TestCrossOriginPostsAreRejected(t *testing.T) {
	t.Parallel()
	site := start(t)
	mia := newBrowser(t, site, "mia")
	mia.connect(t, "notes")
	for _, path := range []string{"chats/c1", "connect/notes/disconnect", "sign-in", "sign-out", "break", "connect/notes"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, site+path, http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Origin", "https://evil.example.com")
		status, _ := mia.do(t, req)
		assert.Equal(t, http.StatusForbidden, status, path)
	}
	mia.get(t, "connect/notes/disconnect")
	assert.Equal(t, "Connected", state(t, mia.list(t), "notes"), "a link changes nothing")
}

// A page whose name leads to this machine has that name in its requests.
func TestPageOfAnotherSiteReadsNothing(t *testing.T) {
	t.Parallel()
	site := start(t)
	mia := newBrowser(t, site, "mia")
	u, err := url.Parse(site)
	require.NoError(t, err)
	for host, want := range map[string]int{
		u.Host: http.StatusOK, "localhost:" + u.Port(): http.StatusOK, "[::1]:" + u.Port(): http.StatusOK,
		"evil.example:" + u.Port(): http.StatusMisdirectedRequest, "evil.example": http.StatusMisdirectedRequest,
		"localhost.evil.example:" + u.Port(): http.StatusMisdirectedRequest, "localhost": http.StatusMisdirectedRequest,
	} {
		for _, path := range []string{"", "connect/", "web/chat.js"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+path, nil)
			require.NoError(t, err)
			req.Host = host
			status, page := mia.do(t, req)
			assert.Equal(t, want, status, "%s of %s", path, host)
			assert.Equal(t, want != http.StatusOK, strings.Contains(page, "not an address of the site"), "%s of %s", path, host)
		}
	}
}
