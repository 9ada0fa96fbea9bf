package oauthstore

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testCache(t *testing.T, maxAge time.Duration) *cache {
	t.Helper()
	c, err := newCache(10, maxAge)
	require.NoError(t, err)
	t.Cleanup(c.stop)
	return c
}

func testSnapshot(version uint64, profile TokenProfile) *snapshot {
	return newSnapshot(&storedCredential{Access: "a", Profile: profile}, version, time.Now())
}

// cached reports whether the cache serves key, and which version.
func cached(c *cache, key Key) (version uint64) {
	if sn, _ := c.get(&key); sn != nil {
		version = sn.version
	}
	return version
}

func TestASnapshotIsServedUntilItsMaximumAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, key := testCache(t, time.Minute), Key{Provider: "p"}
		c.put(key, testSnapshot(1, TokenProfile{}), c.mark(key))
		<-time.After(time.Minute)
		sn, age := c.get(&key)
		require.NotNil(t, sn)
		assert.Equal(t, time.Minute, age)
		<-time.After(time.Nanosecond)
		assert.Zero(t, cached(c, key))
		assert.NotNil(t, c.getAny(key), "it still serves while the backend is down")
		c.drop(key)
		assert.Nil(t, c.getAny(key))
	})
}

func TestWithANegativeAgeNothingIsCached(t *testing.T) {
	t.Parallel()
	c, key := testCache(t, -1), Key{Provider: "p"}
	c.put(key, testSnapshot(1, TokenProfile{}), c.mark(key))
	assert.Nil(t, c.getAny(key))
}

func TestATokenThatARefreshRevokesIsCachedOnlyWithAWatch(t *testing.T) {
	t.Parallel()
	c, key := testCache(t, time.Minute), Key{Provider: "p"}
	profile := TokenProfile{OldAccessDies: true}
	c.put(key, testSnapshot(1, profile), c.mark(key))
	assert.Zero(t, cached(c, key))
	c.watchReady()
	c.put(key, testSnapshot(1, profile), c.mark(key))
	assert.EqualValues(t, 1, cached(c, key))
}

func TestAWatchServesAtAnyAgeUntilItIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, key := testCache(t, time.Minute), Key{Provider: "p"}
		c.put(key, testSnapshot(1, TokenProfile{}), c.mark(key))
		c.watchReady()
		assert.Zero(t, cached(c, key), "a write before the watch may have been missed")
		c.put(key, testSnapshot(1, TokenProfile{}), c.mark(key))
		<-time.After(24 * time.Hour)
		assert.EqualValues(t, 1, cached(c, key))
		c.watchLost()
		assert.Zero(t, cached(c, key))
	})
}

func TestAnOlderSnapshotNeverReplacesANewerOne(t *testing.T) {
	t.Parallel()
	c, key := testCache(t, time.Minute), Key{Provider: "p"}
	before := c.mark(key)
	c.put(key, testSnapshot(2, TokenProfile{}), c.mark(key))
	c.put(key, testSnapshot(1, TokenProfile{}), before)
	assert.EqualValues(t, 2, cached(c, key))
}

func TestAReadThatBeganBeforeANotificationIsNotCached(t *testing.T) {
	t.Parallel()
	c, key := testCache(t, time.Minute), Key{Provider: "p"}
	c.watchReady()
	before := c.mark(key)
	c.drop(key)
	c.put(key, testSnapshot(1, TokenProfile{}), before)
	assert.Nil(t, c.getAny(key))
	c.put(key, testSnapshot(2, TokenProfile{}), c.mark(key))
	assert.EqualValues(t, 2, cached(c, key))
	c.drop(key)
	assert.Nil(t, c.getAny(key))
}

func TestAnOlderReadDoesNotReplaceAnEvictedWrite(t *testing.T) {
	t.Parallel()
	c, key := testCache(t, time.Minute), Key{Provider: "p"}
	read, write := c.mark(key), c.mark(key)
	c.putWritten(key, testSnapshot(2, TokenProfile{}), write)
	assert.EqualValues(t, 2, cached(c, key))
	c.snapshots.Invalidate(key) // evicted
	c.put(key, testSnapshot(1, TokenProfile{}), read)
	assert.Nil(t, c.getAny(key))
	c.put(key, noRecord(time.Now()), read)
	assert.Nil(t, c.getAny(key))
}

func TestAWriteThatANotificationOvertookIsNotCached(t *testing.T) {
	t.Parallel()
	c, key := testCache(t, time.Minute), Key{Provider: "p"}
	before := c.mark(key)
	c.drop(key)
	c.putWritten(key, testSnapshot(2, TokenProfile{}), before)
	assert.Nil(t, c.getAny(key))
}

func TestNoRecordReplacesOnlyWhatWasCachedBefore(t *testing.T) {
	t.Parallel()
	c, key := testCache(t, time.Minute), Key{Provider: "p"}
	before := c.mark(key)
	c.put(key, testSnapshot(1, TokenProfile{}), c.mark(key))
	c.put(key, noRecord(time.Now()), before)
	assert.EqualValues(t, 1, cached(c, key), "another read was later")

	c.put(key, noRecord(time.Now()), c.mark(key))
	require.NotNil(t, c.getAny(key))
	assert.True(t, c.getAny(key).absent(), "the record was deleted")

	c.put(key, testSnapshot(1, TokenProfile{}), c.mark(key))
	assert.EqualValues(t, 1, cached(c, key))
}

// Most reads are served from recent, which must follow the rest of the cache.
func TestWhatMakesASnapshotStaleEndsItsFastReads(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(c *cache, key Key, old *snapshot)
		want   uint64
	}{
		"a notification": {func(c *cache, key Key, _ *snapshot) { c.drop(key) }, 0},
		"a write":        {func(c *cache, key Key, _ *snapshot) { c.putWritten(key, testSnapshot(2, TokenProfile{}), c.mark(key)) }, 2},
		"a write that a notification overtook": {func(c *cache, key Key, _ *snapshot) {
			before := c.mark(key)
			c.drop(key)
			c.putWritten(key, testSnapshot(2, TokenProfile{}), before)
		}, 0},
		"a later read": {func(c *cache, key Key, _ *snapshot) { c.put(key, testSnapshot(2, TokenProfile{}), c.mark(key)) }, 2},
		"a verdict": {func(c *cache, key Key, old *snapshot) {
			next := old.withRecord(old.cred)
			next.version = 2 // to tell it from old
			c.replace(key, old, next)
		}, 2},
		"a lost watch": {func(c *cache, _ Key, _ *snapshot) { c.watchLost() }, 0},
	} {
		c, key := testCache(t, time.Minute), Key{Provider: "p"}
		old := testSnapshot(1, TokenProfile{})
		c.put(key, old, c.mark(key))
		require.EqualValues(t, 1, cached(c, key), name)
		tc.change(c, key, old)
		assert.Equal(t, tc.want, cached(c, key), name)
	}
}

func TestAChangeOfAKeyWithTheSameCountLeavesOthersCached(t *testing.T) {
	t.Parallel()
	c, key := testCache(t, time.Minute), Key{Provider: "p"}
	c.put(key, testSnapshot(1, TokenProfile{}), c.mark(key))
	c.counter(key).Add(1)
	assert.EqualValues(t, 1, cached(c, key))
}

func TestKeysWithTheSameHashAreNotMixedUp(t *testing.T) {
	t.Parallel()
	c, err := newCache(1, time.Minute) // one place for all
	require.NoError(t, err)
	defer c.stop()
	one, other := Key{Provider: "p"}, Key{Provider: "q"}
	c.put(one, testSnapshot(1, TokenProfile{}), c.mark(one))
	assert.Zero(t, cached(c, other))
	c.put(other, testSnapshot(2, TokenProfile{}), c.mark(other))
	assert.NotEqualValues(t, 2, cached(c, one))
}

func TestReadsNeverGoBackBehindAWriteOfThisProcess(t *testing.T) {
	t.Parallel()
	c, key := testCache(t, time.Minute), Key{Provider: "p"}
	var stored atomic.Uint64 // version in the backend
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				before := c.mark(key)
				c.put(key, testSnapshot(stored.Load(), TokenProfile{}), before)
			}
		})
	}
	for version := uint64(1); version <= 2000; version++ {
		before := c.mark(key)
		stored.Store(version)
		c.putWritten(key, testSnapshot(version, TokenProfile{}), before)
		if sn, _ := c.get(&key); sn != nil && sn.version < version {
			t.Errorf("version %d was served after version %d was written", sn.version, version)
		}
	}
	close(done)
	readers.Wait()
}
