package main

import (
	"cmp"
	"slices"
	"testing"
	"time"
)

// A row is one measured operation.
type row struct {
	name string
	do   func() // one call; it panics if the call fails
	// against is the name of the row whose time the row's is compared with. If
	// empty, none.
	against string
	goal    goal
	// window is how long one round calls do. If zero, 100 µs. Operations that take
	// longer than a microsecond need more.
	window time.Duration
	// each times single calls: percentiles are reported, and a round's time is that
	// of its fastest call. It needs calls of many microseconds, since it reads the
	// clock twice for each.
	each bool
}

// A goal bounds a row. The zero value bounds nothing.
type goal struct {
	ratio  float64       // most, of the time against the other row's
	extra  time.Duration // most, beyond the other row's time
	allocs int           // most allocations of a call; negative: none
}

// A sample is a measured row.
type sample struct {
	row
	other  *row      // that the row is compared with; nil: none
	calls  int       // in one round
	rounds []float64 // nanoseconds of a call, by round
	others []float64 // of the other row's, by round
	single []float64 // nanoseconds of single calls, with each
	allocs float64
}

// measure calls the rows in turn, round after round, until the time is over. In
// each round a row is measured right beside the row that it is compared with.
func measure(rows []row, length time.Duration) []*sample {
	byName := make(map[string]*row, len(rows))
	for i := range rows {
		byName[rows[i].name] = &rows[i]
	}
	all := make([]*sample, len(rows))
	for i, r := range rows {
		s := &sample{row: r, other: byName[r.against]}
		s.window = cmp.Or(s.window, 100*time.Microsecond)
		s.allocs = testing.AllocsPerRun(100, s.do)
		s.calibrate()
		all[i] = s
	}
	for start := time.Now(); time.Since(start) < length; {
		for _, s := range all {
			if s.each {
				s.roundOfSingleCalls()
			} else {
				s.round()
			}
		}
	}
	return all
}

// calibrate chooses how many calls fill a window.
func (s *sample) calibrate() {
	start, n := time.Now(), 0
	for ; time.Since(start) < 10*s.window; n++ {
		s.do()
	}
	s.calls = max(n/10, 1)
}

// round times the calls of a window together. Whether the other row's come first
// changes from round to round.
func (s *sample) round() {
	first := len(s.rounds)%2 == 0
	if first && s.other != nil {
		s.others = append(s.others, s.time(s.other.do))
	}
	s.rounds = append(s.rounds, s.time(s.do))
	if !first && s.other != nil {
		s.others = append(s.others, s.time(s.other.do))
	}
}

func (s *sample) time(do func()) float64 {
	start := time.Now()
	for range s.calls {
		do()
	}
	return float64(time.Since(start)) / float64(s.calls)
}

// roundOfSingleCalls times each call, in turn with those of the other row. The
// fastest of each counts: a call that waits for a server gives up its processor,
// and on a busy machine the median is the wait for getting it back.
func (s *sample) roundOfSingleCalls() {
	var own, others []float64
	for range s.calls {
		if s.other != nil {
			start := time.Now()
			s.other.do()
			others = append(others, float64(time.Since(start)))
		}
		start := time.Now()
		s.do()
		own = append(own, float64(time.Since(start)))
	}
	s.single = append(s.single, own...)
	s.rounds = append(s.rounds, slices.Min(own))
	if s.other != nil {
		s.others = append(s.others, slices.Min(others))
	}
}

// compared returns the medians, over the rounds, of the ratio to the other row
// and of the difference from it.
func (s *sample) compared() (ratio, extra float64) {
	ratios, extras := make([]float64, len(s.others)), make([]float64, len(s.others))
	for i, other := range s.others {
		ratios[i], extras[i] = s.rounds[i]/other, s.rounds[i]-other
	}
	return percentile(ratios, 50), percentile(extras, 50)
}

// percentile returns the p-th percentile of values, which may be in any order; 0
// if there are none.
func percentile(values []float64, p int) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)*p/100]
}
