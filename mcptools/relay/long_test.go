package relay_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/sleep"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// TestClientNoticesNothingOfTokensThatExpire runs for as long as six tokens last,
// and in the second case for two hours with a token of one, whose server also
// revokes tokens before they expire.
func TestClientNoticesNothingOfTokensThatExpire(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		run, ttl, pause time.Duration
		legacy, dies    bool
	}{
		"half an hour with tokens of five minutes":           {30 * time.Minute, 5 * time.Minute, 20 * time.Second, false, false},
		"half an hour in a session, and the old token dies":  {30 * time.Minute, 5 * time.Minute, 20 * time.Second, true, true},
		"a background run of two hours with a token for one": {2*time.Hour + 10*time.Minute, time.Hour, 90 * time.Second, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, err := lab.Start(&lab.Options{InMemory: true, TokenTTL: tc.ttl, OldAccessDies: tc.dies, Servers: []lab.Server{{Name: "notes", Legacy: tc.legacy}}})
				require.NoError(t, err)
				defer func() { assert.NoError(t, w.Close()) }()
				keys := newKeys(t)
				store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureAllowLoopback: true, InsecureTransport: w.Client().Transport})
				require.NoError(t, err)
				r, err := relay.New(store, keys, "http://127.0.0.1:2/mcp", &relay.Options{InsecureAllowLoopback: true, InsecureTransport: w.Client().Transport})
				require.NoError(t, err)
				defer func() {
					assert.NoError(t, r.Close(context.Background()))
					assert.NoError(t, store.Close(context.Background()))
				}()
				key := oauthstore.Key{Owner: ada, Provider: "notes", Server: w.Server("notes").MCPURL}
				st, err := store.Put(t.Context(), key, w.Grant("notes", "ada").Credential())
				require.NoError(t, err)
				ticket, err := r.Ticket(t.Context(), mcptools.RelayGrant{Key: key, Grant: st.Grant, MinTTL: tc.run + 15*time.Minute})
				require.NoError(t, err)

				front := serve(t, r)
				c, err := client.NewStreamableHttpClient(ticket.URL,
					transport.WithHTTPBasicClient(&http.Client{Transport: front}),
					transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + ticket.Ticket.Expose()}))
				require.NoError(t, err)
				defer func() { assert.NoError(t, c.Close()) }()
				require.NoError(t, c.Start(t.Context()))
				var init mcp.InitializeRequest
				init.Params.ProtocolVersion = mcp.LATEST_PROTOCOL_VERSION
				init.Params.ClientInfo = mcp.Implementation{Name: "test", Version: "1"}
				_, err = c.Initialize(t.Context(), init)
				require.NoError(t, err)

				calls := 0
				for begun := time.Now(); time.Since(begun) < tc.run; calls++ {
					require.Equal(t, "ada", call(t, c, "whoami", nil), "after %v", time.Since(begun))
					if calls == 40 && tc.dies {
						w.Expire() // earlier than the server said
					}
					require.NoError(t, sleep.For(t.Context(), tc.pause))
				}
				st, err = store.Status(t.Context(), key)
				require.NoError(t, err)
				assert.GreaterOrEqual(t, st.Generation, uint64(tc.run/tc.ttl))
				refused := 0
				for _, seen := range w.Requests() {
					if seen.Part == "notes" && seen.Status == http.StatusUnauthorized {
						refused++
					}
				}
				if tc.dies {
					assert.Equal(t, calls+refused, w.Count("notes", "tools/call"), "a call was repeated although it was executed")
				} else {
					assert.Zero(t, refused)
					assert.Equal(t, calls, w.Count("notes", "tools/call"))
				}
			})
		})
	}
}
