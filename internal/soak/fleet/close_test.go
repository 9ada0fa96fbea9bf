package fleet_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// byName returns the index of a process of the fleet.
func (f *fleet) byName(name string) int {
	return slices.IndexFunc(f.all, func(p *process) bool { return p.name == name })
}

// The process that sends the refresh is interrupted while the server handles
// it. It waits for the response and saves it before it exits.
func TestInterruptedProcessSavesTheResponse(t *testing.T) {
	t.Parallel()
	s := startServer(t, time.Hour)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, s, 8, workerConfig{Place: newPlace(t, kind)})
			for n := range rounds() / 4 {
				h := f.put(t)
				s.fault(h.chain, nil, func(p *post) *answer {
					sender := f.all[f.byName(p.worker)]
					sender.signal(os.Interrupt)
					<-sender.interrupted
					return nil
				}, nil)
				reports := f.everybody(order{Do: "token", Subject: h.subject})
				sent := s.sent(h.chain, 0)
				require.Len(t, sent, 1, "round %d", n)
				i := f.byName(sent[0].worker)
				last := f.all[i].ended()
				assert.True(t, last.Closed && last.Class == "", "round %d: %+v", n, last)
				for j, r := range reports {
					if i != j || !r.Died && r.Class != "closed" { // which may get any error
						require.Empty(t, r.Text, "round %d", n)
						require.Equal(t, sent[0].access, r.Access, "round %d", n)
					}
				}
				st, access := f.stored(t, h)
				require.Equal(t, oauthstore.StateActive, st.State)
				require.Equal(t, sent[0].access, access)
				require.True(t, s.live(t, access))
				f.all[i] = f.start(t, nil).up(t)
			}
			assert.Zero(t, s.counts(t).Reused)
		})
	}
}

// All processes are killed as soon as one has the new token.
func TestReturnedTokensAreSaved(t *testing.T) {
	t.Parallel()
	s := startServer(t, time.Hour)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, s, 0, workerConfig{Place: newPlace(t, kind)})
			for n := range rounds() / 4 {
				h := f.put(t)
				f.all = []*process{f.start(t, nil), f.start(t, nil), f.start(t, nil)}
				first := make(chan report, len(f.all))
				for _, p := range f.all {
					answer := p.up(t).ask(order{Do: "token", Subject: h.subject})
					go func() { first <- <-answer }()
				}
				got := <-first
				for _, p := range f.all {
					p.signal(os.Kill)
				}
				for _, p := range f.all {
					p.kill()
				}
				require.Empty(t, got.Text)
				st, access := f.stored(t, h)
				require.Equal(t, got.Access, access, "round %d", n)
				require.Equal(t, oauthstore.StateActive, st.State)
				require.True(t, s.live(t, access))
				require.Len(t, s.sent(h.chain, 0), 1)
			}
		})
	}
}
