package mcptools_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

const (
	relayURL   = "https://relay.acme.example/mcp/notes/c1"
	ticketText = "synthetic-ticket-"
)

// A fakeRelay gives out numbered tickets and remembers what for.
type fakeRelay struct {
	url string
	err error

	mu     sync.Mutex
	grants []mcptools.RelayGrant
	seen   map[string]*mcptools.Failure // by ticket id and tool
}

func (r *fakeRelay) Ticket(_ context.Context, g mcptools.RelayGrant) (mcptools.RelayTicket, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return mcptools.RelayTicket{}, r.err
	}
	r.grants = append(r.grants, g)
	n := strconv.Itoa(len(r.grants))
	return mcptools.RelayTicket{
		URL: r.url, Ticket: oauthstore.NewSecret(ticketText + n), ID: "t" + n, Expiry: time.Now().Add(max(g.MinTTL, time.Hour)),
	}, nil
}

func (r *fakeRelay) Seen(ticketID, tool string) *mcptools.Failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[ticketID+" "+tool]
}

// last returns the grant of the latest ticket.
func (r *fakeRelay) last() mcptools.RelayGrant {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.grants[len(r.grants)-1]
}

// relayed returns a relay and a builder of the provider with it.
func relayed(t *testing.T, p providers.Provider, creds oauthstore.Credentials, o mcptools.Options) (*fakeRelay, *mcptools.Builder) {
	t.Helper()
	r := &fakeRelay{url: relayURL, seen: make(map[string]*mcptools.Failure)}
	o.Relay = r
	b, err := mcptools.NewBuilder(p, creds, &o)
	require.NoError(t, err)
	return r, b
}

var notesKey = oauthstore.Key{Owner: ada, Provider: "notes", Server: notesURL}

// unreachable lets no request out: Build of a relayed entry needs none.
var unreachable = roundTripper(func(r *http.Request) (*http.Response, error) {
	return nil, errors.New("a request to " + r.URL.Host)
})

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRelayedEntryCarriesATicketInPlaceOfTheToken(t *testing.T) {
	t.Parallel()
	p := notes()
	p.Headers = []providers.Header{{Name: "X-Notes-Version", Value: "2"}}
	asked := 0
	r, b := relayed(t, p, newStore(t, notesKey, imported(notesText)), mcptools.Options{
		AllowedTools: []string{"search"}, ReadOnly: true, Headers: map[string]string{"X-Team": "blue"},
		InsecureTransport: roundTripper(func(*http.Request) (*http.Response, error) { asked++; return nil, errors.New("no") }),
	})
	e, err := b.Entry(t.Context(), ada, &mcptools.BuildOptions{Headers: map[string]string{"X-Project": "7"}})
	require.NoError(t, err)
	assert.JSONEq(t, `{"type":"mcp","server_label":"notes","server_url":"`+relayURL+`","authorization":"`+ticketText+`1",
		"require_approval":"always","allowed_tools":{"read_only":true,"tool_names":["search"]}}`, string(requireValid(t, e.Tool())))
	assert.Zero(t, asked, "the server was asked about the token")

	assert.Equal(t, "t1", e.TicketID)
	assert.Equal(t, relayURL, e.ServerURL)
	assert.Equal(t, notesKey, e.Key, "the credential is the vendor's")
	assert.NotEmpty(t, e.Grant)
	assert.Zero(t, e.Generation)
	assert.WithinDuration(t, time.Now().Add(time.Hour), e.Expiry, time.Minute)
	printed, err := json.Marshal(e)
	require.NoError(t, err)
	assert.NotContains(t, string(printed), ticketText)

	got := r.last()
	assert.Equal(t, mcptools.RelayGrant{
		Key: notesKey, Grant: e.Grant, Label: "notes", AllowedTools: []string{"search"}, ReadOnly: true,
		Headers: map[string]string{"X-Notes-Version": "2", "X-Team": "blue", "X-Project": "7"},
	}, got)
}

func TestRelayedEntryGoesWhereThePlatformWantsTheCredential(t *testing.T) {
	t.Parallel()
	_, b := relayed(t, notes(), newStore(t, notesKey, imported(notesText)), mcptools.Options{UseHeaders: true, Headers: map[string]string{"X-Team": "blue"}})
	tool, err := b.Build(t.Context(), ada, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"Authorization": "Bearer " + ticketText + "1"}, tool.OfMcp.Headers)
	assert.False(t, tool.OfMcp.Authorization.Valid())
}

func TestCredentialThatIsNoBearerTokenIsABearerTicketWithARelay(t *testing.T) {
	t.Parallel()
	p := notes()
	p.Ways = []providers.Way{{ID: "keys", Kind: providers.WayKey, Name: "API key", Carry: []providers.Carry{{Header: "DD_API_KEY"}, {Header: "DD_APPLICATION_KEY", Secret: "application_key"}}}}
	c := imported(notesText)
	c.Secrets = map[string]oauthstore.Secret{"application_key": oauthstore.NewSecret("synthetic-application-key")}
	_, b := relayed(t, p, newStore(t, notesKey, c), mcptools.Options{})
	tool, err := b.Build(t.Context(), ada, nil)
	require.NoError(t, err)
	assert.Equal(t, ticketText+"1", tool.OfMcp.Authorization.Value)
	assert.Empty(t, tool.OfMcp.Headers)
}

func TestServerWithoutCredentialsGetsATicket(t *testing.T) {
	t.Parallel()
	p := notes()
	p.Ways = []providers.Way{{ID: "none", Kind: providers.WayNone, Name: "nothing"}}
	r, b := relayed(t, p, nil, mcptools.Options{})
	e, err := b.Entry(t.Context(), ada, nil)
	require.NoError(t, err)
	assert.Equal(t, ticketText+"1", e.Tool().OfMcp.Authorization.Value)
	assert.Empty(t, r.last().Grant)
}

func TestTicketLivesAsLongAsTheResponseMayRun(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		need, build, want time.Duration
	}{
		"unknown, so that the relay decides": {},
		"of the builder":                     {need: time.Hour, want: 75 * time.Minute},
		"of the build":                       {need: time.Hour, build: 2 * time.Hour, want: 135 * time.Minute},
		"nearly the longest":                 {build: 24*time.Hour - time.Minute, want: 24 * time.Hour},
		"too long, which the relay refuses":  {build: 25 * time.Hour, want: 25 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, b := relayed(t, notes(), newStore(t, notesKey, imported(notesText)), mcptools.Options{Need: oauthstore.Need{MinTTL: tt.need}})
			e, err := b.Entry(t.Context(), ada, &mcptools.BuildOptions{MinTTL: tt.build, RequireTTL: true})
			require.NoError(t, err)
			assert.Equal(t, tt.want, r.last().MinTTL)
			assert.False(t, e.Short)
		})
	}
}

func TestRelayIsRefusedWhereItCantServe(t *testing.T) {
	t.Parallel()
	gmail := providers.Provider{
		ID: "gmail", Name: "Gmail", Server: providers.Server{Connector: "connector_gmail"},
		Ways: []providers.Way{{ID: "oauth", Kind: providers.WayOAuth, Name: "OAuth"}},
	}
	store := newStore(t, notesKey, imported(notesText))
	for name, tt := range map[string]struct {
		provider providers.Provider
		creds    oauthstore.Credentials
		opts     mcptools.Options
		want     string
	}{
		"a connector":                     {gmail, store, mcptools.Options{}, "tunnel or a connector"},
		"a tunnel":                        {notes(), store, mcptools.Options{TunnelID: "tunnel_0123456789abcdef0123456789abcdef"}, "tunnel or a connector"},
		"tokens that the relay can't get": {notes(), has(notesToken()), mcptools.Options{}, "*oauthstore.Store"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.opts.Relay = &fakeRelay{url: relayURL}
			_, err := mcptools.NewBuilder(tt.provider, tt.creds, &tt.opts)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestRelayedBuildIsRefusedLikeAnyOther(t *testing.T) {
	t.Parallel()
	expired := imported(notesText)
	expired.Expiry = time.Now().Add(-time.Minute)
	other := imported(notesText)
	other.Provenance.Resource = "https://mcp.tasks.example/mcp"
	sse := notes()
	sse.Transport = providers.TransportSSE
	for name, tt := range map[string]struct {
		provider providers.Provider
		key      oauthstore.Key
		cred     oauthstore.Credential
		err      error
		want     mcptools.Kind
	}{
		"not connected":              {notes(), oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "bob"}, Provider: "notes", Server: notesURL}, imported(notesText), nil, mcptools.KindNotConnected},
		"expired without refresh":    {notes(), notesKey, expired, nil, mcptools.KindReauthorize},
		"a token for another server": {notes(), notesKey, other, nil, mcptools.KindWrongAudience},
		"the HTTP+SSE transport":     {sse, notesKey, imported(notesText), nil, mcptools.KindUnsupported},
		"a ticket that is too long":  {notes(), notesKey, imported(notesText), errors.New("relay: the ticket is too long"), mcptools.KindMisconfigured},
		"no sealing key":             {notes(), notesKey, imported(notesText), backend.ErrKeyUnavailable, mcptools.KindMisconfigured},
		"a caller who gave up":       {notes(), notesKey, imported(notesText), context.Canceled, mcptools.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, b := relayed(t, tt.provider, newStore(t, tt.key, tt.cred), mcptools.Options{InsecureTransport: unreachable})
			r.err = tt.err
			_, err := b.Build(t.Context(), ada, nil)
			f, ok := mcptools.AsFailure(err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.want, f.Kind, "%v", f)
			assert.Equal(t, mcptools.StageBuild, f.Stage)
			assert.Empty(t, r.grants)
		})
	}
}

// The relay will refresh the token when it is used. Build only reads.
func TestRelayedBuildRefreshesNothing(t *testing.T) {
	t.Parallel()
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureTransport: unreachable})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	_, err = store.Put(t.Context(), notesKey, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret(notesText), RefreshToken: oauthstore.NewSecret("synthetic-refresh-token"), Expiry: time.Now().Add(-time.Minute),
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedConsent, Issuer: "https://auth.notes.example", TokenEndpoint: "https://auth.notes.example/token",
			ClientID: "c1", Client: oauthstore.ClientDocument,
		},
	})
	require.NoError(t, err)
	_, b := relayed(t, notes(), store, mcptools.Options{InsecureTransport: unreachable})
	e, err := b.Entry(t.Context(), ada, nil)
	require.NoError(t, err)

	before, err := store.Status(t.Context(), notesKey)
	require.NoError(t, err)
	require.NoError(t, e.Reject(t.Context(), oauthstore.Verdict{}))
	next, err := e.Renew(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "t2", next.TicketID)
	after, err := store.Status(t.Context(), notesKey)
	require.NoError(t, err)
	assert.Equal(t, before, after, "the store recorded a refusal, or refreshed")
}

// reported is OpenAI's report of the status with which an MCP server answered.
func reported(status string) string {
	return `{"error":{"message":"Error retrieving tool list from MCP server: 'notes'. Http status code: ` + status + `","type":"external_connector_error","param":"tools","code":"http_error"}}`
}

func TestFailureSaysWhatTheRelaySaw(t *testing.T) {
	t.Parallel()
	r, b := relayed(t, notes(), newStore(t, notesKey, imported(notesText)), mcptools.Options{})
	e, err := b.Entry(t.Context(), ada, nil)
	require.NoError(t, err)
	r.seen["t1 "] = &mcptools.Failure{Kind: mcptools.KindUnavailable, Action: mcptools.ActionWait, UpstreamStatus: 503, RetryAfter: time.Minute}
	r.seen["t1 search"] = &mcptools.Failure{Kind: mcptools.KindReauthorize, Action: mcptools.ActionReconnect, ToolName: "search"}

	f := mcptools.Classify([]byte(reported("502 (Bad Gateway)")), &mcptools.ClassifyOptions{HTTPStatus: 424, Surface: "responses", Entries: []mcptools.Entry{e}})
	assert.Equal(t, mcptools.KindServerError, f.Kind)
	assert.Equal(t, mcptools.ActionWait, f.Action)
	assert.Equal(t, mcptools.StageListTools, f.Stage)
	assert.Equal(t, 503, f.UpstreamStatus, "of the vendor, not of the relay")
	assert.Equal(t, time.Minute, f.RetryAfter)
	assert.True(t, f.Retryable)
	assert.Equal(t, "notes", f.Provider)

	call := `{"type":"mcp_call","server_label":"notes","name":"search","error":{"type":"http_error","code":403,"message":"Forbidden"}}`
	var item responses.ResponseOutputItemUnion
	require.NoError(t, json.Unmarshal([]byte(call), &item))
	found := mcptools.FailuresIn(&responses.Response{Output: []responses.ResponseOutputItemUnion{item}}, e)
	require.Len(t, found, 1)
	assert.Equal(t, mcptools.KindReauthorize, found[0].Kind)
	assert.Equal(t, mcptools.StageCallTool, found[0].Stage)
	assert.False(t, found[0].Retryable)

	var event responses.ResponseStreamEventUnion
	require.NoError(t, json.Unmarshal([]byte(`{"type":"response.output_item.done","item":`+call+`}`), &event))
	f, ok := mcptools.FailureOfEvent(event, e)
	require.True(t, ok)
	assert.Equal(t, mcptools.KindReauthorize, f.Kind)

	for name, text := range map[string]string{
		"a tool's own failure":     `{"type":"mcp_call","server_label":"notes","name":"search","error":{"type":"mcp_tool_execution_error","content":[]}}`,
		"OpenAI's failure":         `{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}`,
		"a tool without a failure": `{"type":"mcp_call","server_label":"notes","name":"other","error":{"type":"http_error","code":403,"message":"Forbidden"}}`,
		"another entry":            `{"error":{"message":"Error retrieving tool list from MCP server: 'tasks'. Http status code: 502 (Bad Gateway)","type":"external_connector_error"}}`,
	} {
		other := mcptools.Classify([]byte(text), &mcptools.ClassifyOptions{Entries: []mcptools.Entry{e}, Surface: "responses"})
		assert.NotContains(t, []mcptools.Kind{mcptools.KindReauthorize}, other.Kind, name)
		assert.NotEqual(t, 503, other.UpstreamStatus, name)
	}
}

// answers plays OpenAI's API: it reports the status with which the MCP server, here
// the relay, answered to each ticket, "" for success, and keeps the tickets.
func answers(status func(ticket string) string) (endpoint option.RequestOption, tickets *[]string) {
	tickets = new([]string)
	return option.WithMiddleware(func(req *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
		var body struct {
			Tools []struct {
				ServerURL     string `json:"server_url"`
				Authorization string `json:"authorization"`
			} `json:"tools"`
		}
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
			return nil, err
		}
		ticket := body.Tools[0].Authorization
		*tickets = append(*tickets, body.Tools[0].ServerURL+" "+ticket)
		if st := status(ticket); st != "" {
			return answered(req, http.StatusFailedDependency, reported(st)), nil
		}
		return answered(req, http.StatusOK, `{"id":"resp_1","object":"response","status":"completed","output":[]}`), nil
	}), tickets
}

func TestOptionGetsOneNewTicket(t *testing.T) {
	t.Parallel()
	const unauthorized = "401 (Unauthorized)"
	for name, tt := range map[string]struct {
		status  func(ticket string) string
		seen    *mcptools.Failure // of the first ticket
		tickets int
		kind    mcptools.Kind
		action  mcptools.Action
		says    string
	}{
		"which is accepted": {
			status: func(ticket string) string {
				if ticket == ticketText+"1" {
					return unauthorized
				}
				return ""
			},
			tickets: 2,
		},
		"which is refused too: the relay can't open it": {
			status: func(string) string { return unauthorized }, tickets: 2,
			kind: mcptools.KindUnauthorized, action: mcptools.ActionFixConfig, says: "same credential store and keyset",
		},
		"but not after a 403": {
			status: func(string) string { return "403 (Forbidden)" }, tickets: 1,
			kind: mcptools.KindForbidden, action: mcptools.ActionReconnect,
		},
		"but not if the relay says that the owner has disconnected": {
			status: func(string) string { return unauthorized }, tickets: 1,
			seen: &mcptools.Failure{Kind: mcptools.KindNotConnected, Action: mcptools.ActionConnect},
			kind: mcptools.KindNotConnected, action: mcptools.ActionConnect,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, b := relayed(t, notes(), newStore(t, notesKey, imported(notesText)), mcptools.Options{})
			if tt.seen != nil {
				r.seen["t1 "] = tt.seen
			}
			set, err := mcptools.NewSet(b)
			require.NoError(t, err)
			built, err := set.Build(t.Context(), ada, nil)
			require.NoError(t, err)
			r.url += "-reconnected"
			endpoint, tickets := answers(tt.status)
			client := openai.NewClient(option.WithAPIKey("k"))
			_, err = client.Responses.New(t.Context(), responses.ResponseNewParams{
				Model: "gpt-5", Tools: built.Tools(), Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("x")},
			}, built.Option(), endpoint)
			assert.Equal(t, []string{relayURL + " " + ticketText + "1", relayURL + "-reconnected " + ticketText + "2"}[:tt.tickets], *tickets)
			if tt.kind == "" {
				require.NoError(t, err)
				return
			}
			f, ok := mcptools.AsFailure(err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.kind, f.Kind)
			assert.Equal(t, tt.action, f.Action)
			assert.Contains(t, f.Error(), tt.says)
			assert.NotContains(t, f.Upstream(), ticketText)
		})
	}
}
