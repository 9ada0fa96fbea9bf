package mcptools_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/providers"
)

var updatePlatforms = flag.Bool("update-platforms", false, "write the entries of testdata/platforms anew")

// A dimension of the table has named values.
type dimension[T any] []struct {
	name  string
	value T
}

var (
	credentialKinds = dimension[providers.Way]{
		{"bearer", providers.Way{ID: "oauth", Kind: providers.WayOAuth, Name: "OAuth", Obtain: "Consent."}},
		{"api key", providers.Way{ID: "key", Kind: providers.WayKey, Name: "key", Obtain: "Ask.", Carry: []providers.Carry{{Header: "X-API-Key"}}}},
		{"basic", providers.Way{ID: "basic", Kind: providers.WayKey, Name: "basic", Obtain: "Ask.", Carry: []providers.Carry{{Header: "Authorization", Prefix: "Basic "}}}},
		{"none", providers.Way{ID: "none", Kind: providers.WayNone, Name: "none"}},
	}
	approvals = dimension[mcptools.Approval]{
		{"always", mcptools.ApprovalAlways},
		{"never", mcptools.ApprovalNever},
		{"by name", mcptools.Approval{Always: []string{"write"}, Never: []string{"search"}}},
		{"by annotation", mcptools.Approval{InsecureTrustReadOnly: true}},
	}
	filters = dimension[mcptools.Options]{
		{"all tools", mcptools.Options{}},
		{"list", mcptools.Options{AllowedTools: []string{"search", "write"}}},
		{"read-only", mcptools.Options{ReadOnly: true}},
	}
)

// serverFor returns a server that the platform can reach, which takes way.
func serverFor(p platform.Platform, way providers.Way) providers.Provider {
	url, transport := notesURL, providers.TransportHTTP
	if p.ID == "alibaba" {
		url, transport = "https://mcp.notes.example/sse", providers.TransportSSE
	}
	return providers.Custom("notes", url, &providers.CustomOptions{Name: "Notes", Description: "Notes of a team.", Transport: transport, Ways: []providers.Way{way}})
}

// TestEntriesOfEveryPlatform compares the entry of each platform, kind of
// credential, approval and filter, or its refusal, with testdata/platforms.
func TestEntriesOfEveryPlatform(t *testing.T) {
	t.Parallel()
	for _, p := range platform.All() {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			var table strings.Builder
			for _, cred := range credentialKinds {
				for _, approval := range approvals {
					for _, filter := range filters {
						o := filter.value
						o.Platform, o.Approval = p, approval.value
						fmt.Fprintf(&table, "%s, %s, %s: %s\n", cred.name, approval.name, filter.name, entryOrRefusal(t, serverFor(p, cred.value), o))
					}
				}
			}
			file := filepath.Join("testdata", "platforms", p.ID+".txt")
			if *updatePlatforms {
				require.NoError(t, os.WriteFile(file, []byte(table.String()), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), table.String(), "run: go test ./mcptools -run TestEntriesOfEveryPlatform -update-platforms")
		})
	}
}

// entryOrRefusal returns the JSON of an entry, or the refusal, which must be typed.
func entryOrRefusal(t *testing.T, p providers.Provider, o mcptools.Options) string {
	t.Helper()
	b, err := mcptools.NewBuilder(p, has(notesToken()), unprobed(o))
	var tool responses.ToolUnionParam
	if err == nil {
		tool, err = b.Build(t.Context(), ada, nil)
	}
	if err != nil {
		f, ok := mcptools.AsFailure(err)
		require.True(t, ok, err)
		assert.Equal(t, mcptools.KindUnsupported, f.Kind)
		assert.Equal(t, mcptools.StageBuild, f.Stage)
		assert.Equal(t, mcptools.ActionFixConfig, f.Action)
		return "refused: " + f.Sentence()
	}
	raw, err := json.Marshal(tool)
	require.NoError(t, err)
	return string(raw)
}

func TestOptionsThatAPlatformDoesNotApplyAreRefusedByName(t *testing.T) {
	t.Parallel()
	tunnel := "tunnel_" + strings.Repeat("a", 32)
	connector := providers.Provider{ID: "mail", Name: "Mail", Server: providers.Server{Connector: "connector_gmail"}, Ways: []providers.Way{credentialKinds[0].value}}
	for _, tc := range []struct {
		on     platform.Platform
		field  string
		server providers.Provider
		o      mcptools.Options
	}{
		{on: platform.SMG(), field: "tunnel_id", o: mcptools.Options{TunnelID: tunnel}},
		{on: platform.XAI(), field: "tunnel_id", o: mcptools.Options{TunnelID: tunnel, Approval: mcptools.ApprovalNever}},
		{on: platform.SMG(), field: "allowed_callers", o: mcptools.Options{AllowedCallers: []string{"direct"}}},
		{on: platform.HuggingFace(), field: "defer_loading", o: mcptools.Options{DeferLoading: true}},
		{on: platform.HuggingFace(), field: "server_description", o: mcptools.Options{Description: "Mine."}},
		{on: platform.Perplexity(), field: "server_description", o: mcptools.Options{Description: "Mine.", Approval: mcptools.ApprovalNever}},
		{on: platform.OGX(), field: "headers.Authorization", o: mcptools.Options{UseHeaders: true}},
		{on: platform.OGX(), field: "connector_id", server: connector},
		{on: platform.Groq(), field: "authorization", server: connector},
		{on: platform.Azure(), field: "connector_id", server: connector},
		{on: platform.Ark(), field: "server_url", server: providers.Custom("old", "https://mcp.notes.example/sse", nil)},
		{on: platform.Alibaba(), field: "server_url", server: notes(), o: mcptools.Options{Approval: mcptools.ApprovalNever}},
		{on: platform.Bedrock(), field: "server_url", server: notes()},
		{on: platform.Foundry(), field: "project_connection_id", server: notes()},
	} {
		t.Run(tc.on.ID+" "+tc.field, func(t *testing.T) {
			t.Parallel()
			if tc.server.ID == "" {
				tc.server = notes()
			}
			tc.o.Platform = tc.on
			_, err := mcptools.NewBuilder(tc.server, has(notesToken()), unprobed(tc.o))
			require.ErrorIs(t, err, mcptools.KindUnsupported)
			require.ErrorContains(t, err, tc.field)
			assert.ErrorContains(t, err, tc.on.Name)
		})
	}
}

func TestPlatformWithoutIDDoesNotCountAsOpenAI(t *testing.T) {
	t.Parallel()
	groq, _ := platform.Lookup("groq")
	groq.ID = ""
	_, err := mcptools.NewBuilder(serverFor(groq, credentialKinds[0].value), has(notesToken()), unprobed(mcptools.Options{Platform: groq}))
	require.ErrorContains(t, err, "the platform has no ID")
}

func TestPlatformThatTakesNoTokenGetsNoEntryWithOne(t *testing.T) {
	t.Parallel()
	own := platform.Platform{ID: "own", Name: "Own", Fields: map[platform.Field]platform.Support{
		platform.FieldServerURL: platform.Taken, platform.FieldApproval: platform.Taken, platform.FieldHeaderKeys: platform.Taken,
	}}
	b, err := mcptools.NewBuilder(serverFor(own, credentialKinds[0].value), has(notesToken()), unprobed(mcptools.Options{Platform: own}))
	require.NoError(t, err)
	_, err = b.Build(t.Context(), ada, nil)
	require.ErrorIs(t, err, mcptools.KindUnsupported)
	require.ErrorContains(t, err, "authorization: Own does not document it", "the server would be used without the token")
}

func TestTheTransportOfAnOwnersServerCounts(t *testing.T) {
	t.Parallel()
	p := notes()
	p.Server.Alternates = []string{"https://mcp.notes.example/sse"}
	b, err := mcptools.NewBuilder(p, has(notesToken()), unprobed(mcptools.Options{Platform: platform.Ark()}))
	require.NoError(t, err)
	_, err = b.Build(t.Context(), ada, &mcptools.BuildOptions{ServerURL: "https://mcp.notes.example/sse"})
	require.ErrorIs(t, err, mcptools.KindUnsupported)
	_, err = b.Build(t.Context(), ada, nil)
	require.NoError(t, err)
}

func TestASetIsForOnePlatform(t *testing.T) {
	t.Parallel()
	build := func(id string, p platform.Platform) *mcptools.Builder {
		b, err := mcptools.NewBuilder(providers.Custom(id, notesURL, nil), has(notesToken()), unprobed(mcptools.Options{Platform: p, Approval: mcptools.ApprovalNever}))
		require.NoError(t, err)
		return b
	}
	_, err := mcptools.NewSet(build("a", platform.Groq()), build("b", platform.XAI()))
	require.ErrorContains(t, err, "one platform")
	_, err = mcptools.NewSet(build("a", platform.Platform{}), build("b", platform.OpenAI()))
	require.NoError(t, err)

	var many []*mcptools.Builder
	for i := range 17 {
		many = append(many, build(fmt.Sprintf("n%d", i), platform.Perplexity()))
	}
	_, err = mcptools.NewSet(many...)
	require.ErrorContains(t, err, "at most 16")
	_, err = mcptools.NewSet(many[:16]...)
	require.NoError(t, err)

	_, err = mcptools.NewBuilder(notes(), has(notesToken()), unprobed(mcptools.Options{
		Platform: platform.Perplexity(), Approval: mcptools.ApprovalNever, Label: strings.Repeat("a", 65),
	}))
	require.ErrorContains(t, err, "label")
}

// A recorder answers each request and keeps it.
type recorder struct{ requests []*http.Request }

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.requests = append(r.requests, req)
	return nil, errors.New("recorded")
}

func TestEntriesGoToTheirPlatformOnly(t *testing.T) {
	t.Parallel()
	const sends = ""
	for _, tc := range []struct {
		on   platform.Platform
		base string
		want string
	}{
		{platform.Platform{}, "https://api.openai.com/v1", sends},
		{platform.Platform{}, "https://gateway.example/v1", sends},
		{platform.Platform{}, "https://api.groq.com/openai/v1", "Groq"},
		{platform.Platform{}, "https://API.X.AI./v1", "xAI"},
		{platform.Platform{}, "https://acme.openai.azure.com/openai/v1", "Azure"},
		{platform.Platform{}, "https://acme.services.ai.azure.com/api/projects/p/openai/v1", "Foundry"},
		{platform.Platform{}, "https://127.0.0.1:4000/v1", "private network"},
		{platform.Platform{}, "https://localhost/v1", "private network"},
		{platform.Platform{}, "https://10.1.2.3/v1", "private network"},
		{platform.Platform{}, "https://[fd00::1]/v1", "private network"},
		{platform.Platform{}, "https://[::ffff:10.1.2.3]/v1", "private network"},
		{platform.Platform{}, "https://100.64.0.1/v1", "private network"},
		{platform.Platform{}, "https://litellm/v1", "private network"},
		{platform.Platform{}, "https://litellm.ai.svc.cluster.local./v1", "private network"},
		{platform.OpenAI(), "https://litellm/v1", sends},
		{platform.OpenAI(), "https://api.groq.com/openai/v1", "Groq"},
		{platform.Groq(), "https://api.openai.com/v1", "OpenAI"},
		{platform.Groq(), "https://api.groq.com/openai/v1", sends},
		{platform.Groq(), "https://gateway.example/v1", sends},
		{platform.Azure(), "https://acme.services.ai.azure.com/openai/v1", sends},
		{platform.Azure(), "https://acme.services.ai.azure.com/api/projects/p/openai/v1", "Foundry"},
		{platform.Azure(), "https://acme.openai.azure.com.evil.example/v1", sends}, // an unknown host, which the caller named Azure
		{platform.LMStudio(), "https://localhost:1234/v1", sends},
		{platform.Ark(), "https://ark.cn-beijing.volces.com/api/v3", sends},
	} {
		t.Run(tc.on.ID+" at "+tc.base, func(t *testing.T) {
			t.Parallel()
			b, err := mcptools.NewBuilder(notes(), has(notesToken()), unprobed(mcptools.Options{Platform: tc.on, Approval: mcptools.ApprovalNever}))
			require.NoError(t, err)
			set, err := mcptools.NewSet(b)
			require.NoError(t, err)
			r, err := set.Build(t.Context(), ada, nil)
			require.NoError(t, err)
			rec := &recorder{}
			client := openai.NewClient(option.WithBaseURL(tc.base), option.WithAPIKey("k"), option.WithMaxRetries(0), option.WithHTTPClient(&http.Client{Transport: rec}))
			_, err = client.Responses.New(t.Context(), responses.ResponseNewParams{Model: "m", Tools: r.Tools()}, r.Option())
			require.Error(t, err)
			if tc.want == sends {
				require.Len(t, rec.requests, 1)
				assert.Equal(t, tc.on.RequestHeaders["ark-beta-mcp"], rec.requests[0].Header.Get("ark-beta-mcp"))
				return
			}
			assert.Empty(t, rec.requests)
			f, ok := mcptools.AsFailure(err)
			require.True(t, ok)
			assert.Equal(t, mcptools.KindMisconfigured, f.Kind)
			assert.Contains(t, f.Sentence(), tc.want)
		})
	}
}

func TestARelayTicketIsInTheFieldThatThePlatformReads(t *testing.T) {
	t.Parallel()
	open := providers.Custom("notes", notesURL, &providers.CustomOptions{Ways: []providers.Way{credentialKinds[3].value}})
	_, b := relayed(t, open, nil, mcptools.Options{Platform: platform.Groq(), ReadOnly: true})
	tool, err := b.Build(t.Context(), ada, nil)
	require.NoError(t, err, "the relay applies the filter that the platform doesn't")
	raw, err := json.Marshal(tool)
	require.NoError(t, err)
	assert.JSONEq(t, `{"type":"mcp","server_label":"notes","server_url":"`+relayURL+`","headers":{"Authorization":"Bearer `+ticketText+`1"},"require_approval":"always"}`, string(raw))

	for _, p := range []platform.Platform{platform.Foundry(), platform.Alibaba()} {
		_, err = mcptools.NewBuilder(open, nil, &mcptools.Options{Platform: p, Relay: &fakeRelay{}, Approval: mcptools.ApprovalNever})
		require.ErrorIs(t, err, mcptools.KindUnsupported, p.ID)
	}
}

func TestRealtimeEntriesAreForPlatformsThatTakeThem(t *testing.T) {
	t.Parallel()
	for _, p := range platform.All() {
		b, err := mcptools.NewBuilder(serverFor(p, credentialKinds[0].value), has(notesToken()), unprobed(mcptools.Options{Platform: p, Approval: mcptools.ApprovalNever}))
		if err != nil {
			continue
		}
		e, err := b.Entry(t.Context(), ada, nil)
		require.NoError(t, err)
		assert.Equal(t, p.Realtime, e.Realtime().OfMcp != nil, p.ID)
	}
}

func TestAnUnknownHostIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b, err := mcptools.NewBuilder(notes(), has(notesToken()), unprobed(mcptools.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	require.NoError(t, err)
	set, err := mcptools.NewSet(b)
	require.NoError(t, err)
	r, err := set.Build(t.Context(), ada, nil)
	require.NoError(t, err)
	for _, base := range []string{"https://api.openai.com/v1", "https://gateway.example/v1", "https://gateway.example/v1"} {
		client := openai.NewClient(option.WithBaseURL(base), option.WithAPIKey("k"), option.WithMaxRetries(0), option.WithHTTPClient(&http.Client{Transport: &recorder{}}))
		_, err = client.Responses.New(t.Context(), responses.ResponseNewParams{Model: "m", Tools: r.Tools()}, r.Option())
		require.ErrorContains(t, err, "recorded")
	}
	assert.Equal(t, 1, strings.Count(log.String(), "host=gateway.example"))
	assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"))
}
