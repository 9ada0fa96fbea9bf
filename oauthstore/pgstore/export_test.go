package pgstore

import "time"

// Beat sets how often a watch proves that notifications arrive, and how long it
// waits for one.
func (b *Backend) Beat(every, patience time.Duration) { b.beats = beats{every, patience} }

// Channel is the name of the channel that writes notify.
func (b *Backend) Channel() string { return b.channel }

// Waiting is how many writes wait for a statement.
func (b *Backend) Waiting() int {
	n := 0
	for _, c := range []*combiner{&b.creates, &b.updates} {
		c.mu.Lock()
		n += len(c.waiting)
		c.mu.Unlock()
	}
	return n
}
