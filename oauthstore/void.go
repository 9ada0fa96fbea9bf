package oauthstore

import (
	"slices"
	"sync"
	"time"
)

// voidIntents are intents of this process that the backend may still have
// although no request with them can have used up a refresh token: the answer to
// the claim was lost, or the outcome of the request could not be written. A
// flight takes them over at once. An intent is added when its flight no longer
// sends with it, so that two flights never share one. The zero value is ready.
// Safe for concurrent use.
type voidIntents struct {
	mu    sync.Mutex
	byKey map[Key]voidIntent // guarded by mu
}

type voidIntent struct {
	ids   []string // the latest maxVoidIntents
	since time.Time
}

const (
	maxVoidIntents = 8
	voidIntentAge  = time.Hour // long after another process has taken them over
)

// add notes that the intent id of key is void.
func (v *voidIntents) add(key Key, id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if len(v.byKey)%64 == 0 { // now and then
		for k, i := range v.byKey {
			if now.Sub(i.since) > voidIntentAge {
				delete(v.byKey, k)
			}
		}
	}
	if v.byKey == nil {
		v.byKey = make(map[Key]voidIntent)
	}
	ids := append(slices.Clone(v.byKey[key].ids), id)
	v.byKey[key] = voidIntent{ids[max(len(ids)-maxVoidIntents, 0):], now}
}

// has reports whether the intent id of key is void.
func (v *voidIntents) has(key Key, id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Contains(v.byKey[key].ids, id)
}

// remove drops the intents of key: the backend has a later one.
func (v *voidIntents) remove(key Key) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.byKey, key)
}
