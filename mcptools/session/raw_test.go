package session_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

func TestRawEventsArePassedOnIfAskedFor(t *testing.T) {
	t.Parallel()
	const thought = `{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","delta":"hm"}`
	body := events(`{"type":"response.created","response":{"id":"resp_1","status":"in_progress","tools":[{"type":"mcp","server_label":"notes","headers":{"x":"canary"}}]}}`, thought,
		`{"type":"response.output_text.delta","delta":"hello"}`, `{"type":"response.completed","response":{"id":"resp_1","object":"response","status":"completed","output":[]}}`)
	for _, raw := range []bool{false, true} {
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
		b.answering(t, body)
		r := collect(b.session(t, session.Options{Stream: true, Raw: raw}).Run(t.Context(), "x"))
		require.Equal(t, session.EventDone, r.last(t).Type)
		if !raw {
			assert.Empty(t, r.of(session.EventRaw))
			continue
		}
		require.Equal(t, []session.EventType{"raw", "raw", "text", "done"}, types(r))
		assert.Equal(t, "hm", r.events[0].Raw.Delta)
		assert.JSONEq(t, `{"event":"raw","raw":`+thought+`}`, string(must(t, r.events[0])))
		assert.NotContains(t, string(must(t, r.events)), "canary", "a response may repeat the headers of entries")
	}
}

func types(r result) []session.EventType {
	all := make([]session.EventType, len(r.events))
	for i, e := range r.events {
		all[i] = e.Type
	}
	return all
}

func TestTurnFailsWithoutServersIfToolsAreRequired(t *testing.T) {
	t.Parallel()
	for _, required := range []bool{false, true} {
		b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes", "tasks")
		for _, name := range []string{"notes", "tasks"} {
			_, err := b.store.Disconnect(t.Context(), b.key(name))
			require.NoError(t, err)
		}
		r := collect(b.session(t, session.Options{RequireTools: required}).Run(t.Context(), "x"))
		assert.Len(t, r.of(session.EventSkipped), 2)
		if !required {
			require.Equal(t, session.EventDone, r.last(t).Type)
			continue
		}
		assert.Equal(t, mcptools.KindNotConnected, r.failure(t).Kind)
		require.ErrorContains(t, r.err, "tasks", "each of them is named")
		assert.Zero(t, b.requests())
		b.connect(t, "tasks")
		s := b.session(t, session.Options{RequireTools: true})
		require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "x")).last(t).Type)
	}
}

func TestLogNamesTheOwner(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	s := b.session(t, session.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	require.Equal(t, session.EventDone, collect(s.Run(t.Context(), "x")).last(t).Type)
	lines := bytes.Split(bytes.TrimSpace(log.Bytes()), []byte("\n"))
	require.NotEmpty(t, lines)
	for _, line := range lines {
		var of struct {
			Tenant  string `json:"tenant"`
			Subject string `json:"subject"`
		}
		require.NoError(t, json.Unmarshal(line, &of))
		assert.Equal(t, "acme/ada", of.Tenant+"/"+of.Subject)
	}
}
