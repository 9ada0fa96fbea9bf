package oauthstore_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
)

func TestEventsNameTheActor(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := newWorld(t, func(o *oauthstore.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	key := testKey("ada")
	cred := oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-access"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport},
	}
	ctx := actor.With(t.Context(), "support:jane")

	st, err := w.store.Put(ctx, key, cred)
	require.NoError(t, err)
	w.store.Audit(ctx, oauthstore.Event{Type: oauthstore.EventRevealed, Key: key, Generation: st.Generation})
	_, err = w.store.Rewrap(actor.With(ctx, "job:rotate"))
	require.NoError(t, err)
	_, err = w.store.Disconnect(t.Context(), key)
	require.NoError(t, err)
	w.store.Audit(ctx, oauthstore.Event{Type: oauthstore.EventKeyset, Change: "added", KeyID: "42", Actor: strings.Repeat("x", 5000)})

	var got [][3]string
	for _, e := range w.events {
		got = append(got, [3]string{string(e.Type), e.Actor[:min(len(e.Actor), 20)], string(e.Obtained)})
	}
	assert.Equal(t, [][3]string{
		{"connected", "support:jane", "import"},
		{"revealed", "support:jane"},
		{"keyset_changed", "job:rotate"},
		{"disconnected"},
		{"keyset_changed", strings.Repeat("x", 20)},
	}, got)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 5)
	assert.Contains(t, lines[0], "event.actor=support:jane")
	assert.Contains(t, lines[1], `msg="credential revealed"`)
	assert.Contains(t, lines[2], `event.change=rewrapped`)
	assert.NotContains(t, lines[3], "actor")
	assert.Less(t, len(lines[4]), 500)
}
