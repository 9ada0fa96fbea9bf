package sessionhttp_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A slow store takes a second for each answer, so that two replicas read before one
// of them writes.
type slow struct{ sessionhttp.Store }

func (s slow) Get(ctx context.Context, owner oauthstore.Owner, id string) (sessionhttp.Record, error) {
	r, err := s.Store.Get(ctx, owner, id)
	pass(time.Second)
	return r, err
}

func TestOneOfTwoReplicasRunsATurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, release := held()
		store := slow{sessionhttp.NewMemory()}
		a, b := newSite(t, answer, store, nil), newSite(t, answer, store, nil)
		defer a.close(t)
		defer b.close(t)
		there := b.listen(t, "c1", "")
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[int]int{}
		for _, s := range []*site{a, b, a, b, a, b} {
			wg.Go(func() {
				status, _ := s.post(t.Context(), "c1", `{"message": "hello"}`)
				mu.Lock()
				got[status]++
				mu.Unlock()
			})
		}
		wg.Wait()
		assert.Equal(t, map[int]int{http.StatusAccepted: 1, http.StatusConflict: 5}, got)
		release()
		synctest.Wait()
		assert.Equal(t, 1, a.model.requests()+b.model.requests())
		there.leave()
		for _, s := range []*site{a, b} {
			tab := s.listen(t, "c1", "")
			pass(time.Second)
			assert.Equal(t, []string{"state[message:hello text:at last]"}, tab.reads(t))
		}
	})
}

func TestAStreamOfAnotherReplicaPollsUntilTheTurnEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, release := held()
		store := sessionhttp.NewMemory()
		a, b := newSite(t, answer, store, nil), newSite(t, talkative, store, nil)
		defer a.close(t)
		defer b.close(t)
		a.listen(t, "c1", "")
		a.post(t.Context(), "c1", `{"message": "hello"}`)
		_, code := b.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Equal(t, "busy", code)
		_, code = b.post(t.Context(), "c1", `{"stop": true}`)
		assert.Equal(t, "busy", code)

		there := b.listen(t, "c1", "")
		assert.Equal(t, []string{"state[message:hello]"}, there.reads(t))
		assert.True(t, there.last(t).Running)
		<-there.ended
		again := b.listen(t, "c1", there.last(t).id)
		assert.Empty(t, again.reads(t), "nothing new")
		<-again.ended
		release()
		synctest.Wait()
		again = b.listen(t, "c1", there.last(t).id)
		assert.Equal(t, []string{"state[message:hello text:at last]"}, again.reads(t))
		assert.False(t, again.last(t).Running)
		status, _ := b.post(t.Context(), "c1", `{"message": "more"}`)
		assert.Equal(t, http.StatusAccepted, status)
		assert.Equal(t, "done:answer", again.last(t).String(), "the stream stays")
	})
}

// Without sticky routing a page listens at one replica and posts to another.
func TestAStreamShowsTheTurnsOfAnotherReplica(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, release := held()
		store := sessionhttp.NewMemory()
		a, b := newSite(t, answer, store, nil), newSite(t, talkative, store, nil)
		defer a.close(t)
		defer b.close(t)
		there := b.listen(t, "c1", "")
		status, _ := a.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Equal(t, http.StatusAccepted, status)
		pass(6 * time.Second)
		require.Equal(t, []string{"state[]", "state[message:hello]"}, there.reads(t))
		assert.True(t, there.last(t).Running)
		<-there.ended // the browser reconnects, perhaps to the other one
		pass(3 * time.Minute)
		release()
		synctest.Wait()
		again := b.listen(t, "c1", there.last(t).id)
		assert.Equal(t, []string{"state[message:hello text:at last]"}, again.reads(t), "no browser listens where the turn runs")
		assert.False(t, again.last(t).Running)

		a.model.answer = talkative
		a.post(t.Context(), "c1", `{"message": "more"}`)
		pass(6 * time.Second)
		assert.Equal(t, "state[message:hello text:at last message:more text:answer]", again.last(t).String())
		b.post(t.Context(), "c1", `{"message": "here"}`)
		pass(time.Minute)
		assert.Equal(t, []string{"message:here", "text:answer", "done:answer"}, again.reads(t)[2:], "nothing is replaced by what is older")
	})
}

// A counted store counts its reads, and fails while down.
type counted struct {
	sessionhttp.Store
	reads atomic.Int32
	down  atomic.Bool
}

func (c *counted) Get(ctx context.Context, owner oauthstore.Owner, id string) (sessionhttp.Record, error) {
	c.reads.Add(1)
	if c.down.Load() {
		return sessionhttp.Record{}, errors.New("the database is down")
	}
	return c.Store.Get(ctx, owner, id)
}

func TestAStreamReadsTheStoreNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, release := held()
		store := &counted{Store: sessionhttp.NewMemory()}
		s := newSite(t, answer, store, nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		reads := func(d time.Duration) int32 {
			before := store.reads.Load()
			pass(d)
			synctest.Wait()
			return store.reads.Load() - before
		}
		assert.EqualValues(t, 12, reads(time.Minute))
		store.down.Store(true)
		assert.EqualValues(t, 12, reads(time.Minute), "an outage does not end it")
		store.down.Store(false)
		s.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Zero(t, reads(time.Minute), "the turn runs here")
		release()
		assert.Equal(t, []string{"state[]", "message:hello", "text:at last", "done:at last"}, b.reads(t))
	})
}

func TestACallThatWaitsIsAnsweredAtAnotherReplica(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := sessionhttp.NewMemory()
		a, b := newSite(t, talkative, store, nil), newSite(t, talkative, store, nil)
		defer a.close(t)
		defer b.close(t)
		a.listen(t, "c1", "")
		a.post(t.Context(), "c1", `{"message": "add it"}`)
		synctest.Wait()
		there := b.listen(t, "c1", "")
		require.Len(t, there.last(t).Pending, 1)
		status, _ := b.post(t.Context(), "c1", `{"answers": {"ask_1": {"decision": "deny", "reason": "no"}}}`)
		assert.Equal(t, http.StatusAccepted, status)
		assert.Equal(t, "done:decided", there.last(t).String())
		_, code := a.post(t.Context(), "c1", `{"answers": {"ask_1": {"decision": "approve"}}}`)
		assert.Equal(t, "not_waiting", code, "the first replica knows")
		assert.Equal(t, 1, b.model.requests())
		assert.Equal(t, 1, a.model.requests())
	})
}

func TestAKilledProcessLeavesTheConversationAndAWord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, _ := held()
		before := sessionhttp.NewMemory()
		dead := newSite(t, answer, before, nil)
		dead.post(t.Context(), "c1", `{"message": "hello"}`)
		r, err := before.Get(t.Context(), ada, "c1")
		require.NoError(t, err)
		dead.close(t)
		store := sessionhttp.NewMemory() // as the database is then
		for v := range r.Version {
			require.NoError(t, store.Put(t.Context(), ada, "c1", sessionhttp.Record{Version: v, Data: r.Data}))
		}

		s := newSite(t, talkative, store, nil)
		defer s.close(t)
		b := s.listen(t, "c1", "")
		assert.True(t, b.last(t).Running)
		_, code := s.post(t.Context(), "c1", `{"message": "hello"}`)
		assert.Equal(t, "busy", code, "it may still run")
		pass(11 * time.Minute)
		b = s.listen(t, "c1", b.last(t).id)
		assert.Equal(t, []string{"state[message:hello error:interrupted]"}, b.reads(t))
		status, _ := s.post(t.Context(), "c1", `{"message": "again"}`)
		assert.Equal(t, http.StatusAccepted, status)
		synctest.Wait()
		assert.Equal(t, []string{"state[message:hello error:interrupted message:again text:answer]"}, s.listen(t, "c1", "").reads(t))
	})
}

// A guarded store has conversations of its own choice.
type guarded struct{ sessionhttp.Store }

func (guarded) Get(context.Context, oauthstore.Owner, string) (sessionhttp.Record, error) {
	return sessionhttp.Record{}, sessionhttp.ErrNotFound
}

func TestTheStoreDecidesWhichConversationsThereAre(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, talkative, guarded{sessionhttp.NewMemory()}, nil)
		defer s.close(t)
		for _, r := range []*http.Request{
			request(t.Context(), http.MethodGet, "c1", ada.Subject, ""),
			request(t.Context(), http.MethodPost, "c1", ada.Subject, `{"message": "hello"}`),
			request(t.Context(), http.MethodPost, "c1", ada.Subject, `{"stop": true}`),
		} {
			status, code := s.send(r)
			assert.Equal(t, http.StatusNotFound, status)
			assert.Equal(t, "not_found", code)
		}
	})
}
