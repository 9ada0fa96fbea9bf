package fleet_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// While the server handles one process's refresh, another process disconnects
// the user, or connects again.
func TestLateRefreshChangesNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t, time.Hour)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, s, 7, workerConfig{Place: newPlace(t, kind)})
			other := f.start(t, nil).up(t)
			for range rounds() / 4 {
				h := f.put(t)
				gone := make(chan report, 1)
				s.fault(h.chain, nil, func(*post) *answer { gone <- other.do(order{Do: "disconnect", Subject: h.subject}); return nil }, nil)
				for _, r := range f.everybody(order{Do: "token", Subject: h.subject}) {
					require.Equal(t, "not found", r.Class, r.Text)
				}
				require.Empty(t, (<-gone).Text)
				sent := s.sent(h.chain, 0)
				require.Len(t, sent, 1)
				assert.Eventually(t, func() bool { return slices.Contains(s.revoked(), sent[0].next) }, time.Minute, 10*time.Millisecond, "late tokens are revoked")
				assert.False(t, s.live(t, sent[0].access))
				_, err := f.looker.Status(t.Context(), h.key())
				require.ErrorIs(t, err, oauthstore.ErrNotFound, "the credential is not restored")

				// The same if the user has reconnected:
				h = f.put(t)
				late, fresh := h.chain, s.mint(t)
				s.fault(late, nil, func(*post) *answer {
					gone <- other.do(order{
						Do: "put", Subject: h.subject, Access: fresh.access, Refresh: fresh.refresh,
						Expiry: time.Now().Add(time.Hour), From: s.credential(fresh).Provenance,
					})
					return nil
				}, nil)
				for _, r := range f.everybody(order{Do: "token", Subject: h.subject}) {
					require.Empty(t, r.Text)
					require.Equal(t, fresh.access, r.Access, "the new consent is used")
				}
				require.Empty(t, (<-gone).Text)
				sent = s.sent(late, 0)
				require.Len(t, sent, 1)
				assert.NotContains(t, s.revoked(), sent[0].next, "another grant's tokens are dropped, not revoked")
				st, access := f.stored(t, h)
				require.Equal(t, fresh.access, access)
				require.Equal(t, oauthstore.StateActive, st.State)
				require.True(t, s.live(t, access))
			}
			assert.Zero(t, s.counts(t).Reused)
		})
	}
}
