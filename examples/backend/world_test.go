package backend_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/examples/backend"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A site is the application under test, in a world without a network.
type site struct {
	http.Handler
	world *lab.World
	store *oauthstore.Store
}

// newSite starts a world with one MCP server, "notes", and the application in it.
// Options are added to those of OpenAI's client.
func newSite(t *testing.T, opts ...option.RequestOption) *site {
	t.Helper()
	world, err := lab.Start(&lab.Options{InMemory: true, Servers: []lab.Server{{Name: "notes"}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, world.Close()) })
	network := world.Client().Transport
	keys, err := keyset.New()
	require.NoError(t, err)
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureTransport: network, InsecureAllowLoopback: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })

	notes := providers.Custom("notes", world.Server("notes").MCPURL, &providers.CustomOptions{Name: "Notes"})
	builder, err := mcptools.NewBuilder(notes, store, &mcptools.Options{
		Approval: mcptools.ApprovalNever, ReadOnly: true, InsecureTransport: network, InsecureAllowLoopback: true,
	})
	require.NoError(t, err)
	tools, err := mcptools.NewSet(builder)
	require.NoError(t, err)
	connector, err := connect.New(store, &connect.Options{
		RedirectURL: "https://app.example.com/callback", Verify: builder.Verifier(), InsecureTransport: network, InsecureAllowLoopback: true,
	})
	require.NoError(t, err)
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}
	signedIn := func(*http.Request) (oauthstore.Owner, error) { return mia, nil }
	pages, err := connector.Web(signedIn, &connect.WebOptions{Providers: []providers.Provider{notes}})
	require.NoError(t, err)

	info := world.Info()
	client := openai.NewClient(append([]option.RequestOption{
		option.WithBaseURL(info.OpenAIBaseURL), option.WithAPIKey(info.OpenAIAPIKey), option.WithHTTPClient(world.Client()), option.WithMaxRetries(0),
	}, opts...)...)
	mux := http.NewServeMux()
	mux.Handle("/connect/", pages.Connect())
	mux.Handle("/callback", pages.Callback())
	mux.Handle("/ask", backend.New(client, tools, func(*http.Request) oauthstore.Owner { return mia }))
	return &site{mux, world, store}
}

// connect connects Mia's account as her browser would.
func (s *site) connect(t *testing.T) {
	t.Helper()
	start := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example.com/connect/notes", nil)
	_, err := s.world.Connect(t.Context(), s, s.store, start)
	require.NoError(t, err)
}

func (s *site) ask(t *testing.T) (status int, text string) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ask?q=new%3F", nil))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestUserConnectsAndAsks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, text := s.ask(t)
	assert.Equal(t, "I have no tools for that.", text) // the model answers without Notes

	s.connect(t)
	status, text := s.ask(t)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, "Quarterly report")
	assert.Equal(t, 1, s.world.Count("notes", "tools/call"))
}

func TestTokenIsReplacedWithoutTheUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.connect(t)
		<-time.After(2 * time.Hour) // virtual: a token lives for one
		status, _ := s.ask(t)
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, 1, s.world.Count("auth", "refresh_token"))
	})
}

func TestUserGetsTheReasonWhenSomethingFails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.connect(t)
	require.NoError(t, s.world.Fault("notes:503"))
	status, text := s.ask(t)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, "Notes is not available right now: try again later.", text)
	s.world.Clear()

	s.world.Expire()
	s.world.Revoke("user") // at the vendor
	status, text = s.ask(t)
	assert.Equal(t, http.StatusConflict, status)
	assert.Equal(t, "Notes no longer accepts the connection: connect your account again.", text)
}

func TestRecordedAnswerIsPlayedAgain(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "answers.http")
	file, err := os.Create(name)
	require.NoError(t, err)
	s := newSite(t, option.WithMiddleware(lab.Record(file, "reports")))
	s.connect(t)
	_, live := s.ask(t)
	require.NoError(t, file.Close())

	openAI, err := lab.ReplayFile(name, "reports")
	require.NoError(t, err)
	w := httptest.NewRecorder()
	newBackend(t, openAI).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?q=new%3F", nil))
	assert.Equal(t, live, strings.TrimSpace(w.Body.String()))
}
