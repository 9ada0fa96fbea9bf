package mcptools

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

func TestRefusalsAnswerAsTheContractSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   Kind
		action Action
		status int
	}{
		{KindNotConnected, ActionConnect, http.StatusConflict},
		{KindReauthorize, ActionReconnect, http.StatusConflict},
		{KindWrongAudience, ActionReconnect, http.StatusConflict},
		{KindWrongTokenKind, ActionFixConfig, http.StatusInternalServerError},
		{KindUnavailable, ActionWait, http.StatusServiceUnavailable},
		{KindMisconfigured, ActionFixConfig, http.StatusInternalServerError},
		{KindUnreachable, ActionCheckServer, http.StatusBadGateway},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			cause := &oauthstore.Error{Op: "token", RetryAfter: 1500 * time.Millisecond, Err: oauthstore.ErrUnavailable}
			f := newRefusal(c.kind, "asana", "asana-mcp", "because", cause)
			f.name = "Asana"
			err := fmt.Errorf("building tools: %w", f)

			assert.Equal(t, c.action, f.Action)
			assert.Equal(t, c.status, f.HTTPStatus())
			assert.Equal(t, StageBuild, f.Stage)
			assert.False(t, f.Retryable)
			require.ErrorIs(t, err, c.kind)
			require.NotErrorIs(t, err, KindPlatform)
			require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			assert.Equal(t, "mcptools: "+string(c.kind)+": asana: because", f.Error())
			assert.Contains(t, f.PublicMessage(), "Asana")
			assert.NotContains(t, f.PublicMessage(), "because")
			if c.action == ActionWait {
				assert.Equal(t, "2", f.RetryAfterHeader())
			} else {
				assert.Empty(t, f.RetryAfterHeader())
			}
			assert.Contains(t, fmt.Sprint(slog.AnyValue(f).Resolve()), "asana-mcp")

			raw, err := json.Marshal(f)
			require.NoError(t, err)
			assert.JSONEq(t, fmt.Sprintf(`{"kind":%q,"stage":"build","server_label":"asana-mcp","server_url":null,"tool_index":null,
				"tool_name":null,"upstream_status":null,"rpc_code":null,"action":%q,"consent_url":null,"retryable":false}`, c.kind, c.action), string(raw))

			found := (*Failure)(nil)
			require.True(t, errors.As(error(f), &found))
		})
	}
}
