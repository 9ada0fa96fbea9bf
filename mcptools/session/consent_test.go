package session_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

func TestAMissingConsentIsAFailedEventWithItsPage(t *testing.T) {
	t.Parallel()
	const item = `{"type":"oauth_consent_request","id":"oauthreq_1","consent_link":"https://consent.example/login","server_label":"notes"}`
	for name, body := range map[string]string{
		"whole":  `{"id":"resp_1","object":"response","status":"completed","output":[` + item + `]}`,
		"stream": events(`{"type":"response.output_item.done","output_index":0,"item":`+item+`}`, `{"type":"response.completed","response":{"id":"resp_1","object":"response","status":"completed","output":[`+item+`]}}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
			b.answering(t, body)
			r := collect(b.session(t, session.Options{Stream: name == "stream"}).Run(t.Context(), "hello"))
			failed := r.of(session.EventFailed)
			require.Len(t, failed, 1)
			assert.Equal(t, "notes", failed[0].Label)
			assert.Equal(t, mcptools.KindNotConnected, failed[0].Failure.Kind)
			assert.Equal(t, "https://consent.example/login", failed[0].Failure.ConsentURL)
		})
	}
}

func TestUnfinishedResponseIsAFailureOfTheStream(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	b.answering(t, events(`{"type":"response.created","response":{"id":"resp_1","object":"response","status":"in_progress","output":[]}}`))
	r := collect(b.session(t, session.Options{Stream: true}).Run(t.Context(), "hello"))
	f, ok := mcptools.AsFailure(r.err)
	require.True(t, ok)
	assert.Equal(t, mcptools.KindUnknown, f.Kind)
	assert.Equal(t, mcptools.StageStream, f.Stage)
	assert.False(t, f.Retryable)
	assert.Equal(t, "mcptools: unknown: the stream broke off", f.Error())
}
