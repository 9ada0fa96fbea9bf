package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The machine is twice as slow in every other round, and both rows with it.
func TestRatiosHoldOnAMachineWhoseSpeedChanges(t *testing.T) { //nolint:paralleltest // counts allocations
	for name, each := range map[string]bool{"windows": false, "single calls": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				call := func(d time.Duration) func() {
					return func() {
						if time.Since(start)/time.Second%2 == 1 {
							d *= 2
							defer func() { d /= 2 }()
						}
						<-time.After(d)
					}
				}
				all := measure([]row{
					{name: "floor", window: time.Millisecond, each: each, do: call(100 * time.Microsecond)},
					{name: "ours", against: "floor", window: time.Millisecond, each: each, do: call(150 * time.Microsecond), goal: goal{ratio: 1.5, extra: 100 * time.Microsecond}},
				}, 10*time.Second)
				r := newReport(all, nil)
				ours := r.Rows[1]
				assert.InDelta(t, 1.5, ours.Ratio, 0.001)
				require.NotNil(t, ours.Met)
				assert.True(t, *ours.Met)
				assert.Equal(t, each, ours.P99 > 0)
			})
		})
	}
}

func TestAMissedGoalIsNotMet(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		goal goal
		met  bool
	}{
		"ratio":           {goal{ratio: 1.35}, false},
		"ratio met":       {goal{ratio: 1.36}, true},
		"difference":      {goal{extra: 2 * time.Microsecond}, false},
		"difference met":  {goal{extra: 3 * time.Microsecond}, true},
		"allocations":     {goal{ratio: 2, allocs: -1}, false},
		"allocations met": {goal{ratio: 2, allocs: 1}, true},
	} {
		text, met := tc.goal.judge(result{Ratio: 1.36, ExtraNS: 3000, Allocs: 1})
		assert.NotEmpty(t, text, name)
		assert.Equal(t, tc.met, met, name)
	}
	text, _ := goal{}.judge(result{})
	assert.Empty(t, text)
	for _, tc := range []struct {
		check check
		met   bool
	}{
		{atMost("relay", 2.5, 2.5), true},
		{atMost("relay", 2.51, 2.5), false},
		{atLeast("relay", 0.8, 0.8), true},
		{atLeast("relay", 0.79, 0.8), false},
	} {
		assert.Equal(t, tc.met, *tc.check.Met, tc.check)
	}
}
