package doctor_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

var owner = oauthstore.Owner{Tenant: "acme", Subject: "ada"}

// result builds an entry for a server, as a request contains it.
func result(t *testing.T, url string, tok *oauthstore.Token, opts mcptools.Options) mcptools.Result {
	t.Helper()
	creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) { return *tok, nil })
	opts.InsecureSkipProbe, opts.InsecureAllowLoopback = true, true
	b, err := mcptools.NewBuilder(providers.Custom("notes", url, nil), creds, &opts)
	require.NoError(t, err)
	set, err := mcptools.NewSet(b)
	require.NoError(t, err)
	r, err := set.Build(t.Context(), owner, nil)
	require.NoError(t, err)
	return r
}

func classified(raw string, r mcptools.Result) *mcptools.Failure {
	return mcptools.Classify([]byte(raw), &mcptools.ClassifyOptions{Surface: "responses", Entries: r.Entries})
}

func TestExplainExaminesTheServer(t *testing.T) {
	t.Parallel()
	const unauthorized = "Error retrieving tool list from MCP server: 'notes'. Http status code: 401 (Unauthorized)"
	const withoutStatus = "Error retrieving tool list from MCP server: 'notes'. Http status code: 424 (Failed Dependency)"
	here := oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Way: "oauth"}
	for _, c := range []struct {
		name    string
		server  http.Handler
		token   *oauthstore.Token
		message string
		cause   string
		action  mcptools.Action
	}{
		{"of another server", bearer(401, invalidToken), token(otherToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedImport, Way: "oauth"}, 0), unauthorized, "wrong_audience", mcptools.ActionReconnect},
		{"rejected although new", bearer(401, invalidToken), token(otherToken, here, time.Hour), unauthorized, "unauthorized", mcptools.ActionReconnect},
		{"about to expire", bearer(401, invalidToken), token(otherToken, here, 30*time.Second), unauthorized, "expired", mcptools.ActionReconnect},
		{"without a scope", bearer(403, `Bearer error="insufficient_scope", scope="write"`), token(otherToken, here, time.Hour), "Error retrieving tool list from MCP server: 'notes'. Http status code: 403 (Forbidden)", "scope_missing", mcptools.ActionStepUp},
		{"an allow-list, seen from OpenAI", bearer(401, invalidToken), token(rightToken, here, time.Hour), unauthorized, "address_blocked", mcptools.ActionCheckServer},
		{"a redirect", always(http.StatusPermanentRedirect, "Location", "/elsewhere"), token(rightToken, here, time.Hour), withoutStatus, "wrong_endpoint", mcptools.ActionFixConfig},
		{"not an MCP endpoint", always(http.StatusNotFound), token(rightToken, here, time.Hour), withoutStatus, "wrong_endpoint", mcptools.ActionFixConfig},
		{"a failing server", always(http.StatusBadGateway), token(rightToken, here, time.Hour), withoutStatus, "server_error", mcptools.ActionWait},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newTestServer(t, c.server)
			tok := *c.token
			if tok.Provenance.Obtained == oauthstore.ObtainedConsent {
				tok.Provenance.Resource = p.url
			}
			r := result(t, p.url, &tok, mcptools.Options{Headers: map[string]string{"X-Project": "7"}})
			report := doctor.Explain(t.Context(), classified(c.message, r), r, &doctor.Options{InsecureAllowLoopback: true})
			assert.Equal(t, c.cause, report.Cause, "%+v", report.Hypotheses)
			assert.Equal(t, c.action, report.Action)
			assert.Equal(t, doctor.VerdictFailing, report.Verdict)
		})
	}
}

func TestPrivateAddressIsDetected(t *testing.T) {
	t.Parallel()
	p := newTestServer(t, bearer(401, invalidToken))
	r := result(t, p.url, token(rightToken, oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Way: "oauth", Resource: p.url}, time.Hour), mcptools.Options{})
	f := classified("Error retrieving tool list from MCP server: 'notes'. Http status code: 424 (Failed Dependency)", r)
	report := doctor.Explain(t.Context(), f, r, nil)
	assert.Equal(t, "private_address", report.Cause, "%+v", report.Hypotheses)
	assert.Equal(t, mcptools.ActionFixConfig, report.Action)
	assert.Empty(t, p.saw())
}

func TestFailuresOfNoServerSendNoRequest(t *testing.T) {
	t.Parallel()
	p := newTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "asked") }))
	r := result(t, p.url, token(rightToken, oauthstore.Provenance{Way: "oauth"}, 0), mcptools.Options{})
	for name, c := range map[string]struct {
		message, cause, verdict string
		action                  mcptools.Action
	}{
		"OpenAI is down": {`{"error":{"type":"server_error","message":"Sorry"}}`, "openai", doctor.VerdictFailing, mcptools.ActionWait},
		"the API key":    {`{"error":{"type":"invalid_request_error","code":"invalid_api_key","message":"no"}}`, "openai", doctor.VerdictFailing, mcptools.ActionFixConfig},
		"the entry":      {`{"error":{"type":"invalid_request_error","param":"tools[0].server_url","message":"Invalid 'tools[0].server_url'"}}`, "misconfigured", doctor.VerdictFailing, mcptools.ActionFixConfig},
		"another server": {"Error retrieving tool list from MCP server: 'other'. Http status code: 401 (Unauthorized)", "", doctor.VerdictUnknown, mcptools.ActionRefresh},
		"unrecognized":   {"what?", "", doctor.VerdictUnknown, mcptools.ActionNone},
	} {
		report := doctor.Explain(t.Context(), classified(c.message, r), r, &doctor.Options{InsecureAllowLoopback: true})
		assert.Equal(t, c.cause, report.Cause, name)
		assert.Equal(t, c.verdict, report.Verdict, name)
		assert.Equal(t, c.action, report.Action, name)
	}
	assert.Empty(t, p.saw())
}

// A fixedRelay gives the same ticket for everything.
type fixedRelay struct{}

func (fixedRelay) Ticket(context.Context, mcptools.RelayGrant) (mcptools.RelayTicket, error) {
	return mcptools.RelayTicket{URL: "https://relay.example/notes/c1", Ticket: oauthstore.NewSecret(otherToken), ID: "t1"}, nil
}

func (fixedRelay) Seen(string, string) *mcptools.Failure { return nil }

// relayedResult is a request whose entry points at a relay.
func relayedResult(t *testing.T, url string, tok *oauthstore.Token) mcptools.Result {
	t.Helper()
	keys, err := keyset.New()
	require.NoError(t, err)
	store, err := oauthstore.New(memstore.New(), keys, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	_, err = store.Put(t.Context(), oauthstore.Key{Owner: owner, Provider: "notes", Server: url}, oauthstore.Credential{
		AccessToken: tok.AccessToken, Provenance: tok.Provenance, Expiry: tok.Expiry,
	})
	require.NoError(t, err)
	b, err := mcptools.NewBuilder(providers.Custom("notes", url, nil), store, &mcptools.Options{Relay: fixedRelay{}, InsecureAllowLoopback: true})
	require.NoError(t, err)
	set, err := mcptools.NewSet(b)
	require.NoError(t, err)
	r, err := set.Build(t.Context(), owner, nil)
	require.NoError(t, err)
	return r
}

func TestExplainExaminesTheServerBehindTheRelay(t *testing.T) {
	t.Parallel()
	here := oauthstore.Provenance{Obtained: oauthstore.ObtainedImport, Way: "api_key"}
	for _, c := range []struct {
		name    string
		server  http.Handler
		token   string
		message string
		cause   string
		action  mcptools.Action
	}{
		{"the relay refuses the ticket", bearer(401, invalidToken), rightToken, "401 (Unauthorized)", "misconfigured", mcptools.ActionFixConfig},
		{"the server refuses the token", bearer(401, `Bearer error="invalid_token", error_description="the token was revoked"`), "synthetic-token-that-was-revoked", "403 (Forbidden)", "revoked", mcptools.ActionReconnect},
		{"the server fails", always(http.StatusBadGateway), rightToken, "502 (Bad Gateway)", "server_error", mcptools.ActionWait},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newTestServer(t, c.server)
			r := relayedResult(t, p.url, token(c.token, here, 0))
			f := classified("Error retrieving tool list from MCP server: 'notes'. Http status code: "+c.message, r)
			report := doctor.Explain(t.Context(), f, r, &doctor.Options{InsecureAllowLoopback: true})
			assert.Equal(t, c.cause, report.Cause, "%+v", report.Hypotheses)
			assert.Equal(t, c.action, report.Action)
			assert.Equal(t, p.url, report.ServerURL, "the relay was examined")
			assert.NotContains(t, p.saw(), otherToken, "the ticket was sent to the server")
		})
	}
}
