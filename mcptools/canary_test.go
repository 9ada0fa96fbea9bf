package mcptools_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// shown returns everything that printing, logging and encoding show of v.
func shown(t *testing.T, v any) string {
	t.Helper()
	var out bytes.Buffer
	nested := struct{ hidden any }{v}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", v)
		fmt.Fprintf(&out, verb+"\n", nested)
		fmt.Fprintf(&out, verb+"\n", []any{v})
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("shown", "v", v, slog.Group("g", "v", v))
	}
	if _, isError := v.(error); !isError {
		require.NoError(t, json.NewEncoder(&out).Encode(v))
	}
	return out.String()
}

func TestNoOutputShowsAToken(t *testing.T) {
	t.Parallel()
	const canary, second, header = "canary-token-Qm7vT2xK9dLw4Rz8", "canary-second-Qm7vT2xK9dLw4Rz8", "canary-header-Qm7vT2xK9dLw4Rz8"
	p := notes()
	p.Headers = []providers.Header{{Name: "X-Notes-Version", Value: "2"}}
	p.Ways = append(p.Ways, providers.Way{ID: "keys", Kind: providers.WayKey, Name: "keys", Carry: []providers.Carry{
		{Header: "X-Key"}, {Header: "X-Second", Secret: "second"},
	}})
	for name, tt := range map[string]struct {
		token oauthstore.Token
		opts  mcptools.Options
	}{
		"in authorization": {},
		"in headers":       {opts: mcptools.Options{UseHeaders: true}},
		"in own headers":   {token: oauthstore.Token{Provenance: oauthstore.Provenance{Way: "keys"}}},
		"refused":          {token: oauthstore.Token{AccessToken: oauthstore.NewSecret("Bearer " + canary)}},
		"of another type":  {token: oauthstore.Token{TokenType: canary}},
		"for another":      {token: oauthstore.Token{Provenance: oauthstore.Provenance{Resource: "https://" + canary + ".example"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			tt.opts.Headers = map[string]string{"X-Custom": header}
			tt.opts.Logger = slog.New(slog.NewJSONHandler(&log, nil))
			if tt.token.AccessToken.IsZero() {
				tt.token.AccessToken = oauthstore.NewSecret(canary)
			}
			tt.token.Secrets = map[string]oauthstore.Secret{"second": oauthstore.NewSecret(second)}
			b, err := mcptools.NewBuilder(p, has(tt.token), unprobed(tt.opts))
			require.NoError(t, err)
			set, err := mcptools.NewSet(b)
			require.NoError(t, err)

			e, entryErr := b.Entry(t.Context(), ada, nil)
			r, setErr := set.Build(t.Context(), ada, nil)
			skipped, err := set.Build(t.Context(), ada, &mcptools.SetBuildOptions{SkipFailures: true})
			require.NoError(t, err)
			out := shown(t, e) + shown(t, &e) + shown(t, r) + shown(t, skipped) + log.String()
			if entryErr != nil {
				out += shown(t, entryErr) + shown(t, setErr)
				raw, err := json.Marshal(entryErr)
				require.NoError(t, err)
				out += string(raw)
			} else {
				assert.Contains(t, out, `X-Notes-Version":"2`, "what the provider documents is shown")
			}
			assert.NotContains(t, out, "Qm7vT2xK9dLw4Rz8")
			assert.NotContains(t, out, fmt.Sprintf("%x", "Qm7vT2xK9dLw4Rz8"))
		})
	}
}
