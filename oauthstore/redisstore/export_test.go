package redisstore

import (
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Beat sets how often a watch proves that messages arrive, and how long it
// waits for one.
func (b *Backend) Beat(every, patience time.Duration) { b.beats = beats{every, patience} }

// Channel is the name of the channel that writes publish to.
func (b *Backend) Channel() string { return b.channel() }

// Internals for the fuzz test.
var (
	ParseRecord = parseRecord
	ParseNow    = parseNow
)

// RecordKey is the key of a record.
func RecordKey(prefix string, id backend.ID) string {
	return (&Backend{prefix: "{" + prefix + "}:"}).names(id).keys[0]
}
