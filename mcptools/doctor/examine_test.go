package doctor_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	rightToken = "synthetic-token-0123456789abcdef"
	otherToken = "synthetic-token-fedcba9876543210"
)

// A testServer is an MCP server with its metadata and authorization server.
type testServer struct {
	url      string
	metadata map[string]any // protected-resource metadata; nil: none
	mcp      http.Handler   // at /mcp
	mu       sync.Mutex
	seen     []string // Authorization headers received
}

func (p *testServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	base := "http://" + r.Host
	switch r.URL.Path {
	case "/.well-known/oauth-protected-resource/mcp":
		if p.metadata == nil {
			http.NotFound(w, r)
			return
		}
		writeJSON(w, p.metadata)
	case "/.well-known/oauth-authorization-server":
		writeJSON(w, map[string]any{
			"issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token",
			"code_challenge_methods_supported": []string{"S256"},
		})
	case "/mcp":
		p.mu.Lock()
		p.seen = append(p.seen, r.Header.Get("Authorization"))
		p.mu.Unlock()
		p.mcp.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

func writeJSON(w http.ResponseWriter, members map[string]any) {
	if err := json.NewEncoder(w).Encode(members); err != nil {
		panic(err)
	}
}

func (p *testServer) saw() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.seen, "\n")
}

func tools() http.Handler {
	s := server.NewMCPServer("notes", "1")
	s.AddTool(mcp.NewTool("search", mcp.WithReadOnlyHintAnnotation(true)), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		panic("a diagnosis must not call a tool")
	})
	return server.NewStreamableHTTPServer(s)
}

// bearer accepts rightToken; other tokens get status and challenge.
func bearer(status int, challenge string) http.Handler {
	inner := tools()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case "Bearer " + rightToken:
			inner.ServeHTTP(w, r)
		case "":
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.Header().Set("WWW-Authenticate", strings.ReplaceAll(challenge, "{sent}", r.Header.Get("Authorization")))
			w.WriteHeader(status)
		}
	})
}

func always(status int, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	})
}

func newTestServer(t *testing.T, h http.Handler) *testServer {
	t.Helper()
	p := &testServer{mcp: h}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	p.url = srv.URL + "/mcp"
	p.metadata = map[string]any{"resource": p.url, "authorization_servers": []string{srv.URL}}
	return p
}

func token(text string, p oauthstore.Provenance, lives time.Duration) *oauthstore.Token {
	t := &oauthstore.Token{AccessToken: oauthstore.NewSecret(text), Provenance: p, Generation: 1}
	if lives != 0 {
		t.Expiry = time.Now().Add(lives)
	}
	return t
}

const invalidToken = `Bearer error="invalid_token", error_description="the token is not valid here"`

func TestExamineFindsTheCause(t *testing.T) {
	t.Parallel()
	imported := oauthstore.Provenance{Obtained: oauthstore.ObtainedImport, Way: "oauth"}
	for _, c := range []struct {
		name    string
		server  http.Handler
		prepare func(p *testServer, c *doctor.Case)
		verdict string
		cause   string
		action  mcptools.Action
		also    map[string]string // other hypotheses
		unsent  bool              // no token reached the server
	}{
		{
			name: "everything works", server: bearer(401, invalidToken),
			prepare: func(p *testServer, c *doctor.Case) {
				c.Token = token(rightToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Way: "oauth", Resource: p.url}, time.Hour)
			},
			verdict: doctor.VerdictOK, action: mcptools.ActionNone,
			also: map[string]string{"unauthorized": doctor.RuledOut, "wrong_endpoint": doctor.RuledOut, "address_blocked": doctor.Possible, "untrusted_metadata": doctor.RuledOut},
		},
		{
			name: "no credential", server: bearer(401, invalidToken), prepare: func(*testServer, *doctor.Case) {},
			verdict: doctor.VerdictFailing, cause: "not_connected", action: mcptools.ActionConnect, unsent: true,
		},
		{
			name: "a rejected token of unknown origin", server: bearer(401, invalidToken),
			prepare: func(_ *testServer, c *doctor.Case) { c.Token = token(otherToken, imported, 0) },
			verdict: doctor.VerdictFailing, cause: "wrong_audience", action: mcptools.ActionReconnect,
			also: map[string]string{"unauthorized": doctor.Confirmed, "expired": doctor.Possible},
		},
		{
			name: "a REST token, which the server is known to reject", server: bearer(401, invalidToken),
			prepare: func(_ *testServer, c *doctor.Case) {
				c.Provider.RESTToken = providers.No
				c.Token = token(otherToken, imported, 0)
			},
			verdict: doctor.VerdictFailing, cause: "wrong_token_kind", action: mcptools.ActionFixConfig,
		},
		{
			name: "another vendor's token, which is not sent", server: bearer(401, invalidToken),
			prepare: func(_ *testServer, c *doctor.Case) {
				c.Provider.Vendor = "Notes"
				c.Token = token("gho_"+strings.Repeat("aB3", 12), imported, 0)
			},
			verdict: doctor.VerdictFailing, cause: "wrong_token_kind", action: mcptools.ActionFixConfig, unsent: true,
		},
		{
			name: "a token for another resource, which is not sent", server: bearer(401, invalidToken),
			prepare: func(_ *testServer, c *doctor.Case) {
				c.Token = token(rightToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Way: "oauth", Resource: "https://other.example/mcp"}, time.Hour)
			},
			verdict: doctor.VerdictFailing, cause: "wrong_audience", action: mcptools.ActionReconnect, unsent: true,
		},
		{
			name: "an expired token", server: bearer(401, invalidToken),
			prepare: func(p *testServer, c *doctor.Case) {
				c.Token = token(otherToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Way: "oauth", Resource: p.url}, -time.Hour)
				c.Status = &oauthstore.Status{State: oauthstore.StateActive, Refreshable: true}
			},
			verdict: doctor.VerdictFailing, cause: "expired", action: mcptools.ActionRefresh,
			also: map[string]string{"unauthorized": doctor.Confirmed, "misconfigured": doctor.RuledOut},
		},
		{
			name: "the right token, revoked", server: bearer(401, invalidToken),
			prepare: func(p *testServer, c *doctor.Case) {
				c.Token = token(otherToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Way: "oauth", Resource: p.url}, time.Hour)
			},
			verdict: doctor.VerdictFailing, cause: "unauthorized", action: mcptools.ActionReconnect,
			also: map[string]string{"reauth_required": doctor.Possible, "wrong_audience": doctor.Possible, "expired": doctor.RuledOut},
		},
		{
			name: "a credential that needs reauthorization", server: bearer(401, invalidToken),
			prepare: func(p *testServer, c *doctor.Case) {
				c.Token = token(otherToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Way: "oauth", Resource: p.url}, time.Hour)
				c.Status = &oauthstore.Status{State: oauthstore.StateReauthorize, Reason: oauthstore.ReasonInvalidGrant}
			},
			verdict: doctor.VerdictFailing, cause: "reauth_required", action: mcptools.ActionReconnect,
		},
		{
			name: "a missing scope", server: bearer(403, `Bearer error="insufficient_scope", scope="notes:read"`),
			prepare: func(_ *testServer, c *doctor.Case) { c.Token = token(otherToken, imported, time.Hour) },
			verdict: doctor.VerdictFailing, cause: "scope_missing", action: mcptools.ActionStepUp,
		},
		{
			name: "a blocked address", server: bearer(403, `Bearer`),
			prepare: func(_ *testServer, c *doctor.Case) { c.Token = token(otherToken, imported, time.Hour) },
			verdict: doctor.VerdictUnknown, cause: "address_blocked", action: mcptools.ActionCheckServer,
		},
		{
			name: "a token that works here but not for OpenAI", server: bearer(401, invalidToken),
			prepare: func(p *testServer, c *doctor.Case) {
				c.Token = token(rightToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Way: "oauth", Resource: p.url}, time.Hour)
				c.Failure = &mcptools.Failure{Kind: mcptools.KindUnauthorized, Stage: mcptools.StageListTools, UpstreamStatus: 401}
			},
			verdict: doctor.VerdictFailing, cause: "address_blocked", action: mcptools.ActionCheckServer,
		},
		{
			name: "not an MCP endpoint", server: always(404), prepare: func(_ *testServer, c *doctor.Case) { c.Token = token(rightToken, imported, 0) },
			verdict: doctor.VerdictFailing, cause: "wrong_endpoint", action: mcptools.ActionFixConfig,
		},
		{
			name: "a redirect", server: always(301, "Location", "https://elsewhere.example/mcp?code=hidden"),
			prepare: func(_ *testServer, c *doctor.Case) { c.Token = token(rightToken, imported, 0) },
			verdict: doctor.VerdictFailing, cause: "wrong_endpoint", action: mcptools.ActionFixConfig,
		},
		{
			name: "a failing server", server: always(503), prepare: func(_ *testServer, c *doctor.Case) { c.Token = token(rightToken, imported, 0) },
			verdict: doctor.VerdictFailing, cause: "server_error", action: mcptools.ActionWait,
		},
		{
			name: "an unreachable server", server: always(200),
			prepare: func(_ *testServer, c *doctor.Case) {
				c.Provider.Server.URL = "http://127.0.0.1:1/mcp"
				c.Token = token(rightToken, imported, 0)
			},
			verdict: doctor.VerdictFailing, cause: "unreachable", action: mcptools.ActionCheckServer,
		},
		{
			name: "an unreachable server and a token for another one", server: always(200),
			prepare: func(_ *testServer, c *doctor.Case) {
				c.Provider.Server.URL, c.Provider.Vendor = "http://127.0.0.1:1/mcp", "Notes"
				c.Token = token("gho_"+strings.Repeat("aB3", 12), imported, 0)
			},
			verdict: doctor.VerdictFailing, cause: "wrong_token_kind", action: mcptools.ActionFixConfig, unsent: true,
			also: map[string]string{"unreachable": doctor.Confirmed},
		},
		{
			name: "a server that lists tools without a token", server: tools(), prepare: func(_ *testServer, c *doctor.Case) { c.Token = token(otherToken, imported, 0) },
			verdict: doctor.VerdictUnknown, cause: "lists_for_anyone", action: mcptools.ActionNone,
		},
		{
			name: "a server that requires no token", server: tools(),
			prepare: func(_ *testServer, c *doctor.Case) {
				c.Provider.Ways = []providers.Way{{ID: "none", Kind: providers.WayNone, Name: "no credential", Obtain: "None."}}
			},
			verdict: doctor.VerdictOK, action: mcptools.ActionNone,
		},
		{
			name: "metadata of another resource", server: bearer(401, invalidToken),
			prepare: func(p *testServer, _ *doctor.Case) { p.metadata["resource"] = "https://other.example/mcp" },
			verdict: doctor.VerdictFailing, cause: "untrusted_metadata", action: mcptools.ActionCheckServer,
			also: map[string]string{"not_connected": doctor.Confirmed},
		},
		{
			name: "an entry that OpenAI rejects", server: bearer(401, invalidToken),
			prepare: func(_ *testServer, c *doctor.Case) {
				c.Token = token(rightToken, imported, time.Hour)
				c.Failure = &mcptools.Failure{Kind: mcptools.KindInvalidTool, Stage: mcptools.StageRequest}
			},
			verdict: doctor.VerdictFailing, cause: "misconfigured", action: mcptools.ActionFixConfig,
		},
		{
			name: "keys in separate headers, one of them missing", server: bearer(401, invalidToken),
			prepare: func(_ *testServer, c *doctor.Case) {
				c.Provider.Ways = []providers.Way{{
					ID: "keys", Kind: providers.WayKey, Name: "two keys", Obtain: "Two keys.",
					Carry: []providers.Carry{{Header: "X-Key"}, {Header: "X-App-Key", Secret: "app"}},
				}}
				c.Token = token(rightToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "keys"}, 0)
			},
			verdict: doctor.VerdictFailing, cause: "wrong_token_kind", action: mcptools.ActionFixConfig, unsent: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newTestServer(t, c.server)
			examined := doctor.Case{Provider: providers.Custom("notes", p.url, nil)}
			c.prepare(p, &examined)
			r := doctor.Examine(t.Context(), examined, &doctor.Options{InsecureAllowLoopback: true})
			assert.Equal(t, c.verdict, r.Verdict)
			assert.Equal(t, c.cause, r.Cause)
			assert.Equal(t, c.action, r.Action)
			for id, want := range c.also {
				at := slices.IndexFunc(r.Hypotheses, func(h doctor.Hypothesis) bool { return h.ID == id })
				require.GreaterOrEqual(t, at, 0, id)
				assert.Equal(t, want, r.Hypotheses[at].Verdict, "%s: %s", id, r.Hypotheses[at].Detail)
			}
			if c.unsent {
				assert.Empty(t, strings.TrimSpace(p.saw()), "the token was not sent")
			}
			assertPresentable(t, r)
			if t.Failed() {
				text, _ := json.MarshalIndent(r, "", " ")
				t.Logf("%s", text)
			}
		})
	}
}

// assertPresentable checks that every detail is a sentence, that the hypotheses
// are in order, and that the JSON contains no token.
func assertPresentable(t *testing.T, r doctor.Report) {
	t.Helper()
	text, err := json.Marshal(r)
	require.NoError(t, err)
	for _, secret := range []string{rightToken, otherToken, "hidden"} {
		assert.NotContains(t, string(text), secret)
	}
	var contract struct {
		Verdict    string  `json:"verdict"`
		Cause      *string `json:"cause"`
		Action     string  `json:"action"`
		Hypotheses []struct {
			ID      string `json:"id"`
			Verdict string `json:"verdict"`
		} `json:"hypotheses"`
		Steps []struct {
			Name   string `json:"name"`
			OK     *bool  `json:"ok"`
			Detail string `json:"detail"`
		} `json:"steps"`
	}
	require.NoError(t, json.Unmarshal(text, &contract))
	assert.Equal(t, r.Cause == "", contract.Cause == nil)
	assert.Equal(t, r.Verdict, contract.Verdict)
	assert.Equal(t, string(r.Action), contract.Action)
	assert.Len(t, contract.Hypotheses, len(r.Hypotheses))
	require.NotEmpty(t, contract.Steps)
	for _, s := range contract.Steps {
		assert.NotNil(t, s.OK)
		assert.Regexp(t, `^[A-Z"].*\.$`, s.Detail, s.Name)
	}
	order := []string{doctor.Confirmed, doctor.Likely, doctor.Possible, doctor.RuledOut}
	last := 0
	for _, h := range r.Hypotheses {
		at := slices.Index(order, h.Verdict)
		require.GreaterOrEqual(t, at, last, h.ID)
		last = at
		assert.Regexp(t, `^[A-Z"].*\.$`, h.Detail, h.ID)
	}
}

func TestEchoedTokensAreRedacted(t *testing.T) {
	t.Parallel()
	p := newTestServer(t, bearer(401, `Bearer error="invalid_token", error_description="bad: {sent}"`))
	r := doctor.Examine(t.Context(), doctor.Case{
		Provider: providers.Custom("notes", p.url, nil),
		Token:    token(otherToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedImport, Way: "oauth"}, 0),
	}, &doctor.Options{InsecureAllowLoopback: true})
	assert.Equal(t, doctor.VerdictFailing, r.Verdict)
	assertPresentable(t, r)
}

func TestKeysInSeparateHeadersAreSent(t *testing.T) {
	t.Parallel()
	inner := tools()
	p := newTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != rightToken || r.Header.Get("X-App-Key") != otherToken || r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	provider := providers.Custom("notes", p.url, &providers.CustomOptions{Ways: []providers.Way{{
		ID: "keys", Kind: providers.WayKey, Name: "two keys", Obtain: "Two keys.",
		Carry: []providers.Carry{{Header: "X-Key"}, {Header: "X-App-Key", Secret: "app"}},
	}}})
	tok := token(rightToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "keys"}, 0)
	tok.Secrets = map[string]oauthstore.Secret{"app": oauthstore.NewSecret(otherToken)}
	r := doctor.Examine(t.Context(), doctor.Case{Provider: provider, Token: tok}, &doctor.Options{InsecureAllowLoopback: true})
	assert.Equal(t, doctor.VerdictOK, r.Verdict, "%+v", r.Steps)
}

func TestURLsAndConnectorsAreCheckedWithoutRequests(t *testing.T) {
	t.Parallel()
	r := doctor.Examine(t.Context(), doctor.Case{Provider: providers.Asana(), ServerURL: "https://mcp.asana.com/sse"}, nil)
	assert.Equal(t, "wrong_endpoint", r.Cause)
	assert.Contains(t, r.Steps[0].Detail, "https://mcp.asana.com/v2/mcp")
	assertPresentable(t, r)

	r = doctor.Examine(t.Context(), doctor.Case{Provider: providers.AsanaV1()}, nil)
	assert.Equal(t, "wrong_endpoint", r.Cause)

	r = doctor.Examine(t.Context(), doctor.Case{
		Provider: providers.ConnectorGmail(),
		Token:    token("gho_"+strings.Repeat("aB3", 12), oauthstore.Provenance{Obtained: oauthstore.ObtainedImport}, 0),
	}, nil)
	assert.Equal(t, "wrong_token_kind", r.Cause)
	assertPresentable(t, r)

	r = doctor.Examine(t.Context(), doctor.Case{
		Provider: providers.ConnectorGmail(),
		Token:    token(rightToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedImport}, 0),
	}, nil)
	assert.Equal(t, doctor.VerdictUnknown, r.Verdict)
	assertPresentable(t, r)
}

func TestKeyOnlyServerHasNoConsentToRecommend(t *testing.T) {
	t.Parallel()
	p := newTestServer(t, bearer(401, invalidToken))
	provider := providers.Custom("notes", p.url, &providers.CustomOptions{Ways: []providers.Way{{
		ID: "key", Kind: providers.WayKey, Name: "API key", Obtain: "Create one in the settings.",
	}}})
	r := doctor.Examine(t.Context(), doctor.Case{Provider: provider}, &doctor.Options{InsecureAllowLoopback: true})
	assert.Equal(t, "not_connected", r.Cause)
	assert.Equal(t, mcptools.ActionFixConfig, r.Action)
	assert.Equal(t, doctor.ConsentImpossible, r.Consent)
	assert.Contains(t, r.ConsentReason, "Create one in the settings.")
	assertPresentable(t, r)
}

// failingTransport fails each request with an error.
type failingTransport struct{ err error }

func (f failingTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestSilenceHasAReason(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"no such host": &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "mcp.example.com", IsNotFound: true}},
		"in time":      context.DeadlineExceeded,
		"reset":        io.ErrUnexpectedEOF,
		"refused":      &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
	} {
		r := doctor.Examine(t.Context(), doctor.Case{Provider: providers.Custom("notes", "https://mcp.example.com/mcp", nil)},
			&doctor.Options{InsecureTransport: failingTransport{err}})
		assert.Equal(t, "unreachable", r.Cause)
		assert.Contains(t, r.Hypotheses[0].Detail, want)
		assert.Equal(t, doctor.ConsentUnknown, r.Consent)
		assertPresentable(t, r)
	}
}

func TestCheckConsentJudgesInPlaceOfTheMetadata(t *testing.T) {
	t.Parallel()
	p := newTestServer(t, bearer(401, invalidToken))
	examine := func(err error) doctor.Report {
		return doctor.Examine(t.Context(), doctor.Case{Provider: providers.Custom("notes", p.url, nil)}, &doctor.Options{
			InsecureAllowLoopback: true, CheckConsent: func(context.Context) error { return err },
		})
	}
	assert.Equal(t, doctor.ConsentUnknown, doctor.Examine(t.Context(), doctor.Case{Provider: providers.Custom("notes", p.url, nil)},
		&doctor.Options{InsecureAllowLoopback: true}).Consent, "whether the application is registered is not known")
	r := examine(nil)
	assert.Equal(t, doctor.ConsentPossible, r.Consent)
	assert.Empty(t, r.ConsentReason)
	assert.Equal(t, mcptools.ActionConnect, r.Action)
	r = examine(&connect.Error{Kind: connect.KindNoClient, Detail: "no client is registered"})
	assert.Equal(t, doctor.ConsentImpossible, r.Consent)
	assert.Equal(t, "no_registration", r.Cause)
	assert.Equal(t, "No client is registered.", r.ConsentReason)
}
