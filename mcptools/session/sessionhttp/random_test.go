package sessionhttp_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
)

// A reader is a browser that reconnects wherever its connection broke.
type reader struct {
	tab  *tab
	seen string  // id of the last event
	all  []event // since the last state
}

// connect opens or reopens the stream, perhaps at another replica.
func (b *reader) connect(t *testing.T, s *site) {
	t.Helper()
	b.leave(t)
	b.tab = s.listen(t, "c1", b.seen)
}

// leave closes the stream and keeps what it brought.
func (b *reader) leave(t *testing.T) {
	t.Helper()
	if b.tab == nil {
		return
	}
	for _, e := range b.tab.events(t) {
		if e.Event == "state" {
			b.all = nil
		}
		b.all, b.seen = append(b.all, e), e.id
	}
	b.tab.leave()
	synctest.Wait()
	b.tab = nil
}

// A browser that comes and goes shows in the end what the state has, each accepted message
// is there once, and the conversation goes on.
func TestEveryOrderOfRequestsLeavesAConversation(t *testing.T) {
	t.Parallel()
	runs := 40
	if os.Getenv("TOOLGRANT_SOAK") != "" {
		runs = 10_000
	}
	for i := range runs {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(i))) // reproducible
			t.Log("run", i)
			store := sessionhttp.NewMemory()
			opts := &sessionhttp.Options{Buffer: []int{60, 300, 1 << 20}[random.IntN(3)], Grace: 10 * time.Second, MaxTurn: time.Minute}
			replicas := []*site{newSite(t, talkative, store, opts), newSite(t, talkative, store, opts)}
			for _, s := range replicas {
				defer s.close(t)
			}
			sent := 0
			replicas[0].listen(t, "c1", "") // so that no turn is abandoned there
			fickle := &reader{}
			for range 30 {
				s := replicas[min(random.IntN(6), 1)]
				switch random.IntN(8) {
				case 0, 1:
					body := []string{`{"message": "hello"}`, `{"message": "add it"}`}[random.IntN(2)]
					if status, _ := s.post(t.Context(), "c1", body); status == http.StatusAccepted {
						sent++
					}
				case 2:
					s.post(t.Context(), "c1", `{"answers": {"ask_1": {"decision": "`+[]string{"approve", "deny"}[random.IntN(2)]+`"}}}`)
				case 3:
					s.post(t.Context(), "c1", `{"stop": true}`)
				case 4:
					fickle.connect(t, replicas[0])
				case 5:
					fickle.leave(t)
				case 6:
					pass(time.Duration(random.IntN(20)) * time.Second)
				case 7:
					synctest.Wait()
				}
			}
			synctest.Wait()
			pass(2 * time.Minute)
			fickle.connect(t, replicas[0])
			final := replicas[0].listen(t, "c1", "").last(t)
			assert.False(t, final.Running)
			fickle.leave(t)
			assert.Equal(t, shown(final), shownAll(fickle.all), "the one that came and went")
			messages := 0
			for _, e := range final.Events {
				if e.Event == "message" {
					messages++
				}
			}
			assert.Equal(t, sent, messages, "each accepted message is there once")

			if len(final.Pending) > 0 || final.Resumable {
				status, code := replicas[1].post(t.Context(), "c1", `{"stop": true}`)
				require.Equal(t, http.StatusAccepted, status, code)
			}
			status, code := replicas[1].post(t.Context(), "c1", `{"message": "hello"}`)
			require.Equal(t, http.StatusAccepted, status, code)
			synctest.Wait()
			require.Contains(t, fmt.Sprint(replicas[1].listen(t, "c1", "").last(t).Events), "text:")
		})
	}
}

// shown returns what a page shows of a state.
func shown(state event) []string { return shownAll([]event{state}) }

// shownAll returns what a page shows of events, with texts joined.
func shownAll(all []event) (lines []string) {
	text := ""
	add := func(e event) {
		if e.Event == "text" {
			text += e.Text
			return
		}
		if text != "" {
			lines = append(lines, "text:"+text)
			text = ""
		}
		switch e.Event {
		case "message", "approved", "denied", "error", "called", "failed", "skipped":
			lines = append(lines, e.String())
		}
	}
	for _, e := range all {
		if e.Event != "state" {
			add(e)
		}
		for _, inner := range e.Events {
			add(inner)
		}
	}
	add(event{Event: "end"})
	return lines
}
