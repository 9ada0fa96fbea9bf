package session_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
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

func TestAChatResumesAfterTheConsentOfItsLink(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever}, "notes")
	_, err := b.store.Disconnect(t.Context(), b.key("notes"))
	require.NoError(t, err)
	connector, err := connect.New(b.store, &connect.Options{RedirectURL: "http://localhost/callback", InsecureAllowLoopback: true})
	require.NoError(t, err)
	web, err := connector.Web(func(*http.Request) (oauthstore.Owner, error) { return ada, nil }, &connect.WebOptions{
		Providers: []providers.Provider{providers.Custom("notes", b.Server("notes").MCPURL, nil)},
	})
	require.NoError(t, err)
	site := http.NewServeMux()
	site.Handle("/connect/", web.Connect())
	site.Handle("/callback", web.Callback())

	s := b.session(t, session.Options{Build: mcptools.SetBuildOptions{ConsentURL: web.ConsentURL("/chat/7")}})
	r := collect(s.Run(t.Context(), "reports?"))
	require.Len(t, r.of(session.EventSkipped), 1)
	raw, err := json.Marshal(r.of(session.EventSkipped)[0])
	require.NoError(t, err)
	var event struct {
		Message string `json:"message"`
		Failure struct {
			Action string `json:"action"`
			Link   string `json:"consent_url"`
		} `json:"failure"`
	}
	require.NoError(t, json.Unmarshal(raw, &event))
	assert.Equal(t, "connect", event.Failure.Action)
	assert.Equal(t, "notes is not connected: connect your account and try again.", event.Message)
	require.Equal(t, "/connect/notes?return_to=%2Fchat%2F7", event.Failure.Link)
	assert.Equal(t, event.Failure.Link, r.last(t).Skipped[0].Failure.ConsentURL)
	assert.Empty(t, r.of(session.EventCalled))

	page, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+event.Failure.Link, http.NoBody)
	require.NoError(t, err)
	_, err = b.Connect(t.Context(), site, b.store, page)
	require.NoError(t, err)

	r = collect(s.Run(t.Context(), "reports?"))
	require.NoError(t, r.err)
	assert.Empty(t, r.of(session.EventSkipped))
	assert.Len(t, r.of(session.EventCalled), 1, "the conversation goes on with the tool")
}

func TestAFreshTokenThatIsRefusedTooEndsTheTurnWithTheLink(t *testing.T) {
	t.Parallel()
	b := newBackend(t, nil, mcptools.Options{Approval: mcptools.ApprovalNever, InsecureSkipProbe: true}, "notes")
	require.NoError(t, b.Fault("notes:401"))
	s := b.session(t, session.Options{Build: mcptools.SetBuildOptions{ConsentURL: func(oauthstore.Key) string { return "/connect/notes" }}})
	f := collect(s.Run(t.Context(), "reports?")).failure(t)
	assert.Equal(t, mcptools.KindReauthorize, f.Kind)
	assert.Equal(t, "/connect/notes", f.ConsentURL)
}
