package session_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

// A user who has connected few of many servers is normal: nothing warns of the
// others at each turn.
func TestServersThatAreNotConnectedAreNoWarning(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "a", "b", "c")
	b.warm(t)
	for _, name := range []string{"b", "c"} {
		_, err := b.store.Disconnect(t.Context(), b.key(name))
		require.NoError(t, err)
	}
	var log bytes.Buffer
	s := b.session(t, session.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	r := collect(s.Run(t.Context(), "x"))
	assert.Len(t, r.of(session.EventSkipped), 2)
	assert.Contains(t, log.String(), "server_label=b")
	assert.NotContains(t, log.String(), "level=WARN")
}
