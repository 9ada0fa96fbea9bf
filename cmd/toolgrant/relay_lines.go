package main

import "sync/atomic"

// maxLines is how many lines of a relay wait for a slow reader of its output.
const maxLines = 1024

// A lineQueue prints lines in the background: a reader that stalls must not stop
// the relay. Lines that do not fit are dropped and counted.
type lineQueue struct {
	waiting chan func()
	dropped atomic.Int64
	ending  chan struct{} // closed to print what waits, and end
	ended   chan struct{} // closed at the end
}

// newLineQueue returns a queue. report gets the number of dropped lines, before
// the next line.
func newLineQueue(report func(dropped int64)) *lineQueue {
	q := &lineQueue{waiting: make(chan func(), maxLines), ending: make(chan struct{}), ended: make(chan struct{})}
	show := func(line func()) {
		if n := q.dropped.Swap(0); n > 0 {
			report(n)
		}
		line()
	}
	go func() {
		defer close(q.ended)
		for {
			select {
			case line := <-q.waiting:
				show(line)
				continue
			case <-q.ending:
			}
			for {
				select {
				case line := <-q.waiting:
					show(line)
				default:
					return
				}
			}
		}
	}()
	return q
}

// add adds a line, at any time.
func (q *lineQueue) add(line func()) {
	select {
	case q.waiting <- line:
	default:
		q.dropped.Add(1)
	}
}
