package oauthstore

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// A cache keeps the snapshots of recently used credentials. It knows which of
// them other processes may have changed since: their age tells, or the
// notifications of a watch. Safe for concurrent use.
type cache struct {
	snapshots *otter.Cache[Key, *snapshot]
	maxAge    time.Duration // of a snapshot without a watch; negative: nothing is cached

	// watching: notifications arrive for every write, so that a snapshot may be
	// served at any age.
	watching atomic.Bool
	// epoch rises when notifications may have been missed: earlier snapshots
	// must be read again before they are served, but still serve while the
	// backend is down.
	epoch   atomic.Uint64
	seed    maphash.Seed
	changes [4096]atomic.Uint64 // notifications, drops and own writes, by the hash of the key
	// recent repeats the snapshots that were cached last, by the hash of the key:
	// most reads are then one load, without the bookkeeping of snapshots. An event
	// that makes a cached snapshot stale replaces it in both places or raises the
	// key's count of changes, so one from here counts only if that is the count at
	// the snapshot's read.
	recent []atomic.Pointer[snapshot] // a power of two long
}

const maxRecent = 4096

// notConnectedAge is how long a process without a watch may say "not connected"
// to a user who has just connected in another one.
const notConnectedAge = 5 * time.Second

func newCache(size int, maxAge time.Duration) (*cache, error) {
	snapshots, err := otter.New(&otter.Options[Key, *snapshot]{MaximumSize: size})
	if err != nil {
		return nil, errtext.Errorf("oauthstore: cache: %w", err)
	}
	return &cache{
		snapshots: snapshots, maxAge: maxAge, seed: maphash.MakeSeed(),
		recent: make([]atomic.Pointer[snapshot], 1<<(bits.Len(uint(max(1, min(size, maxRecent))))-1)),
	}, nil
}

func (c *cache) stop() { c.snapshots.StopAllGoroutines() }

// get returns the snapshot that may be served without a read, and its age; nil
// if there is none.
func (c *cache) get(key *Key) (*snapshot, time.Duration) {
	sn := c.find(key)
	if sn == nil || sn.epoch != c.epoch.Load() {
		return nil, 0
	}
	age := sn.age()
	if age > sn.maxAge && !(sn.watched && c.watching.Load()) {
		return nil, 0
	}
	return sn, age
}

// watched returns the snapshot of key if notifications arrive for each of its
// writes; else nil.
func (c *cache) watched(key Key) *snapshot {
	sn, _ := c.get(&key)
	if sn == nil || !sn.watched || !c.watching.Load() {
		return nil
	}
	return sn
}

// maxAgeOf returns how old sn may be served if no notification would report a
// change.
func (c *cache) maxAgeOf(sn *snapshot) time.Duration {
	switch {
	case sn.cred.Profile.OldAccessDies:
		return -1
	case !sn.cred.Tombstone.IsZero():
		return min(c.maxAge, notConnectedAge)
	}
	return c.maxAge
}

// find returns the cached snapshot of key, or nil.
func (c *cache) find(key *Key) *snapshot {
	hash := maphash.Comparable(c.seed, *key)
	sn := c.place(hash).Load()
	if sn != nil && sn.changes == c.changes[hash%uint64(len(c.changes))].Load() && sn.key == *key {
		return sn
	}
	sn, _ = c.snapshots.GetIfPresent(*key)
	return sn
}

// setRecent is called while snapshots holds its lock for key, so that both places
// change in the same order.
func (c *cache) setRecent(sn *snapshot) {
	c.place(maphash.Comparable(c.seed, sn.key)).Store(sn)
}

func (c *cache) place(hash uint64) *atomic.Pointer[snapshot] {
	return &c.recent[hash&uint64(len(c.recent)-1)] //nolint:gosec // G115: recent is not empty
}

// getAny returns the snapshot of key regardless of its age, for use while the
// backend is down; nil if there is none.
func (c *cache) getAny(key Key) *snapshot {
	sn, _ := c.snapshots.GetIfPresent(key)
	return sn
}

// put caches a snapshot unless a newer one is cached or may exist. Tombstones
// are cached too: they are served as "not connected", and a read that began before
// a disconnect does not bring the credential back. m was taken before the read or
// write of the snapshot.
func (c *cache) put(key Key, sn *snapshot, m mark) {
	sn.key, sn.epoch, sn.changes, sn.maxAge = key, m.epoch, m.changes, c.maxAgeOf(sn)
	if c.maxAge < 0 {
		return
	}
	c.snapshots.Compute(key, func(old *snapshot, found bool) (*snapshot, otter.ComputeOp) {
		switch {
		case found && old.version > sn.version && !(sn.absent() && old == m.cached):
			return old, otter.CancelOp
		case c.changedSince(key, m):
			return nil, otter.InvalidateOp
		}
		sn.watched = c.watching.Load()
		c.setRecent(sn)
		return sn, otter.WriteOp
	})
}

// putWritten caches the snapshot of a write of this process. Reads that began
// before are not cached after it, even if it is evicted meanwhile.
func (c *cache) putWritten(key Key, sn *snapshot, m mark) {
	if c.counter(key).Add(1) == m.changes+1 {
		m.changes++ // no notification has arrived since
	}
	c.put(key, sn, m)
}

// replace replaces old by next, which has the same version, unless another
// snapshot is cached by now.
func (c *cache) replace(key Key, old, next *snapshot) {
	c.snapshots.Compute(key, func(cached *snapshot, found bool) (*snapshot, otter.ComputeOp) {
		if !found || cached != old {
			return cached, otter.CancelOp
		}
		c.setRecent(next)
		return next, otter.WriteOp
	})
}

// A mark is the state of the cache for one key at one moment.
type mark struct {
	epoch, changes uint64
	cached         *snapshot
	at             time.Time
}

func (c *cache) mark(key Key) mark {
	m := mark{epoch: c.epoch.Load(), changes: c.counter(key).Load(), at: time.Now()}
	m.cached, _ = c.snapshots.GetIfPresent(key)
	return m
}

// changedSince reports whether a notification for key, or for one of the few
// keys that share its counter, has arrived since m, or this process has written it.
func (c *cache) changedSince(key Key, m mark) bool { return c.counter(key).Load() != m.changes }

func (c *cache) counter(key Key) *atomic.Uint64 {
	return &c.changes[maphash.Comparable(c.seed, key)%uint64(len(c.changes))]
}

// drop deletes the snapshot of key, which may be stale by now. Reads that began
// before are not cached.
func (c *cache) drop(key Key) {
	c.counter(key).Add(1)
	c.snapshots.Invalidate(key)
}

// watchReady notes that notifications arrive from now on. Earlier ones may have
// been missed.
func (c *cache) watchReady() {
	c.epoch.Add(1)
	c.watching.Store(true)
}

// watchLost notes that notifications no longer arrive.
func (c *cache) watchLost() {
	c.watching.Store(false)
	c.epoch.Add(1)
}
