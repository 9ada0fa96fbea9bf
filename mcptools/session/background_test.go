package session_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

// inBackground plays OpenAI with a background response that takes a while, and
// counts the requests by method and path. status is that of the finished one.
func inBackground(takes time.Duration, status string) (option.RequestOption, map[string]int) {
	asked := make(map[string]int)
	began := time.Time{}
	return option.WithMiddleware(func(req *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
		asked[req.Method+" "+req.URL.Path[strings.LastIndex(req.URL.Path, "/")+1:]]++
		is := "in_progress"
		switch {
		case req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/responses"):
			began, is = time.Now(), "queued"
		case time.Since(began) >= takes:
			is = status
		}
		return refusal(req, http.StatusOK, http.Header{}, `{"id":"resp_1","object":"response","status":"`+is+`","output":[`+strings.ReplaceAll(says, "#", "1")+`]}`), nil
	}), asked
}

func background(minTTL time.Duration, ro option.RequestOption) session.Options {
	return session.Options{
		Params:         responses.ResponseNewParams{Background: openai.Bool(true)},
		Build:          mcptools.SetBuildOptions{MinTTL: minTTL},
		RequestOptions: []option.RequestOption{ro},
	}
}

func TestBackgroundResponseIsPolled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ro, asked := inBackground(time.Minute, "completed")
		_, s := inVirtualTime(t, background(2*time.Minute, ro), "notes")
		r := collect(s.Run(t.Context(), "x"))
		require.Equal(t, session.EventDone, r.last(t).Type)
		assert.Equal(t, "done", r.last(t).Text)
		assert.Len(t, r.of(session.EventRunning), 1)
		assert.Equal(t, map[string]int{"POST responses": 1, "GET resp_1": 30}, asked)
		assert.Equal(t, session.State{Owner: ada, PreviousResponseID: "resp_1"}, s.State())
	})
}

func TestBackgroundResponseIsResumedInAnotherSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ro, asked := inBackground(time.Minute, "completed")
		o := background(2*time.Minute, ro)
		_, s := inVirtualTime(t, o, "notes")
		for e, err := range s.Run(t.Context(), "x") {
			require.NoError(t, err)
			require.Equal(t, session.EventRunning, e.Type)
			break
		}
		require.ErrorIs(t, collect(s.Run(t.Context(), "y")).err, session.ErrPending)
		raw, err := json.Marshal(s.State())
		require.NoError(t, err)
		var st session.State
		require.NoError(t, json.Unmarshal(raw, &st))
		o.State = &st
		_, s = inVirtualTime(t, o, "notes")
		require.ErrorIs(t, collect(s.Continue(t.Context(), map[string]session.Answer{"mcpr_1": approve})).err, session.ErrNotPending)
		for range s.Continue(t.Context(), nil) {
			break // the result is not lost
		}
		require.Equal(t, session.EventDone, collect(s.Continue(t.Context(), nil)).last(t).Type)
		assert.Equal(t, 1, asked["POST responses"])
		require.ErrorIs(t, collect(s.Continue(t.Context(), nil)).err, session.ErrNotPending)
	})
}

func TestAbandonedBackgroundResponseIsCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ro, asked := inBackground(time.Minute, "completed")
		_, s := inVirtualTime(t, background(2*time.Minute, ro), "notes")
		for range s.Run(t.Context(), "x") {
			break
		}
		require.NoError(t, s.Abandon(t.Context(), "too late"))
		assert.Equal(t, 1, asked["POST cancel"])
		assert.Equal(t, session.State{Owner: ada}, s.State())
	})
}

func TestFailedBackgroundResponseLeavesTheStateBeforeTheTurn(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"failed", "cancelled"} {
		synctest.Test(t, func(t *testing.T) {
			ro, _ := inBackground(time.Minute, status)
			_, s := inVirtualTime(t, background(2*time.Minute, ro), "notes")
			require.Error(t, collect(s.Run(t.Context(), "x")).err)
			assert.Equal(t, session.State{Owner: ada}, s.State())
		})
	}
}

// The world's tokens live for five minutes.
func TestTokenThatEndsBeforeABackgroundResponseIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ro, asked := inBackground(time.Minute, "completed")
		_, s := inVirtualTime(t, background(2*time.Hour, ro), "notes")
		f := collect(s.Run(t.Context(), "x")).failure(t)
		assert.Equal(t, mcptools.KindUnavailable, f.Kind)
		assert.Equal(t, mcptools.StageBuild, f.Stage)
		assert.Equal(t, mcptools.ActionFixConfig, f.Action, "waiting does not help")
		assert.Contains(t, f.Error(), "no token of notes lives for the 2h that the response may run")
		assert.Empty(t, asked)
	})
}
