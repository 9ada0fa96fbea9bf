package mcptools_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A dialectWorld is a lab that speaks the dialect of a platform. Its model calls
// write; its server lists tools for anyone, as public servers do.
type dialectWorld struct {
	*lab.World
	creds  oauthstore.Credentials
	server providers.Provider
	writes atomic.Int32
}

func newDialectWorld(t *testing.T, id string) *dialectWorld {
	t.Helper()
	d := &dialectWorld{}
	text := func(n *atomic.Int32) func(context.Context, map[string]any) (string, error) {
		return func(context.Context, map[string]any) (string, error) { n.Add(1); return "done", nil }
	}
	w, err := lab.Start(&lab.Options{
		Platform: id,
		Servers: []lab.Server{{Name: "notes", Anonymous: true, Tools: []lab.Tool{
			{Name: "search", ReadOnly: true, Handle: text(new(atomic.Int32))},
			{Name: "write", Handle: text(&d.writes)},
		}}},
		Script: &lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{{Call: &lab.Call{ServerLabel: "notes", Tool: "write"}}, {Say: "{{all}}"}}}}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	d.World = w
	d.creds = has(oauthstore.Token{AccessToken: oauthstore.NewSecret(w.Key("notes", "ada"))})
	d.server = providers.Custom("notes", w.Server("notes").MCPURL, nil)
	if id == "alibaba" {
		d.server = providers.Custom("notes", w.Server("notes").SSEURL, &providers.CustomOptions{Transport: providers.TransportSSE})
	}
	return d
}

// ask builds an entry and sends it. It returns the refusal, or the error of the
// platform.
func (d *dialectWorld) ask(t *testing.T, o mcptools.Options) (refusal, failed error) {
	t.Helper()
	o.InsecureAllowLoopback, o.InsecureSkipProbe = true, true // only the platform asks the server
	b, err := mcptools.NewBuilder(d.server, d.creds, &o)
	if err != nil {
		return err, nil
	}
	set, err := mcptools.NewSet(b)
	require.NoError(t, err)
	r, err := set.Build(t.Context(), ada, nil)
	if err != nil {
		return err, nil
	}
	client := openai.NewClient(option.WithBaseURL(d.Info().OpenAIBaseURL), option.WithAPIKey(d.Info().OpenAIAPIKey), option.WithMaxRetries(0))
	_, failed = client.Responses.New(t.Context(), responses.ResponseNewParams{
		Model: "m", Tools: r.Tools(), Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("write it")},
	}, r.Option())
	return nil, failed
}

// anonymous reports whether the MCP server saw a request without a credential.
func (d *dialectWorld) anonymous() bool {
	for _, r := range d.Requests() {
		if r.Part == "notes" && r.RPC != "" && !r.Token {
			return true
		}
	}
	return false
}

// TestNoPlatformRunsAnEntryAnonymouslyOrUnapproved sends each entry that a builder
// makes to a platform that handles it as the platform's own sources say.
func TestNoPlatformRunsAnEntryAnonymouslyOrUnapproved(t *testing.T) {
	t.Parallel()
	for _, p := range platform.All() {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			d := newDialectWorld(t, p.ID)
			built := 0
			for _, approval := range approvals {
				for _, filter := range append(filters, struct {
					name  string
					value mcptools.Options
				}{"search only", mcptools.Options{AllowedTools: []string{"search"}}}) {
					o := filter.value
					o.Platform, o.Approval = p, approval.value
					if filter.name == "search only" && approval.name == "by name" {
						continue // names a tool that is not allowed
					}
					before := d.writes.Load()
					refusal, failed := d.ask(t, o)
					wrote := d.writes.Load() - before
					if refusal != nil {
						require.ErrorIs(t, refusal, mcptools.KindUnsupported)
						assert.Zero(t, wrote)
						continue
					}
					built++
					require.NoError(t, failed, "%s, %s", approval.name, filter.name)
					assert.False(t, d.anonymous(), "%s, %s", approval.name, filter.name)
					if may := approval.name == "never" && (filter.name == "all tools" || filter.name == "list"); may {
						assert.EqualValues(t, 1, wrote, "%s, %s", approval.name, filter.name)
					} else {
						assert.Zero(t, wrote, "%s, %s", approval.name, filter.name)
					}
				}
			}
			assert.Equal(t, p.Refused != "" || p.NoCredential != "", built == 0)
		})
	}
}

// TestAnEntryForOpenAIDoesHarmElsewhere shows that the test above can fail.
func TestAnEntryForOpenAIDoesHarmElsewhere(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]struct{ anonymous, unapproved bool }{
		"openai":      {},
		"azure":       {anonymous: true},
		"foundry":     {anonymous: true},
		"groq":        {anonymous: true},
		"huggingface": {anonymous: true},
		"lmstudio":    {anonymous: true},
		"perplexity":  {unapproved: true},
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			d := newDialectWorld(t, id)
			refusal, _ := d.ask(t, mcptools.Options{Platform: platform.OpenAI()})
			require.NoError(t, refusal)
			assert.Equal(t, want.anonymous, d.anonymous())
			assert.Equal(t, want.unapproved, d.writes.Load() > 0)
		})
	}
}

func TestAnErrorOfXAIThatIsATextIsAFailure(t *testing.T) {
	t.Parallel()
	d := newDialectWorld(t, "xai")
	o := mcptools.Options{Platform: platform.XAI(), Approval: mcptools.ApprovalNever}
	require.NoError(t, d.Fault("openai:model"))
	_, failed := d.ask(t, o)
	f, ok := mcptools.AsFailure(failed)
	require.True(t, ok, failed)
	assert.Equal(t, mcptools.KindPlatform, f.Kind)
	assert.Contains(t, f.Upstream(), "Some requested entity was not found")

	d.Clear()
	require.NoError(t, d.Fault("notes:500"))
	_, failed = d.ask(t, o)
	f, ok = mcptools.AsFailure(failed)
	require.True(t, ok, failed)
	assert.Equal(t, mcptools.KindServerError, f.Kind)
	assert.Equal(t, "notes", f.ServerLabel)
}
