package sessionhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ada = oauthstore.Owner{Tenant: "acme", Subject: "ada"}

// A model answers requests; each call of it is one.
type model struct {
	session.Responses // methods that no test needs
	answer            func(ctx context.Context, input string) (string, error)

	mu     sync.Mutex
	inputs []string // guarded by mu
}

func (m *model) New(ctx context.Context, body responses.ResponseNewParams, _ ...option.RequestOption) (*responses.Response, error) {
	raw, err := json.Marshal(body.Input)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.inputs = append(m.inputs, string(raw))
	id := fmt.Sprintf("resp_%d", len(m.inputs))
	m.mu.Unlock()
	output, err := m.answer(ctx, string(raw))
	if err != nil {
		return nil, err
	}
	var resp responses.Response
	err = json.Unmarshal([]byte(`{"id":"`+id+`","object":"response","status":"completed","output":[`+output+`]}`), &resp)
	return &resp, err
}

func (m *model) NewStreaming(context.Context, responses.ResponseNewParams, ...option.RequestOption) *ssestream.Stream[responses.ResponseStreamEventUnion] {
	panic("not used")
}

func (m *model) requests() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.inputs)
}

// Output items.
func says(text string) string {
	return `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"` + text + `"}]}`
}

func asks(id string) string {
	return `{"type":"mcp_approval_request","id":"` + id + `","server_label":"notes","name":"add","arguments":"{}"}`
}

// talkative answers each message with itself, and asks before it answers one with
// "add".
func talkative(_ context.Context, input string) (string, error) {
	switch {
	case strings.Contains(input, "mcp_approval_response"):
		return says("decided"), nil
	case strings.Contains(input, "add"):
		return asks("ask_1"), nil
	}
	return says("answer"), nil
}

// held answers once the returned function is called, or not at all.
func held() (answer func(context.Context, string) (string, error), release func()) {
	gate := make(chan struct{})
	return func(ctx context.Context, _ string) (string, error) {
		select {
		case <-gate:
			return says("at last"), nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}, sync.OnceFunc(func() { close(gate) })
}

// A site is a process with a handler.
type site struct {
	*sessionhttp.Handler
	model *model
}

func newSite(t *testing.T, answer func(context.Context, string) (string, error), store sessionhttp.Store, opts *sessionhttp.Options) *site {
	t.Helper()
	open, err := mcptools.NewBuilder(providers.Custom("notes", "https://notes.example.com/mcp", &providers.CustomOptions{
		Ways: []providers.Way{{ID: "none", Kind: providers.WayNone, Name: "no key"}},
	}), nil, &mcptools.Options{InsecureSkipProbe: true})
	require.NoError(t, err)
	set, err := mcptools.NewSet(open)
	require.NoError(t, err)
	s := &site{model: &model{answer: answer}}
	s.Handler, err = sessionhttp.New(signedIn, func(_ context.Context, owner oauthstore.Owner, _ string, st *session.State) (*session.Session, error) {
		return session.New(s.model, set, owner, &session.Options{Params: responses.ResponseNewParams{Model: "gpt-5"}, State: st})
	}, store, opts)
	require.NoError(t, err)
	return s
}

// signedIn returns the user of a header, who may sign out meanwhile.
func signedIn(r *http.Request) (oauthstore.Owner, error) {
	if name := r.Header.Get("X-User"); name != "" && !signedOut(r) {
		return oauthstore.Owner{Tenant: "acme", Subject: name}, nil
	}
	return oauthstore.Owner{}, errors.New("no user is signed in")
}

type signedOutKey struct{}

func signedOut(r *http.Request) bool {
	done, _ := r.Context().Value(signedOutKey{}).(<-chan struct{})
	select {
	case <-done:
		return done != nil
	default:
		return false
	}
}

func request(ctx context.Context, method, id, user, body string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, method, "https://app.example.com/chats/"+id, strings.NewReader(body))
	r.SetPathValue("id", id)
	r.Header.Set("X-User", user)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// post sends a command of ada and returns the status and the code of the error.
func (s *site) post(ctx context.Context, id, body string) (status int, code string) {
	return s.send(request(ctx, http.MethodPost, id, ada.Subject, body))
}

func (s *site) send(r *http.Request) (status int, code string) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var answer struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(w.Body.Bytes(), &answer) == nil && answer.Error.Message == "" {
		return w.Code, "no message"
	}
	return w.Code, answer.Error.Code
}

// A tab is a browser's window that listens to a conversation.
type tab struct {
	leave context.CancelFunc
	ended chan struct{}

	mu     sync.Mutex
	text   bytes.Buffer // guarded by mu
	header http.Header
	code   int
	stuck  chan struct{} // nil, or open while nothing is read
}

func (b *tab) Header() http.Header  { return b.header }
func (b *tab) WriteHeader(code int) { b.code = code }
func (b *tab) Flush()               {}

func (b *tab) Write(p []byte) (int, error) {
	if b.stuck != nil {
		<-b.stuck
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// listen opens a tab of ada, as a browser does that has seen an event.
func (s *site) listen(t *testing.T, id, lastSeen string) *tab {
	t.Helper()
	return s.listenWith(t, &tab{}, request(t.Context(), http.MethodGet, id, ada.Subject, ""), lastSeen)
}

func (s *site) listenWith(t *testing.T, b *tab, r *http.Request, lastSeen string) *tab {
	t.Helper()
	ctx, leave := context.WithCancel(r.Context())
	b.leave, b.header, b.ended = leave, http.Header{}, make(chan struct{})
	r = r.WithContext(ctx)
	if lastSeen != "" {
		r.Header.Set("Last-Event-ID", lastSeen)
	}
	go func() {
		defer close(b.ended)
		s.ServeHTTP(b, r)
	}()
	synctest.Wait()
	return b
}

// An event is one as a browser gets it.
type event struct {
	id    string
	Event string `json:"event"`
	Text  string `json:"text"`
	Code  string `json:"code"`
	// of "state"
	Events    []event                   `json:"events"`
	Running   bool                      `json:"running"`
	Resumable bool                      `json:"resumable"`
	Pending   []session.ApprovalRequest `json:"pending"`
}

// String is the event in short.
func (e event) String() string {
	switch {
	case e.Event == "state":
		return fmt.Sprint("state", e.Events)
	case e.Code != "":
		return e.Event + ":" + e.Code
	case e.Text != "":
		return e.Event + ":" + e.Text
	}
	return e.Event
}

// events returns those that the tab has received, once nothing happens any more.
func (b *tab) events(t *testing.T) []event {
	t.Helper()
	var all []event
	id := ""
	for line := range strings.SplitSeq(b.raw(), "\n") {
		if text, ok := strings.CutPrefix(line, "id: "); ok {
			id = text
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			e := event{id: id}
			require.NoError(t, json.Unmarshal([]byte(text), &e))
			all = append(all, e)
		}
	}
	return all
}

// raw returns the stream, once nothing happens any more.
func (b *tab) raw() string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// reads returns the events in short.
func (b *tab) reads(t *testing.T) []string {
	t.Helper()
	all := []string{}
	for _, e := range b.events(t) {
		all = append(all, e.String())
	}
	return all
}

func (b *tab) last(t *testing.T) event {
	t.Helper()
	all := b.events(t)
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.NewTimer(d).C }

// close leaves the site, at the end of a test.
func (s *site) close(t *testing.T) {
	t.Helper()
	assert.NoError(t, s.Close(context.WithoutCancel(t.Context())))
	synctest.Wait()
}
