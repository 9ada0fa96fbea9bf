package fleet_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// Many processes find the same token expired at the same moment. One of them
// refreshes it, and all get the new one.
func TestManyProcessesAtExpirySendOneRefresh(t *testing.T) {
	t.Parallel()
	s := startServer(t, 5*time.Second)
	for _, kind := range kinds {
		for _, n := range []int{8, 20} {
			t.Run(fmt.Sprintf("%s, %d processes", kind, n), func(t *testing.T) {
				t.Parallel()
				f := newFleet(t, s, n, workerConfig{Place: newPlace(t, kind)})
				credentials := make([]held, min(rounds()*n/20, 20)) // few are reused, after their tokens have expired
				for i := range credentials {
					credentials[i] = f.put(t)
				}
				posts, senders, took := 0, map[string]bool{}, time.Duration(0)
				for round := range rounds() {
					h := credentials[round%len(credentials)]
					f.ended(t, h)
					before := len(s.sent(h.chain, 0))
					begin := time.Now()
					answers := f.everybody(order{Do: "token", Subject: h.subject})
					took += time.Since(begin)
					sent := s.sent(h.chain, before)
					require.Len(t, sent, 1, "round %d: refreshes", round)
					require.Equal(t, 200, sent[0].status, "round %d", round)
					for i, a := range answers {
						require.Empty(t, a.Text, "round %d: %s", round, f.all[i].name)
						require.Equal(t, sent[0].access, a.Access, "round %d: %s", round, f.all[i].name)
					}
					require.True(t, s.live(t, sent[0].access), "round %d", round)
					posts += len(sent)
					senders[sent[0].worker] = true
				}
				t.Logf("%s: %d rounds, %d refreshes by %d different processes, 0 reused, 0 lost, %v a round", t.Name(), rounds(), posts, len(senders), (took / time.Duration(rounds())).Round(time.Millisecond))
				assert.Greater(t, len(senders), 1, "different processes refresh")
			})
		}
	}
	t.Cleanup(func() {
		assert.Zero(t, s.counts(t).Reused)
		s.allSeen(t)
	})
}

// The control of the test above: without this library the same rounds lose the
// credential.
func TestControlWithoutThisLibraryLosesTheCredential(t *testing.T) {
	t.Parallel()
	s := startServer(t, 5*time.Second)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, s, 8, workerConfig{Place: newPlace(t, kind), Naive: true})
			lost, refused, posts := 0, 0, 0
			for range rounds() {
				h := f.put(t)
				ended := &oauth2.Token{AccessToken: h.access, RefreshToken: h.refresh, Expiry: time.Now().Add(-time.Minute)}
				require.NoError(t, naiveSave(t.Context(), f.raw, h.key(), ended))
				for _, a := range f.everybody(order{Do: "token", Subject: h.subject, From: s.credential(h.minted).Provenance}) {
					if a.Text != "" {
						refused++
					}
				}
				posts += len(s.sent(h.chain, 0))
				row, err := f.raw.Get(t.Context(), naiveID(h.key()))
				require.NoError(t, err)
				var saved oauth2.Token
				require.NoError(t, json.Unmarshal(row.Data, &saved))
				if !s.live(t, saved.AccessToken) {
					lost++
				}
			}
			t.Logf("%s: %d rounds of 8 processes, %d refreshes, %d callers rejected, %d credentials lost", t.Name(), rounds(), posts, refused, lost)
			assert.Positive(t, lost)
		})
	}
}
