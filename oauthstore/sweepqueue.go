package oauthstore

import "sync"

// Bounds of a [sweepQueue].
const (
	sweepRunning = 1000    // credentials that are refreshed at once
	sweepQueued  = 100_000 // keys in memory
)

// A sweepQueue hands out the credentials of a sweep by turns, one issuer after
// another, so that no issuer waits for the credentials of a slower one. Adding
// never blocks. Safe for concurrent use.
type sweepQueue struct {
	perIssuer int
	work      func(Key) // called on goroutines of its own
	done      sync.WaitGroup

	mu      sync.Mutex // guards what follows, and the fields of issuers
	issuers map[string]*sweepIssuer
	ready   []*sweepIssuer // have keys and may take another turn
	running int
	queued  int
}

type sweepIssuer struct {
	keys    []Key
	running int
	ready   bool // it is in sweepQueue.ready
}

// add queues a credential. It reports false if there are too many: then the next
// sweep handles it.
func (q *sweepQueue) add(issuer string, key Key) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := q.issuers[issuer]
	if i == nil {
		i = &sweepIssuer{}
		q.issuers[issuer] = i
	}
	if q.queued >= sweepQueued && len(i.keys) >= q.perIssuer {
		return false // an issuer with fewer has its turn all the same
	}
	i.keys = append(i.keys, key)
	q.queued++
	q.enlist(i)
	q.dispatch()
	return true
}

// enlist puts an issuer at the end of the line if it may take a turn.
func (q *sweepQueue) enlist(i *sweepIssuer) {
	if !i.ready && len(i.keys) > 0 && i.running < q.perIssuer {
		i.ready = true
		q.ready = append(q.ready, i)
	}
}

// dispatch starts work while there is some. The caller holds mu.
func (q *sweepQueue) dispatch() {
	for q.running < sweepRunning && len(q.ready) > 0 {
		i := q.ready[0]
		q.ready = q.ready[1:]
		i.ready = false
		key := i.keys[0]
		i.keys = i.keys[1:]
		i.running++
		q.running++
		q.queued--
		q.enlist(i)
		q.done.Go(func() {
			defer func() {
				q.mu.Lock()
				defer q.mu.Unlock()
				i.running--
				q.running--
				q.enlist(i)
				q.dispatch()
			}()
			q.work(key)
		})
	}
}
