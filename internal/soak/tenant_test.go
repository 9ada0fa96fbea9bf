package soak_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// Another replica reads and refreshes the tokens of the tenant while it is
// deleted, and the provider fails for every tenth user once.
func TestTenantIsDeletedWhileItIsInUse(t *testing.T) {
	t.Parallel()
	users := 200
	if soaking() {
		users = 10_000
	}
	db := newPostgres(t, 16)
	keys := newKeyset(t)
	as := newGrantServer(t, users)
	failed := make([]atomic.Bool, users)
	as.failRevoke = func(user int) bool { return user%10 == 0 && failed[user].CompareAndSwap(false, true) }
	opts := func() *oauthstore.Options {
		return &oauthstore.Options{InsecureAllowLoopback: true, CacheSize: 2 * users}
	}
	admin, replica := newStore(t, db.backend, keys, opts()), newStore(t, db.backend, keys, opts())
	watching(t, replica)
	as.connect(t, admin)
	other := as.key(0)
	other.Owner.Tenant = "globex"
	_, err := admin.Put(t.Context(), other, pair("0-0", time.Now().Add(time.Hour), as.URL+"/token"))
	require.NoError(t, err)
	eachUser(t, users, func(user int) error {
		_, err := replica.Token(t.Context(), as.key(user), oauthstore.Need{})
		return err
	})

	ctx, stop := context.WithCancel(t.Context())
	var refreshed atomic.Int64
	var use sync.WaitGroup
	for range 8 {
		use.Go(func() {
			for ctx.Err() == nil {
				key := as.key(rand.IntN(users))
				if tok, err := replica.Token(ctx, key, oauthstore.Need{}); err == nil && rand.IntN(4) == 0 {
					if _, err := replica.Refresh(ctx, key, tok.Generation); err == nil {
						refreshed.Add(1)
					}
				}
			}
		})
	}
	begin := time.Now()
	first, err := admin.DeleteTenant(t.Context(), "acme")
	took := time.Since(begin)
	require.NoError(t, err)
	assert.Equal(t, users, first.Credentials(), "the report adds up")
	// The first request for each tenth user fails. It may be that of a refresh in
	// flight, whose new pair the replica revokes.
	assert.LessOrEqual(t, first.RevokeFailed, users/10)
	assert.Positive(t, first.RevokeFailed)
	second, err := admin.DeleteTenant(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, first.RevokeFailed, second.Revoked)
	assert.Equal(t, users, first.Revoked+second.Revoked)

	// The replica forgets as soon as the notifications have arrived.
	require.Eventually(t, func() bool {
		for user := range users {
			if _, err := replica.Token(t.Context(), as.key(user), oauthstore.Need{}); err == nil {
				return false
			}
		}
		return true
	}, time.Minute, 100*time.Millisecond)
	stop()
	use.Wait()
	// Pairs of refreshes in flight are revoked in the background.
	require.Eventually(t, func() bool { return as.alive() == 0 }, time.Minute, 100*time.Millisecond, "grants are not revoked")

	rows, err := db.pool.Query(t.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = $1`, db.schema)
	require.NoError(t, err)
	var names []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(t, rows.Err())
	for _, name := range names {
		var n int
		require.NoError(t, db.pool.QueryRow(t.Context(), `SELECT count(*) FROM `+db.schema+`.`+name+` AS r WHERE r::text LIKE '%acme%'`).Scan(&n))
		assert.Zero(t, n, "rows of the tenant in "+name)
	}
	assert.NotEmpty(t, names)
	_, err = admin.Token(t.Context(), other, oauthstore.Need{})
	require.NoError(t, err, "another tenant is not affected")
	t.Logf("%d users deleted in %v, %d requests to revoke, while the other replica refreshed %d tokens", users, took.Round(time.Millisecond), as.revocations.Load(), refreshed.Load())
}
