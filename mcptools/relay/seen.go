package relay

import (
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/toolgrant/toolgrant/mcptools"
)

const (
	seenFor = time.Hour
	maxSeen = 10_000
)

// failures remembers the last failure of each ticket and tool for a while. Safe for
// concurrent use.
type failures struct {
	last *otter.Cache[request, remembered]
}

// A request is what failures are remembered by: a ticket, and the tool of a call.
type request struct{ ticketID, tool string }

type remembered struct {
	failure *mcptools.Failure
	until   time.Time
}

func newFailures() failures {
	return failures{otter.Must(&otter.Options[request, remembered]{
		MaximumSize: maxSeen,
		Executor:    func(evict func()) { evict() }, // no goroutine
	})}
}

// note records how a request ended; f is nil if it succeeded.
func (s failures) note(r request, f *mcptools.Failure) {
	if f != nil {
		s.last.Set(r, remembered{f, time.Now().Add(seenFor)})
	} else if _, ok := s.last.GetIfPresent(r); ok {
		s.last.Invalidate(r)
	}
}

func (s failures) get(r request) *mcptools.Failure {
	last, ok := s.last.GetIfPresent(r)
	if !ok || !time.Now().Before(last.until) {
		return nil
	}
	return last.failure
}
