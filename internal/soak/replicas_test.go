package soak_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

var ada = oauthstore.Owner{Tenant: "acme", Subject: "ada"}

// replicas are two stores on one database, in a bubble of virtual time, and a
// server that revokes the old access token at each refresh.
type replicas struct {
	world *lab.World
	key   oauthstore.Key
	a, b  *oauthstore.Store
}

func newReplicas(t *testing.T, watch, profile bool, opts lab.Options) *replicas {
	t.Helper()
	opts.InMemory, opts.OldAccessDies = true, true
	w, err := lab.Start(&opts)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	database, keys := memstore.New(), newKeyset(t)
	r := &replicas{world: w, key: oauthstore.Key{Owner: ada, Provider: "notes", Server: w.Server("notes").MCPURL}}
	for _, s := range []**oauthstore.Store{&r.a, &r.b} {
		*s = newStore(t, database, keys, &oauthstore.Options{InsecureTransport: w.Client().Transport, InsecureAllowLoopback: true})
		if watch {
			watching(t, *s)
		}
	}
	synctest.Wait() // until both watch
	c := w.Grant("notes", ada.Subject).Credential()
	c.Profile.OldAccessDies = profile
	_, err = r.a.Put(t.Context(), r.key, c)
	require.NoError(t, err)
	return r
}

// watching runs s.Watch until the end of the test.
func watching(t *testing.T, s *oauthstore.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { assert.ErrorIs(t, s.Watch(ctx), context.Canceled) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// after waits in virtual time.
func after(d time.Duration) { <-time.After(d) }

// A response that runs for ten minutes calls its tools with the token that it
// started with. If a refresh revokes that token, neither replica may refresh
// early, in the background or in a sweep.
func TestTenMinuteResponseKeepsItsTokenIfRefreshesRevokeIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		watch   bool
		profile bool // whether the credential's profile says so
		live    bool
	}{
		{"without Watch", false, true, true},
		{"with Watch", true, true, true},
		{"control: the profile does not say so", false, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				steps := make([]lab.Step, 10)
				for i := range steps {
					steps[i].Call = &lab.Call{ServerLabel: "notes", Tool: "search", Arguments: json.RawMessage(`{"query":"report"}`)}
				}
				steps[9] = lab.Step{Say: "{{last}}"}
				r := newReplicas(t, tt.watch, tt.profile, lab.Options{
					TokenTTL: time.Hour, CallTimeout: 5 * time.Minute, Faults: []string{"notes:slow=1m"},
					Script: &lab.Script{Turns: []lab.Turn{{Steps: steps}}},
				})
				after(39 * time.Minute) // 21 left: it becomes stale during the response

				builder, err := mcptools.NewBuilder(providers.Custom("notes", r.key.Server, nil), r.a, &mcptools.Options{
					Approval: mcptools.ApprovalNever, InsecureSkipProbe: true, InsecureAllowLoopback: true,
				})
				require.NoError(t, err)
				tool, err := builder.Build(t.Context(), ada, nil)
				require.NoError(t, err)

				stop := make(chan struct{})
				var others sync.WaitGroup
				for _, s := range []*oauthstore.Store{r.a, r.b} {
					others.Go(func() {
						for i := 0; ; i++ {
							select {
							case <-stop:
								return
							case <-time.After(5 * time.Second):
							}
							_, err := s.Token(t.Context(), r.key, oauthstore.Need{})
							assert.NoError(t, err)
							if i%12 == 0 {
								_, err := s.Sweep(t.Context())
								assert.NoError(t, err)
							}
						}
					})
				}
				client := openai.NewClient(
					option.WithBaseURL(r.world.Info().OpenAIBaseURL), option.WithAPIKey(r.world.Info().OpenAIAPIKey),
					option.WithHTTPClient(r.world.Client()), option.WithMaxRetries(0),
				)
				began := time.Now()
				resp, err := client.Responses.New(t.Context(), responses.ResponseNewParams{
					Model: "gpt-5", Tools: []responses.ToolUnionParam{tool},
					Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("what is in the reports?")},
				})
				close(stop)
				others.Wait()
				assert.Equal(t, tt.live, r.world.Active(tool.OfMcp.Authorization.Value))
				if !tt.live {
					assert.True(t, err != nil || refusedCalls(resp) > 0, "the server rejected the token at some time")
					return
				}
				require.NoError(t, err)
				assert.Zero(t, refusedCalls(resp))
				assert.GreaterOrEqual(t, time.Since(began), 10*time.Minute)
			})
		})
	}
}

func refusedCalls(resp *responses.Response) (n int) {
	for _, item := range resp.Output {
		if item.Type == "mcp_call" && item.JSON.Error.Valid() {
			n++
		}
	}
	return n
}

// Two replicas return tokens four times a second each, for hours. One of them
// needs tokens for long responses and so refreshes while the other one's are
// still valid.
func TestNoReplicaReturnsATokenRevokedByARefreshElsewhere(t *testing.T) {
	t.Parallel()
	for name, watch := range map[string]bool{"without Watch": false, "with Watch": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newReplicas(t, watch, true, lab.Options{TokenTTL: 30 * time.Minute, Faults: []string{"auth:slow=2s"}})
				type handOut struct {
					at         time.Time
					generation uint64
				}
				var handed [2][]handOut
				var both sync.WaitGroup
				end := time.Now().Add(2 * time.Hour)
				for i, s := range []*oauthstore.Store{r.a, r.b} {
					need := oauthstore.Need{}
					if s == r.b {
						need.MinTTL = 12 * time.Minute
						after(100 * time.Millisecond) // alternate
					}
					both.Go(func() {
						for ; time.Now().Before(end); after(250 * time.Millisecond) {
							at := time.Now()
							tok, err := s.Token(t.Context(), r.key, need)
							if !assert.NoError(t, err) {
								return
							}
							handed[i] = append(handed[i], handOut{at, tok.Generation})
							assert.True(t, r.world.Active(tok.AccessToken.Expose()), "revoked when it was returned")
						}
					})
				}
				both.Wait()

				var ended []time.Time // element g: time of the request that revoked generation g+1
				for _, req := range r.world.Requests() {
					if req.Grant == "refresh_token" {
						require.Equal(t, 200, req.Status)
						ended = append(ended, req.At)
					}
				}
				assert.GreaterOrEqual(t, len(ended), 5)
				for i := range handed {
					late := 0
					for _, h := range handed[i] {
						if g := int(h.generation) - 1; g < len(ended) && h.at.After(ended[g]) {
							late++
						}
					}
					assert.Zero(t, late, "of %d tokens that replica %d returned, were requested after the refresh that revokes them had started", len(handed[i]), i)
				}
			})
		})
	}
}
