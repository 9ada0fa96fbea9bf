package oauthstore

import "sync"

// unsavedPairs are new pairs that the backend does not have yet. One whose save
// takes long is served from here. The zero value is ready. Safe for concurrent
// use.
type unsavedPairs struct {
	mu    sync.Mutex
	byKey map[Key]*unsavedPair // guarded by mu, with their fields
}

type unsavedPair struct {
	pair *pair
	sn   *snapshot // the record as the save will leave it, as far as is known; nil: not served yet
}

// snapshot returns the pair of key that is served from memory, or nil.
func (u *unsavedPairs) snapshot(key Key) *snapshot {
	u.mu.Lock()
	defer u.mu.Unlock()
	if p := u.byKey[key]; p != nil {
		return p.sn
	}
	return nil
}

// count returns how many pairs are being saved.
func (u *unsavedPairs) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.byKey)
}

// add notes that p is being saved.
func (u *unsavedPairs) add(key Key, p *pair) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byKey == nil {
		u.byKey = make(map[Key]*unsavedPair)
	}
	u.byKey[key] = &unsavedPair{pair: p}
}

// serve serves p from memory, merged into base, unless its save has finished or
// the credential was disconnected or replaced meanwhile.
func (u *unsavedPairs) serve(key Key, p *pair, base *snapshot) {
	rec := base.cred.clone()
	p.merge(rec)
	sn := newSnapshot(rec, base.version, base.storeNow())
	u.mu.Lock()
	defer u.mu.Unlock()
	if unsaved := u.byKey[key]; unsaved != nil && unsaved.pair == p {
		unsaved.sn = sn
	}
}

// update replaces the served snapshot by next, if that is of the same pair.
func (u *unsavedPairs) update(key Key, next *snapshot) {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.byKey[key]
	if p != nil && p.sn != nil && p.sn.cred.Grant == next.cred.Grant && p.sn.cred.Generation == next.cred.Generation {
		p.sn = next
	}
}

// remove drops p once its save has finished.
func (u *unsavedPairs) remove(key Key, p *pair) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if unsaved := u.byKey[key]; unsaved != nil && unsaved.pair == p {
		delete(u.byKey, key)
	}
}

// drop drops the pair of a credential that was disconnected or replaced.
func (u *unsavedPairs) drop(key Key) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byKey, key)
}
