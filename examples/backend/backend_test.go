package backend_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/examples/backend"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newBackend returns a backend with one server, "billing", whose OpenAI is played.
func newBackend(t *testing.T, openAI *lab.Player) http.Handler {
	t.Helper()
	var n atomic.Int64
	tokens := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		token := fmt.Sprintf("token-%d", n.Add(1)) // a fresh one each time
		return oauthstore.Token{AccessToken: oauthstore.NewSecret(token), Expiry: time.Now().Add(time.Hour)}, nil
	})
	server := providers.Custom("billing", "https://billing.example.com/mcp", nil)
	builder, err := mcptools.NewBuilder(server, tokens, &mcptools.Options{InsecureSkipProbe: true}) // there is no server
	require.NoError(t, err)
	tools, err := mcptools.NewSet(builder)
	require.NoError(t, err)
	client := openai.NewClient(append(openAI.Options(), option.WithMaxRetries(0))...)
	return backend.New(client, tools, func(*http.Request) oauthstore.Owner { return oauthstore.Owner{Tenant: "acme", Subject: "u_42"} })
}

func TestUserGetsAnAnswerForEachFailure(t *testing.T) {
	t.Parallel()
	for recording, want := range map[string]struct {
		status int
		text   string
	}{
		"mcp-call":           {200, "There are 2 overdue invoices."},
		"424-forbidden":      {409, "billing no longer accepts the connection: connect your account again."},
		"424-rate-limited":   {503, "billing is not available right now: try again later."},
		"400-invalid-tool":   {500, "billing is not set up correctly: contact support."},
		"429-platform-quota": {503, "The assistant is not available right now: try again later."},
	} {
		t.Run(recording, func(t *testing.T) {
			t.Parallel()
			openAI := lab.Replay(recording)
			w := httptest.NewRecorder()
			newBackend(t, openAI).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?q=overdue%3F", nil))
			assert.Equal(t, want.status, w.Code)
			assert.Equal(t, want.text, strings.TrimSpace(w.Body.String()))
			assert.Equal(t, "billing", openAI.ModelRequests()[0].Entries[0].Label)
		})
	}
}

func TestRefusedTokenIsReplacedWithinTheRequest(t *testing.T) {
	t.Parallel()
	openAI := lab.Replay("424-unauthorized", "mcp-call")
	w := httptest.NewRecorder()
	newBackend(t, openAI).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?q=overdue%3F", nil))
	assert.Equal(t, http.StatusOK, w.Code)
	sent := openAI.ModelRequests()
	require.Len(t, sent, 2)
	assert.NotEqual(t, sent[0].Entries[0].Token, sent[1].Entries[0].Token)
}
