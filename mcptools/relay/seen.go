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

// anyTool stands for all requests with a ticket, in place of a tool's name: its
// credential failed.
const anyTool = "\x00"

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

// get returns the last failure of a ticket that concerns a tool; nil if there is
// none.
func (s failures) get(id, tool string) *mcptools.Failure {
	last, _ := s.last.GetIfPresent(request{id, tool})
	if all, ok := s.last.GetIfPresent(request{id, anyTool}); ok && all.until.After(last.until) {
		last = all
	}
	if !time.Now().Before(last.until) {
		return nil
	}
	return last.failure
}
