package mcptools_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A notesServer is an MCP server that accepts one token and rejects others with
// the text of a recorded rejection.
type notesServer struct {
	url string

	mu      sync.Mutex
	takes   string                            // guarded by mu: the header that it accepts
	refuse  func(http.ResponseWriter, string) // guarded by mu: what it does with others
	seen    []http.Header                     // guarded by mu: of every request
	methods []string                          // guarded by mu: JSON-RPC methods
}

const (
	mcpToken  = "synthetic-mcp-Qm7vT2xK9dLw4Rz8"
	restToken = "synthetic-api-Lw4Rz8Qm7vT2xK9d"
	refusal   = "Invalid token signature - token was not issued by Notes OAuth"
)

func newNotesServer(t *testing.T) *notesServer {
	t.Helper()
	s := &notesServer{takes: "Bearer " + mcpToken, refuse: func(w http.ResponseWriter, got string) {
		// The server shows the caller what it has got: none of that may get any further.
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+refusal+`: `+got+`"`)
		w.WriteHeader(http.StatusUnauthorized)
	}}
	m := server.NewMCPServer("notes", "1")
	m.AddTool(mcp.NewTool("read"), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText("a note"), nil
	})
	h := server.NewStreamableHTTPServer(m)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		var call struct {
			Method string `json:"method"`
		}
		_ = json.Unmarshal(body, &call)
		s.mu.Lock()
		s.seen, s.methods = append(s.seen, r.Header.Clone()), append(s.methods, call.Method)
		takes, refuse := s.takes, s.refuse
		s.mu.Unlock()
		if got := r.Header.Get("Authorization"); got != takes {
			refuse(w, got)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL + "/mcp"
	return s
}

// asked returns how often the server has listed, or refused to.
func (s *notesServer) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

func (s *notesServer) take(header string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes = header
}

// provider is the server with what its vendor documents: tokens of the REST
// API are of no use to it.
func (s *notesServer) provider() providers.Provider {
	p := providers.Custom("notes", s.url, &providers.CustomOptions{Name: "Notes"})
	p.RESTToken = providers.No
	p.Ways[0].Obtain = "Make an MCP app at https://notes.example/apps."
	return p
}

func probing(o mcptools.Options) *mcptools.Options {
	o.InsecureAllowLoopback = true
	return &o
}

func bare(text string) oauthstore.Token {
	return oauthstore.Token{AccessToken: oauthstore.NewSecret(text)}
}

// newStore returns a credential store that holds one imported token.
func newStore(t *testing.T, key oauthstore.Key, c oauthstore.Credential) *oauthstore.Store {
	t.Helper()
	keys, err := keyset.New()
	require.NoError(t, err)
	store, err := oauthstore.New(memstore.New(), keys, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.Background())) })
	_, err = store.Put(t.Context(), key, c)
	require.NoError(t, err)
	return store
}

func imported(text string) oauthstore.Credential {
	return oauthstore.Credential{
		AccessToken: oauthstore.NewSecret(text),
		Provenance:  oauthstore.Provenance{Obtained: oauthstore.ObtainedImport},
	}
}

// The first of the four attempts: the token is good, at another place.
func TestTokenOfTheRESTAPIIsRefusedBeforeOpenAISeesIt(t *testing.T) {
	t.Parallel()
	s := newNotesServer(t)
	key := oauthstore.Key{Owner: ada, Provider: "notes", Server: s.url}
	store := newStore(t, key, imported(restToken))
	b, err := mcptools.NewBuilder(s.provider(), store, probing(mcptools.Options{}))
	require.NoError(t, err)

	f := asFailure(t, b)
	assert.Equal(t, mcptools.KindWrongAudience, f.Kind)
	assert.Equal(t, mcptools.ActionReconnect, f.Action)
	assert.Equal(t, http.StatusConflict, f.HTTPStatus())
	assert.Contains(t, f.Upstream(), refusal, "what the server said")
	assert.Contains(t, f.Error(), "none of the vendor's REST API", "the provider's rule")
	assert.Contains(t, f.Error(), "Make an MCP app", "what to do")
	assert.NotContains(t, f.Error()+f.PublicMessage(), refusal)
	assert.NotContains(t, f.Upstream()+f.Error()+f.PublicMessage(), restToken)

	asked := s.asked()
	asFailure(t, b)
	assert.Equal(t, asked, s.asked(), "the verdict was not remembered")
	assert.NotContains(t, s.methods, "tools/call")

	// Without the probe the token is sent: only the probe protects.
	blind, err := mcptools.NewBuilder(s.provider(), store, probing(mcptools.Options{InsecureSkipProbe: true}))
	require.NoError(t, err)
	assert.Equal(t, mcptools.KindWrongAudience, asFailure(t, blind).Kind, "the stored verdict still holds")
	other := newStore(t, key, imported(restToken))
	blind, err = mcptools.NewBuilder(s.provider(), other, probing(mcptools.Options{InsecureSkipProbe: true}))
	require.NoError(t, err)
	_, err = blind.Build(t.Context(), ada, nil)
	require.NoError(t, err)
}

func TestProbeHasTheURLAndHeadersOfTheEntry(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts  mcptools.Options
		build mcptools.BuildOptions
	}{
		"authorization": {},
		"headers":       {opts: mcptools.Options{UseHeaders: true}},
		"more headers":  {opts: mcptools.Options{Headers: map[string]string{"X-Notes-Space": "team"}}, build: mcptools.BuildOptions{Headers: map[string]string{"X-Notes-Project": "7"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newNotesServer(t)
			b, err := mcptools.NewBuilder(s.provider(), has(bare(mcpToken)), probing(tt.opts))
			require.NoError(t, err)
			tool, err := b.Build(t.Context(), ada, &tt.build)
			require.NoError(t, err)
			requireValid(t, tool)

			s.mu.Lock()
			defer s.mu.Unlock()
			require.Contains(t, s.methods, "tools/list")
			assert.NotContains(t, s.methods, "tools/call")
			last := len(s.seen) - 1
			for _, h := range s.seen[:last] {
				assert.Equal(t, "Bearer "+mcpToken, h.Get("Authorization"))
				for name, value := range tool.OfMcp.Headers {
					assert.Equal(t, value, h.Get(name))
				}
			}
			assert.Empty(t, s.seen[last].Get("Authorization"), "whether it lists for anyone")
			assert.Equal(t, tt.opts.Headers["X-Notes-Space"], s.seen[last].Get("X-Notes-Space"))
		})
	}
}

func TestKeysAreProbedInTheirOwnHeaders(t *testing.T) {
	t.Parallel()
	s := newNotesServer(t)
	s.take("Token token=" + mcpToken)
	p := s.provider()
	p.Ways = []providers.Way{{ID: "api_key", Kind: providers.WayKey, Name: "API key", Carry: []providers.Carry{{Header: "Authorization", Prefix: "Token token="}}}}
	b, err := mcptools.NewBuilder(p, has(bare(mcpToken)), probing(mcptools.Options{}))
	require.NoError(t, err)
	tool, err := b.Build(t.Context(), ada, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"Authorization": "Token token=" + mcpToken}, tool.OfMcp.Headers)
	assert.Empty(t, tool.OfMcp.Authorization.Value)
	assert.Positive(t, s.asked())
}

func TestOnlyARefusalByTheServerStopsAnEntry(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		refuse func(http.ResponseWriter, string)
		want   mcptools.Kind // "" for an entry
	}{
		"a scope is missing": {func(w http.ResponseWriter, _ string) {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="notes:read"`)
			w.WriteHeader(http.StatusForbidden)
		}, mcptools.KindForbidden},
		"an address is not on a list": {func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusForbidden) }, ""},
		"it is down":                  {func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusBadGateway) }, ""},
		"it has moved":                {func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusNotFound) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newNotesServer(t)
			s.refuse = tt.refuse
			b, err := mcptools.NewBuilder(s.provider(), has(bare(restToken)), probing(mcptools.Options{}))
			require.NoError(t, err)
			if tt.want == "" {
				tool, err := b.Build(t.Context(), ada, nil)
				require.NoError(t, err)
				requireValid(t, tool)
				return
			}
			f := asFailure(t, b)
			assert.Equal(t, tt.want, f.Kind)
			assert.Equal(t, mcptools.ActionStepUp, f.Action)
			assert.Contains(t, f.Upstream(), "notes:read")
		})
	}
}

func TestRecognizedForeignTokenIsNotSent(t *testing.T) {
	t.Parallel()
	s := newNotesServer(t)
	p := s.provider() // without a vendor
	foreign := "ghp_" + strings.Repeat("a", 36)
	for name, tok := range map[string]oauthstore.Token{
		"of another vendor":    bare(foreign),
		"for another resource": {AccessToken: oauthstore.NewSecret(mcpToken), Provenance: oauthstore.Provenance{Resource: "https://api.notes.example"}},
	} {
		b, err := mcptools.NewBuilder(p, has(tok), probing(mcptools.Options{}))
		require.NoError(t, err)
		f := asFailure(t, b)
		assert.Contains(t, []mcptools.Kind{mcptools.KindWrongTokenKind, mcptools.KindWrongAudience}, f.Kind)
		assert.NotContains(t, f.Error(), foreign)

		key := oauthstore.Key{Owner: ada, Provider: "notes", Server: s.url}
		v := b.Verifier()(t.Context(), key, tok)
		assert.Equal(t, oauthstore.OutcomeRefused, v.Outcome, name)
		assert.NotEmpty(t, v.Detail)
		assert.NotContains(t, v.Detail, foreign)
	}
	assert.Zero(t, s.asked())
}

func TestTokenOfASourceIsProbedOnceAndAgainAfterAReject(t *testing.T) {
	t.Parallel()
	s := newNotesServer(t)
	b, err := mcptools.NewBuilder(s.provider(), has(bare(mcpToken)), probing(mcptools.Options{}))
	require.NoError(t, err)
	e, err := b.Entry(t.Context(), ada, nil)
	require.NoError(t, err)
	asked := s.asked()
	require.Positive(t, asked)
	_, err = e.Renew(t.Context())
	require.NoError(t, err)
	assert.Equal(t, asked, s.asked(), "asked again about the same token")

	require.NoError(t, e.Reject(t.Context(), oauthstore.Verdict{}))
	s.take("Bearer another")
	_, err = e.Renew(t.Context())
	require.ErrorIs(t, err, mcptools.KindWrongAudience)
	assert.Greater(t, s.asked(), asked)
}

func TestRejectedTokenOfAStoreIsProbedAgain(t *testing.T) {
	t.Parallel()
	s := newNotesServer(t)
	key := oauthstore.Key{Owner: ada, Provider: "notes", Server: s.url}
	store := newStore(t, key, imported(mcpToken))
	b, err := mcptools.NewBuilder(s.provider(), store, probing(mcptools.Options{}))
	require.NoError(t, err)
	e, err := b.Entry(t.Context(), ada, nil)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), e.Generation)
	assert.NotEmpty(t, e.Grant)

	require.NoError(t, e.Reject(t.Context(), oauthstore.Verdict{}))
	_, err = e.Renew(t.Context())
	require.NoError(t, err, "the server takes it: the cause is elsewhere")

	s.take("Bearer another")
	require.NoError(t, e.Reject(t.Context(), oauthstore.Verdict{}))
	_, err = e.Renew(t.Context())
	require.ErrorIs(t, err, mcptools.KindReauthorize)
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	s := newNotesServer(t)
	key := oauthstore.Key{Owner: ada, Provider: "notes", Server: s.url}
	b, err := mcptools.NewBuilder(s.provider(), has(bare(mcpToken)), probing(mcptools.Options{InsecureSkipProbe: true}))
	require.NoError(t, err)
	verify := b.Verifier()

	v := verify(t.Context(), key, bare(mcpToken))
	assert.Equal(t, oauthstore.OutcomeAccepted, v.Outcome, v.Detail)
	v = verify(t.Context(), key, bare(restToken))
	assert.Equal(t, oauthstore.OutcomeRefused, v.Outcome)
	assert.Equal(t, oauthstore.ReasonAudience, v.Reason)
	assert.Contains(t, v.Detail, refusal)
	assert.NotContains(t, v.Detail, restToken)

	asked := s.asked()
	assert.Equal(t, oauthstore.OutcomeAccepted, verify(t.Context(), key, bare(mcpToken)).Outcome)
	assert.Greater(t, s.asked(), asked, "an explicit question was answered from memory")

	tunnel, err := mcptools.NewBuilder(s.provider(), has(bare(mcpToken)), probing(mcptools.Options{TunnelID: "tunnel_0123456789abcdefghijklmnopqrstuv"}))
	require.NoError(t, err)
	asked = s.asked()
	assert.Equal(t, oauthstore.OutcomeUnknown, tunnel.Verifier()(t.Context(), key, bare(mcpToken)).Outcome)
	_, err = tunnel.Build(t.Context(), ada, nil)
	require.NoError(t, err)
	assert.Equal(t, asked, s.asked(), "asked past the tunnel")
}

func TestVerifierOfASetAsksTheServerOfTheKey(t *testing.T) {
	t.Parallel()
	first, second := newNotesServer(t), newNotesServer(t)
	second.take("Bearer " + restToken)
	var builders []*mcptools.Builder
	for label, s := range map[string]*notesServer{"first": first, "second": second} {
		b, err := mcptools.NewBuilder(s.provider(), has(bare(mcpToken)), probing(mcptools.Options{Label: label}))
		require.NoError(t, err)
		builders = append(builders, b)
	}
	set, err := mcptools.NewSet(builders...)
	require.NoError(t, err)
	verify := set.Verifier()
	key := oauthstore.Key{Owner: ada, Provider: "notes"}

	key.Server = first.url
	assert.Equal(t, oauthstore.OutcomeAccepted, verify(t.Context(), key, bare(mcpToken)).Outcome)
	key.Server = second.url
	assert.Equal(t, oauthstore.OutcomeRefused, verify(t.Context(), key, bare(mcpToken)).Outcome, "asked the other server")
	assert.Equal(t, oauthstore.OutcomeAccepted, verify(t.Context(), key, bare(restToken)).Outcome)

	asked := first.asked() + second.asked()
	for _, other := range []oauthstore.Key{
		{Owner: ada, Provider: "tasks", Server: first.url}, {Owner: ada, Provider: "notes", Server: "https://other.example/mcp"}, {Owner: ada, Provider: "notes"},
	} {
		v := verify(t.Context(), other, bare(mcpToken))
		assert.Equal(t, oauthstore.OutcomeUnknown, v.Outcome, "%v", other)
		assert.Contains(t, v.Detail, "no builder")
	}
	assert.Equal(t, asked, first.asked()+second.asked(), "a token went to a server that its key does not name")
}

// A server that lists its tools without authentication does not prove a token.
func TestOpenToolListDoesNotProveAToken(t *testing.T) {
	t.Parallel()
	s := newNotesServer(t)
	s.take("Bearer " + restToken)
	p := s.provider()
	p.Check.Anonymous = true
	b, err := mcptools.NewBuilder(p, has(bare(restToken)), probing(mcptools.Options{}))
	require.NoError(t, err)
	key := oauthstore.Key{Owner: ada, Provider: "notes", Server: s.url}
	assert.Equal(t, oauthstore.OutcomeUnknown, b.Verifier()(t.Context(), key, bare(restToken)).Outcome)

	users := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+mcpToken {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(users.Close)
	p.Check.URL = users.URL
	b, err = mcptools.NewBuilder(p, has(bare(restToken)), probing(mcptools.Options{}))
	require.NoError(t, err)
	assert.Equal(t, mcptools.KindWrongAudience, asFailure(t, b).Kind)
}

func TestWarningsAboutATokenAreLoggedOnceAndInTheEntry(t *testing.T) {
	t.Parallel()
	s := newNotesServer(t)
	text := "1/" + strings.Repeat("1", 16) + ":" + strings.Repeat("a", 32) // the shape of an Asana token
	s.take("Bearer " + text)
	var log bytes.Buffer
	b, err := mcptools.NewBuilder(s.provider(), newStore(t, oauthstore.Key{Owner: ada, Provider: "notes", Server: s.url}, imported(text)),
		probing(mcptools.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	require.NoError(t, err)
	for range 2 {
		e, err := b.Entry(t.Context(), ada, nil)
		require.NoError(t, err)
		require.Len(t, e.Warnings, 1)
		assert.Contains(t, e.Warnings[0], "Asana")
	}
	assert.Len(t, slices.DeleteFunc(strings.Split(log.String(), "\n"), func(l string) bool { return l == "" }), 1)
	assert.NotContains(t, log.String(), text)
}

func TestVerdictHasTheServersReason(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]oauthstore.Reason{
		"The access token expired":   oauthstore.ReasonExpired,
		"The token has been revoked": oauthstore.ReasonRevoked,
		"Invalid API key":            oauthstore.ReasonInvalidKey,
		"Invalid audience":           oauthstore.ReasonAudience,
		"No.":                        oauthstore.ReasonAudience,
	} {
		s := newNotesServer(t)
		s.mu.Lock()
		s.refuse = func(w http.ResponseWriter, _ string) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+words+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
		s.mu.Unlock()
		key := oauthstore.Key{Owner: ada, Provider: "notes", Server: s.url}
		b, err := mcptools.NewBuilder(s.provider(), newStore(t, key, imported(restToken)), probing(mcptools.Options{}))
		require.NoError(t, err)
		v := b.Verifier()(t.Context(), key, bare(restToken))
		assert.Equal(t, oauthstore.OutcomeRefused, v.Outcome, words)
		assert.Equal(t, want, v.Reason, words)

		f := asFailure(t, b)
		kind := mcptools.KindUnauthorized
		if want == oauthstore.ReasonAudience {
			kind = mcptools.KindWrongAudience
		}
		assert.Equal(t, kind, f.Kind, words)
		assert.Equal(t, mcptools.ActionReconnect, f.Action, words)
	}
}

func TestMadeUpTokenIsNotVerifiedByAnOpenList(t *testing.T) {
	t.Parallel()
	open := httptest.NewServer(server.NewStreamableHTTPServer(server.NewMCPServer("open", "1", server.WithToolCapabilities(true))))
	t.Cleanup(open.Close)
	key := oauthstore.Key{Owner: ada, Provider: "open", Server: open.URL}
	store := newStore(t, key, imported("made-up-token-0123456789"))
	b, err := mcptools.NewBuilder(providers.Custom("open", open.URL, nil), store, probing(mcptools.Options{}))
	require.NoError(t, err)
	v := b.Verifier()(t.Context(), key, bare("made-up-token-0123456789"))
	assert.Equal(t, oauthstore.OutcomeUnknown, v.Outcome)
	assert.Equal(t, oauthstore.ReasonListsForAnyone, v.Reason)
	_, err = b.Build(t.Context(), ada, nil)
	require.NoError(t, err, "it still serves an entry")
	st, err := store.Status(t.Context(), key)
	require.NoError(t, err)
	assert.NotEqual(t, oauthstore.OutcomeAccepted, st.Verdict.Outcome)
}
