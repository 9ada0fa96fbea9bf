package sessionhttp_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
)

func TestAReconnectGetsExactlyWhatItMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, talkative, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		for range 2 {
			s.post(t.Context(), "c1", `{"message": "hello"}`)
			synctest.Wait()
		}
		all := b.events(t)
		require.Len(t, all, 7)
		for i, e := range all {
			again := s.listen(t, "c1", e.id)
			assert.Equal(t, all[i+1:], append([]event{}, again.events(t)...), "after event %d", i)
		}
		for _, unknown := range []string{"x", "x-1", "-1", "-", strings.Replace(all[0].id, "--1", "-99", 1), all[6].id + "9"} {
			assert.Equal(t, "state", s.listen(t, "c1", unknown).last(t).Event, unknown)
		}
	})
}

func TestABrowserThatMissedTooMuchGetsTheState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, talkative, sessionhttp.NewMemory(), &sessionhttp.Options{Buffer: 100})
		defer s.close(t)
		b := s.listen(t, "c1", "")
		for range 4 {
			s.post(t.Context(), "c1", `{"message": "hello"}`)
			synctest.Wait()
		}
		all := b.events(t)
		again := s.listen(t, "c1", all[1].id)
		require.Len(t, again.events(t), 1)
		assert.Equal(t, "state"+"["+strings.TrimSpace(strings.Repeat("message:hello text:answer ", 4))+"]", again.last(t).String())
	})
}

func TestASlowBrowserHoldsUpNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, talkative, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		stuck := make(chan struct{})
		slow := s.listenWith(t, &tab{stuck: stuck}, request(t.Context(), http.MethodGet, "c1", ada.Subject, ""), "")
		quick := s.listen(t, "c1", "")
		s.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Equal(t, "done:answer", quick.last(t).String())
		close(stuck)
		assert.Equal(t, "state[message:hello text:answer]", slow.last(t).String())
	})
}

func TestStreamsAreKeptAliveWhileTheUserIsSignedIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, talkative, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		leaves := make(chan struct{})
		ctx := context.WithValue(t.Context(), signedOutKey{}, (<-chan struct{})(leaves))
		b := s.listenWith(t, &tab{}, request(ctx, http.MethodGet, "c1", ada.Subject, ""), "")
		pass(31 * time.Second)
		assert.Equal(t, 2, strings.Count(b.raw(), ": keep-alive\n\n"))
		close(leaves)
		pass(15 * time.Second)
		<-b.ended
		assert.Equal(t, "error:signed_out", b.last(t).String())
	})
}

func TestRequestsThatAreNotTheUsersAreRejected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, talkative, sessionhttp.NewMemory(), &sessionhttp.Options{MaxStreams: 1})
		defer s.close(t)
		message := `{"message": "hello"}`
		for name, tt := range map[string]struct {
			method, id, body string
			change           func(r *http.Request)
			status           int
			code             string
		}{
			"signed out":        {http.MethodPost, "c1", message, func(r *http.Request) { r.Header.Del("X-User") }, 401, "signed_out"},
			"of another site":   {http.MethodPost, "c1", message, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example.com") }, 403, "cross_origin"},
			"a form":            {http.MethodPost, "c1", message, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415, "bad_request"},
			"no id":             {http.MethodPost, "", message, nil, 404, "not_found"},
			"a path as id":      {http.MethodPost, "../c1", message, nil, 404, "not_found"},
			"a long id":         {http.MethodPost, strings.Repeat("x", 65), message, nil, 404, "not_found"},
			"another method":    {http.MethodPut, "c1", message, nil, 405, "bad_request"},
			"not JSON":          {http.MethodPost, "c1", `message`, nil, 400, "bad_request"},
			"nothing":           {http.MethodPost, "c1", `{"message": " "}`, nil, 400, "bad_request"},
			"two things":        {http.MethodPost, "c1", `{"message": "hello", "stop": true}`, nil, 400, "bad_request"},
			"a long message":    {http.MethodPost, "c1", `{"message": "` + strings.Repeat("x", 64<<10) + `"}`, nil, 413, "too_large"},
			"nothing to answer": {http.MethodPost, "c1", `{"answers": {}}`, nil, 409, "not_waiting"},
		} {
			r := request(t.Context(), tt.method, "c1", ada.Subject, tt.body)
			r.SetPathValue("id", tt.id)
			if tt.change != nil {
				tt.change(r)
			}
			status, code := s.send(r)
			assert.Equal(t, tt.status, status, name)
			assert.Equal(t, tt.code, code, name)
		}
		assert.Zero(t, s.model.requests())
		s.listen(t, "c1", "")
		status, code := s.send(request(t.Context(), http.MethodGet, "c2", ada.Subject, ""))
		assert.Equal(t, http.StatusTooManyRequests, status)
		assert.Equal(t, "too_many", code)
	})
}
