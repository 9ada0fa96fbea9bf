package oauthstore_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/deletion"
)

// A revoker is an authServer whose revocation endpoint responds with a status.
type revoker struct {
	*authServer
	status atomic.Int64 // 0: it revokes
	asked  atomic.Int64
	auth   atomic.Pointer[string] // Authorization of the latest request
}

func (r *revoker) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/revoke") {
		r.asked.Add(1)
		auth := req.Header.Get("Authorization")
		r.auth.Store(&auth)
		if status := r.status.Load(); status != 0 {
			return oauthError(int(status), "invalid_client"), nil
		}
	}
	return r.authServer.RoundTrip(req)
}

func newRevoker(t *testing.T) (*world, *revoker) {
	t.Helper()
	w := newWorld(t, nil)
	r := &revoker{authServer: w.as}
	w.store = w.replica(t, func(o *oauthstore.Options) { o.InsecureTransport = r })
	return w, r
}

// rows returns the stored records whose ids or flows name the tenant.
func (w *world) rows(t *testing.T, tenant string) (ids []backend.ID) {
	t.Helper()
	items, _, err := w.backend.List(t.Context(), backend.Filter{}, "", 1000)
	require.NoError(t, err)
	for _, it := range items {
		if it.ID.Tenant == tenant {
			ids = append(ids, it.ID)
		}
	}
	err = storehandle.Of(w.store).Records().Each(t.Context(), backend.KindFlow, func(id backend.ID, data []byte, _ uint64) error {
		if strings.Contains(string(data), tenant) {
			ids = append(ids, id)
		}
		return nil
	})
	require.NoError(t, err)
	return ids
}

// flow stores a pending consent, as package connect does.
func (w *world) flow(t *testing.T, key oauthstore.Key, state string) {
	t.Helper()
	data, err := json.Marshal(map[string]any{"key": key, "redirect": "https://app.example.com/callback"})
	require.NoError(t, err)
	_, err = storehandle.Of(w.store).Records().Save(t.Context(), backend.ID{Kind: backend.KindFlow, Account: state}, data, time.Now().Add(time.Hour), 0)
	require.NoError(t, err)
}

func (w *world) ownClient(t *testing.T, key oauthstore.Key) {
	t.Helper()
	require.NoError(t, storehandle.Of(w.store).SaveClient(t.Context(), storehandle.Client{
		Kind: string(oauthstore.ClientImported), Tenant: key.Owner.Tenant, Subject: key.Owner.Subject,
		Issuer: testIssuer, ID: "app", Secret: oauthstore.NewSecret("synthetic-client-secret"), AuthMethod: "client_secret_basic",
	}))
}

// pin stores the pins of a credential's tools, as package relay does.
func (w *world) pin(t *testing.T, key oauthstore.Key) {
	t.Helper()
	id := credentialID(key)
	id.Kind = backend.KindPins
	_, err := storehandle.Of(w.store).Records().Save(t.Context(), id, []byte(`{"tools":{}}`), time.Time{}, 0)
	require.NoError(t, err)
}

func imported(c *oauthstore.Credential) {
	c.Provenance.Client, c.Provenance.AuthMethod = oauthstore.ClientImported, "client_secret_basic"
}

func TestDeletedTenantLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada, bob, other := testKey("ada"), testKey("bob"), testKey("ada")
		other.Owner.Tenant = "globex"
		second := ada
		second.Account = "second"
		static := bob
		static.Provider = "static"
		gone := bob
		gone.Account = "gone"
		damaged := bob
		damaged.Account = "damaged"
		w.ownClient(t, ada)
		w.ownClient(t, other)
		w.connect(t, ada, imported)
		w.connect(t, second, nil) // shares the client of the first: both are revoked
		w.connect(t, bob, nil)
		w.connect(t, static, func(c *oauthstore.Credential) { c.Provenance.RevocationEndpoint = "" })
		w.connect(t, gone, nil)
		for _, key := range []oauthstore.Key{ada, bob, other} {
			w.pin(t, key)
		}
		_, err := w.store.Disconnect(t.Context(), gone)
		require.NoError(t, err)
		w.connect(t, damaged, nil)
		row, err := w.backend.Get(t.Context(), credentialID(damaged))
		require.NoError(t, err)
		row.Version, row.Data = row.Version+1, []byte("damaged")
		require.NoError(t, w.backend.Put(t.Context(), credentialID(damaged), row, row.Version-1))
		w.connect(t, other, nil)
		w.flow(t, bob, "state-of-bob")
		w.flow(t, other, "state-of-globex")
		before, kept := len(w.as.Revoked()), w.rows(t, "globex")
		w.mu.Lock()
		w.events = nil
		w.mu.Unlock()

		report, err := w.store.DeleteTenant(actor.With(t.Context(), "admin:jane"), "acme")
		require.NoError(t, err)
		assert.Equal(t, deletion.Report{Revoked: 3, NotRevocable: 2, Consents: 1, Clients: 1}, report)
		assert.Equal(t, 5, report.Credentials())
		assert.Empty(t, w.rows(t, "acme"))
		assert.ElementsMatch(t, kept, w.rows(t, "globex"))
		assert.Len(t, w.as.Revoked()[before:], 3)
		assert.Equal(t, 5, w.seen(oauthstore.EventDisconnected))
		for _, e := range w.events {
			assert.Equal(t, "admin:jane", e.Actor)
			assert.Equal(t, "acme", e.Key.Owner.Tenant)
		}
		_, err = w.store.Token(t.Context(), ada, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		_, err = w.store.Token(t.Context(), other, oauthstore.Need{})
		require.NoError(t, err)

		report, err = w.store.DeleteTenant(t.Context(), "acme")
		require.NoError(t, err)
		assert.Zero(t, report)
	})
}

func TestDeletedOwnerLeavesOthersOfTheTenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada, bob := testKey("ada"), testKey("bob")
		for _, key := range []oauthstore.Key{ada, bob} {
			w.ownClient(t, key)
			w.connect(t, key, imported)
			w.flow(t, key, "state-of-"+key.Owner.Subject)
			w.pin(t, key)
		}
		report, err := w.store.DeleteOwner(t.Context(), ada.Owner)
		require.NoError(t, err)
		assert.Equal(t, deletion.Report{Revoked: 1, Consents: 1, Clients: 1}, report)
		rows := w.rows(t, "acme")
		require.Len(t, rows, 4)
		for _, id := range rows {
			assert.NotEqual(t, "ada", id.Subject)
		}
	})
}

func TestDeletionNeedsAWholeOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.connect(t, testKey("ada"), nil)
	for _, owner := range []oauthstore.Owner{{}, {Tenant: "acme"}, {Subject: "ada"}} {
		_, err := w.store.DeleteOwner(t.Context(), owner)
		require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
	}
	_, err := w.store.DeleteTenant(t.Context(), "")
	require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
	assert.Len(t, w.rows(t, "acme"), 1)
}

func TestFailedRevocationOfADeletedCredentialIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(*testing.T, *world){
		"by a sweep": func(t *testing.T, w *world) {
			t.Helper()
			swept, err := w.store.Sweep(t.Context())
			require.NoError(t, err)
			assert.Zero(t, swept)
		},
		"by another call": func(t *testing.T, w *world) {
			t.Helper()
			report, err := w.store.DeleteOwner(t.Context(), testKey("ada").Owner)
			require.NoError(t, err)
			assert.Equal(t, deletion.Report{Revoked: 1}, report)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, as := newRevoker(t)
				ada := testKey("ada")
				w.ownClient(t, ada)
				w.connect(t, ada, imported)
				as.status.Store(503)
				report, err := w.store.DeleteOwner(t.Context(), ada.Owner)
				require.NoError(t, err)
				assert.Equal(t, deletion.Report{RevokeFailed: 1, Clients: 1}, report)
				assert.Equal(t, int64(1), as.asked.Load())
				_, err = w.store.Token(t.Context(), ada, oauthstore.Need{})
				require.ErrorIs(t, err, oauthstore.ErrNotFound)
				list, err := w.store.List(t.Context(), ada.Owner)
				require.NoError(t, err)
				assert.Empty(t, list)

				as.status.Store(0)
				wait(t, time.Minute)
				again(t, w)
				assert.Equal(t, []string{"synthetic-refresh-ada-1"}, w.as.Revoked())
				assert.True(t, strings.HasPrefix(*as.auth.Load(), "Basic "), "with the owner's client, whose record was deleted")
				assert.Empty(t, w.rows(t, "acme"))
			})
		})
	}
}

func TestRevocationThatKeepsFailingIsReported(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int64
		want   deletion.Report
		left   int
	}{
		"for the moment": {503, deletion.Report{RevokeFailed: 1}, 1},
		"for good":       {401, deletion.Report{NotRevocable: 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, as := newRevoker(t)
				ada := testKey("ada")
				w.connect(t, ada, nil)
				as.status.Store(tc.status)
				report, err := w.store.DeleteOwner(t.Context(), ada.Owner)
				require.NoError(t, err)
				assert.Equal(t, tc.want, report)
				for range 10 {
					wait(t, 10*time.Minute)
					_, err := w.store.Sweep(t.Context())
					require.NoError(t, err)
				}
				assert.Equal(t, 1, w.seen(oauthstore.EventRevokeFailed))
				assert.Len(t, w.rows(t, "acme"), tc.left)
				assert.Equal(t, tc.left, w.store.Health(t.Context()).PendingRevocations)
				wait(t, 24*time.Hour)
				_, err = w.store.Purge(t.Context())
				require.NoError(t, err)
				_, err = w.store.Sweep(t.Context())
				require.NoError(t, err)
				assert.Zero(t, w.store.Health(t.Context()).PendingRevocations)
				assert.Empty(t, w.rows(t, "acme"), "tokens are kept for a day at most")
			})
		})
	}
}

func TestHealthCountsARevocationInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, as := newRevoker(t)
		ada := testKey("ada")
		w.connect(t, ada, nil)
		as.status.Store(503)
		_, err := w.store.Disconnect(t.Context(), ada)
		require.NoError(t, err)
		_, err = w.store.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, w.store.Health(t.Context()).PendingRevocations)
		as.status.Store(0)
		wait(t, 10*time.Minute)
		assert.Zero(t, w.store.Health(t.Context()).PendingRevocations)
	})
}

func TestPurgeReportsARevocationThatNoSweepRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, as := newRevoker(t)
		ada, bob := testKey("ada"), testKey("bob")
		w.connect(t, ada, nil)
		w.connect(t, bob, nil)
		_, err := w.store.Disconnect(t.Context(), bob)
		require.NoError(t, err)
		as.status.Store(503)
		_, err = w.store.DeleteOwner(t.Context(), ada.Owner)
		require.NoError(t, err)
		assert.Zero(t, w.seen(oauthstore.EventRevokeFailed))
		wait(t, 25*time.Hour)
		n, err := w.store.Purge(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]int{backend.KindCredential: 2}, n)
		require.Equal(t, 1, w.seen(oauthstore.EventRevokeFailed))
		assert.Equal(t, ada, w.events[len(w.events)-1].Key)
	})
}

// A revocation could end the new grant too, so the old one is reported only.
func TestReconnectReportsARevocationThatItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, as := newRevoker(t)
		ada := testKey("ada")
		w.connect(t, ada, nil)
		as.status.Store(503)
		_, err := w.store.DeleteOwner(t.Context(), ada.Owner)
		require.NoError(t, err)
		w.connect(t, ada, nil)
		require.Equal(t, 1, w.seen(oauthstore.EventRevokeFailed))
		w.connect(t, ada, nil)
		assert.Equal(t, 1, w.seen(oauthstore.EventRevokeFailed), "once")
	})
}

// The process dies between the removal of a credential and its revocation, or
// the database goes away in the middle.
func TestInterruptedDeletionIsResumed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.PerIssuer = 1 })
		for _, subject := range []string{"a", "b", "c", "d"} {
			w.connect(t, testKey(subject), nil)
		}
		var buried atomic.Int64
		w.backend.AfterPut = func(backend.ID) {
			if buried.Add(1) == 3 {
				w.backend.down.Store(true)
			}
		}
		first, err := w.store.DeleteTenant(t.Context(), "acme")
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		w.backend.down.Store(false)
		w.backend.AfterPut = nil

		second, err := w.replica(t, nil).DeleteTenant(t.Context(), "acme")
		require.NoError(t, err)
		assert.Equal(t, 4, first.Revoked+second.Revoked)
		assert.Empty(t, w.rows(t, "acme"))
		for _, subject := range []string{"a", "b", "c", "d"} {
			assert.Empty(t, w.as.Left(subject), "the grant of "+subject)
		}
	})
}

func TestRefreshInFlightDoesNotRestoreADeletedOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("ada")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
			resp := consume()
			_, err := w.store.DeleteOwner(t.Context(), key.Owner)
			require.NoError(t, err)
			return resp, nil
		})
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		synctest.Wait()
		assert.Empty(t, w.as.Left("ada"), "the pair in flight is revoked too")
		assert.Empty(t, w.rows(t, "acme"))
	})
}

// A replica without a watch serves its cached token for CacheAge; then it knows,
// also when the database goes away.
func TestReplicaForgetsADeletedCredential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("ada")
		w.connect(t, key, nil)
		replica := w.replica(t, nil)
		_, err := replica.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		_, err = w.store.DeleteOwner(t.Context(), key.Owner)
		require.NoError(t, err)
		wait(t, 31*time.Second)
		_, err = replica.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		w.backend.down.Store(true)
		wait(t, 31*time.Second)
		_, err = replica.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
	})
}

// A read that began before the deletion must not bring the credential back into
// the cache, where nothing would remove it.
func TestReadFromBeforeTheDeletionIsNotCached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("ada")
		w.connect(t, key, nil)
		store := w.replica(t, nil)
		var once atomic.Bool
		w.backend.AfterGet = func(id backend.ID) {
			if id == credentialID(key) && once.CompareAndSwap(false, true) {
				_, err := store.DeleteOwner(t.Context(), key.Owner)
				assert.NoError(t, err)
			}
		}
		_, _ = store.Token(t.Context(), key, oauthstore.Need{})
		_, err := store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
	})
}
