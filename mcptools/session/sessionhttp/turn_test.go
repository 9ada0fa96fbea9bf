package sessionhttp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
)

func TestATurnReachesEveryTabOfItsOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, talkative, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		one, two := s.listen(t, "c1", ""), s.listen(t, "c1", "")
		other := s.listen(t, "c2", "")
		status, _ := s.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Equal(t, http.StatusAccepted, status)
		want := []string{"state[]", "message:hello", "text:answer", "done:answer"}
		assert.Equal(t, want, one.reads(t))
		assert.Equal(t, want, two.reads(t))
		assert.Equal(t, []string{"state[]"}, other.reads(t))
		assert.Equal(t, "text/event-stream", one.header.Get("Content-Type"))

		late := s.listen(t, "c1", "")
		assert.Equal(t, []string{"state[message:hello text:answer]"}, late.reads(t))
		status, _ = s.post(t.Context(), "c1", `{"message": "more"}`)
		assert.Equal(t, http.StatusAccepted, status)
		assert.Equal(t, []string{"state[message:hello text:answer]", "message:more", "text:answer", "done:answer"}, late.reads(t))
	})
}

func TestCallsWaitForTheUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, talkative, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		s.post(t.Context(), "c1", `{"message": "add it"}`)
		assert.Equal(t, []string{"state[]", "message:add it", "asking", "waiting"}, b.reads(t))
		late := s.listen(t, "c1", "").last(t)
		require.Len(t, late.Pending, 1)
		assert.Equal(t, "ask_1", late.Pending[0].ID)
		assert.False(t, late.Running)

		for body, want := range map[string]string{
			`{"message": "never mind"}`:                       "waiting",
			`{"answers": {"other": {"decision": "approve"}}}`: "not_waiting",
			`{"answers": {"ask_1": {"decision": "maybe"}}}`:   "bad_request",
		} {
			_, code := s.post(t.Context(), "c1", body)
			assert.Equal(t, want, code, body)
		}
		assert.Equal(t, 1, s.model.requests())

		status, _ := s.post(t.Context(), "c1", `{"answers": {"ask_1": {"decision": "approve"}}}`)
		assert.Equal(t, http.StatusAccepted, status)
		assert.Equal(t, []string{"approved", "text:decided", "done:decided"}, b.reads(t)[4:])
		_, code := s.post(t.Context(), "c1", `{"answers": {"ask_1": {"decision": "approve"}}}`)
		assert.Equal(t, "not_waiting", code, "it is answered once")
		assert.Equal(t, 2, s.model.requests())
		assert.Empty(t, s.listen(t, "c1", "").last(t).Pending)
	})
}

func TestCallsThatWaitCanBeGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, talkative, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		_, code := s.post(t.Context(), "c1", `{"stop": true}`)
		assert.Equal(t, "not_waiting", code)
		s.post(t.Context(), "c1", `{"message": "add it"}`)
		require.Equal(t, "waiting", b.last(t).String())
		status, _ := s.post(t.Context(), "c1", `{"stop": true}`)
		assert.Equal(t, http.StatusAccepted, status)
		assert.Equal(t, "error:stopped", b.last(t).String())
		s.post(t.Context(), "c1", `{"message": "something else"}`)
		assert.Equal(t, "done:decided", b.last(t).String(), "the model gets the denial with the next message")
	})
}

func TestOnlyTheOwnerSeesAndContinuesAConversation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, talkative, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		s.post(t.Context(), "c1", `{"message": "add it"}`)
		synctest.Wait()
		mallory := s.listenWith(t, &tab{}, request(t.Context(), http.MethodGet, "c1", "mallory", ""), "")
		assert.Equal(t, []string{"state[]"}, mallory.reads(t))
		for _, body := range []string{`{"answers": {"ask_1": {"decision": "approve"}}}`, `{"answers": {}}`, `{"stop": true}`} {
			_, code := s.send(request(t.Context(), http.MethodPost, "c1", "mallory", body))
			assert.Equal(t, "not_waiting", code)
		}
		assert.Equal(t, 1, s.model.requests())
		assert.Len(t, s.listen(t, "c1", "").last(t).Pending, 1)
	})
}

func TestTheUserStopsATurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, _ := held()
		s := newSite(t, answer, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		s.post(t.Context(), "c1", `{"message": "hello"}`)
		_, code := s.post(t.Context(), "c1", `{"message": "hello?"}`)
		assert.Equal(t, "busy", code)
		assert.True(t, s.listen(t, "c1", "").last(t).Running)
		status, _ := s.post(t.Context(), "c1", `{"stop": true}`)
		assert.Equal(t, http.StatusAccepted, status)
		assert.Equal(t, []string{"state[]", "message:hello", "error:stopped"}, b.reads(t))
		s.model.answer = talkative
		s.post(t.Context(), "c1", `{"message": "again"}`)
		assert.Equal(t, "done:answer", b.last(t).String())
	})
}

func TestATurnGoesOnForAWhileWithoutListeners(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, release := held()
		s := newSite(t, answer, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		s.post(t.Context(), "c1", `{"message": "hello"}`)
		seen := b.last(t).id
		b.leave()
		pass(59 * time.Second)
		b = s.listen(t, "c1", seen)
		pass(5 * time.Minute)
		release()
		assert.Equal(t, []string{"text:at last", "done:at last"}, b.reads(t), "what it missed, and nothing twice")
	})
}

func TestATurnIsAbandonedWhenNoBrowserListens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, _ := held()
		store := sessionhttp.NewMemory()
		s := newSite(t, answer, store, nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		s.post(t.Context(), "c1", `{"message": "hello"}`)
		synctest.Wait()
		b.leave()
		s.post(t.Context(), "c2", `{"message": "hello"}`) // to which a browser listens at another replica, perhaps
		pass(61 * time.Second)
		b = s.listen(t, "c1", "")
		assert.Equal(t, []string{"state[message:hello error:abandoned]"}, b.reads(t))
		assert.False(t, b.last(t).Running)
		pass(9 * time.Minute)
		b = s.listen(t, "c2", "")
		assert.Equal(t, []string{"state[message:hello error:too_long]"}, b.reads(t))
		s.model.answer = talkative
		s.post(t.Context(), "c1", `{"message": "again"}`)
		pass(time.Minute)
		assert.Equal(t, []string{"state[message:hello error:abandoned message:again text:answer]"}, s.listen(t, "c1", "").reads(t))
	})
}

func TestATurnThatTakesTooLongEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, _ := held()
		s := newSite(t, answer, sessionhttp.NewMemory(), &sessionhttp.Options{MaxTurn: time.Hour})
		defer s.close(t)
		b := s.listen(t, "c1", "")
		s.post(t.Context(), "c1", `{"message": "hello"}`)
		pass(time.Hour)
		assert.Equal(t, "error:too_long", b.last(t).String())
	})
}

func TestAFailureIsShownWithItsLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(context.Context, string) (string, error) { return "", errors.New("secret of the network") }, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		s.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Equal(t, "error:internal", b.last(t).String())
		assert.NotContains(t, b.raw(), "secret")
	})
}

// A page that is open learns that it must continue, as one that is loaded does.
func TestATurnThatFailsAfterAnApprovalIsContinued(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fails := true
		s := newSite(t, func(ctx context.Context, input string) (string, error) {
			if fails && !strings.Contains(input, "add") {
				return "", errors.New("OpenAI is away")
			}
			return talkative(ctx, input)
		}, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		s.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Equal(t, []string{"state[]", "message:hello", "error:internal"}, b.reads(t), "nothing waits")
		s.post(t.Context(), "c1", `{"message": "add it"}`)
		require.Equal(t, "waiting", b.last(t).String())
		seen := len(b.events(t))
		s.post(t.Context(), "c1", `{"answers": {"ask_1": {"decision": "approve"}}}`)
		state := "state[message:hello error:internal message:add it approved error:internal]"
		require.Equal(t, []string{"approved", "error:internal", state}, b.reads(t)[seen:])
		assert.True(t, b.last(t).Resumable)
		assert.False(t, b.last(t).Running)
		all := b.events(t)
		for i, e := range all[seen:] {
			again := s.listen(t, "c1", e.id)
			assert.Equal(t, all[seen+i+1:], append([]event{}, again.events(t)...))
		}
		assert.Equal(t, b.last(t).Events, s.listen(t, "c1", "").last(t).Events, "a page that is loaded shows the same")
		fails = false
		status, _ := s.post(t.Context(), "c1", `{"answers": {}}`)
		assert.Equal(t, http.StatusAccepted, status)
		assert.Equal(t, "done:decided", b.last(t).String())
	})
}

func TestAPanicOfTheProgramEndsItsTurnOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(context.Context, string) (string, error) { panic("a fault in a tool") }, sessionhttp.NewMemory(), nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		s.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Equal(t, "error:internal", b.last(t).String())
		s.model.answer = talkative
		s.post(t.Context(), "c1", `{"message": "again"}`)
		assert.Equal(t, "done:answer", b.last(t).String())
	})
}

// A flaky store fails while down.
type flaky struct {
	sessionhttp.Store
	down atomic.Bool
}

func (f *flaky) Put(ctx context.Context, owner oauthstore.Owner, id string, r sessionhttp.Record) error {
	if f.down.Load() {
		return errors.New("the database is down")
	}
	return f.Store.Put(ctx, owner, id, r)
}

func TestTheEndOfATurnOutlastsAnOutageOfTheStore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		outage time.Duration
		want   string
	}{
		"a short one": {30 * time.Second, "done:at last"},
		"a long one":  {2 * time.Minute, "error:internal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				answer, release := held()
				store := &flaky{Store: sessionhttp.NewMemory()}
				s := newSite(t, answer, store, nil)
				defer s.close(t)
				b := s.listen(t, "c1", "")
				s.post(t.Context(), "c1", `{"message": "hello"}`)
				store.down.Store(true)
				release()
				pass(tt.outage)
				store.down.Store(false)
				pass(10 * time.Second)
				assert.Equal(t, tt.want, b.last(t).String())
				pass(20 * time.Minute)
				s.model.answer = talkative
				status, code := s.post(t.Context(), "c1", `{"message": "again"}`)
				assert.Equal(t, http.StatusAccepted, status, code)
			})
		})
	}
}

// A forgetful store keeps a record and loses its answer about it.
type forgetful struct {
	sessionhttp.Store
	forgets atomic.Bool
}

func (f *forgetful) Put(ctx context.Context, owner oauthstore.Owner, id string, r sessionhttp.Record) error {
	if err := f.Store.Put(ctx, owner, id, r); err != nil {
		return err
	}
	if f.forgets.Swap(false) {
		return errors.New("the connection was reset")
	}
	return nil
}

func TestALostAnswerOfTheStoreIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, release := held()
		store := &forgetful{Store: sessionhttp.NewMemory()}
		s := newSite(t, answer, store, nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		store.forgets.Store(true)
		status, _ := s.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Equal(t, http.StatusAccepted, status, "the beginning of a turn")
		store.forgets.Store(true)
		release()
		pass(time.Minute)
		assert.Equal(t, []string{"state[]", "message:hello", "text:at last", "done:at last"}, b.reads(t), "its end")
		s.model.answer = talkative
		s.post(t.Context(), "c1", `{"message": "add it"}`)
		require.Equal(t, "waiting", b.last(t).String())
		store.forgets.Store(true)
		status, _ = s.post(t.Context(), "c1", `{"stop": true}`)
		assert.Equal(t, http.StatusAccepted, status, "a decision")
		assert.Equal(t, "error:stopped", b.last(t).String())
	})
}

func TestCloseEndsTurnsAndStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, _ := held()
		store := sessionhttp.NewMemory()
		s := newSite(t, answer, store, nil)
		b := s.listen(t, "c1", "")
		s.post(t.Context(), "c1", `{"message": "hello"}`)
		s.close(t)
		<-b.ended
		_, code := s.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Equal(t, "interrupted", code)
		next := newSite(t, talkative, store, nil)
		defer next.close(t)
		assert.Equal(t, []string{"state[message:hello error:interrupted]"}, next.listen(t, "c1", b.last(t).id).reads(t))
		status, _ := next.post(t.Context(), "c1", `{"message": "again"}`)
		assert.Equal(t, http.StatusAccepted, status, "the next process goes on at once")
	})
}

// A late store takes a second to keep a record.
type late struct{ sessionhttp.Store }

func (l late) Put(ctx context.Context, owner oauthstore.Owner, id string, r sessionhttp.Record) error {
	pass(time.Second)
	return l.Store.Put(ctx, owner, id, r)
}

func TestCloseEndsATurnThatIsAboutToBegin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, _ := held()
		store := late{sessionhttp.NewMemory()}
		s := newSite(t, answer, store, nil)
		began := time.Now()
		go s.post(t.Context(), "c1", `{"message": "hello"}`)
		pass(time.Second / 2)
		s.close(t)
		assert.Less(t, time.Since(began), 3*time.Second)
		next := newSite(t, talkative, store, nil)
		defer next.close(t)
		assert.Equal(t, []string{"state[message:hello error:interrupted]"}, next.listen(t, "c1", "").reads(t))
	})
}

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	open := func(context.Context, oauthstore.Owner, string, *session.State) (*session.Session, error) {
		return nil, nil
	}
	for _, build := range []func() (*sessionhttp.Handler, error){
		func() (*sessionhttp.Handler, error) { return sessionhttp.New(nil, open, sessionhttp.NewMemory(), nil) },
		func() (*sessionhttp.Handler, error) {
			return sessionhttp.New(signedIn, nil, sessionhttp.NewMemory(), nil)
		},
		func() (*sessionhttp.Handler, error) { return sessionhttp.New(signedIn, open, nil, nil) },
		func() (*sessionhttp.Handler, error) {
			return sessionhttp.New(signedIn, open, sessionhttp.NewMemory(), &sessionhttp.Options{Grace: -1})
		},
	} {
		_, err := build()
		require.Error(t, err)
	}
}
