package storetest

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// Rules returns the names of all rules.
func Rules() []string {
	var names []string
	for _, r := range rules() {
		names = append(names, r.name)
	}
	return names
}

// Check checks one rule with a backend of open and returns the failure, or ""
// if the backend passes.
func Check(t *testing.T, name string, open OpenFunc, limit time.Duration) string {
	t.Helper()
	for _, r := range rules() {
		if r.name != name {
			continue
		}
		rep := &report{}
		done := make(chan struct{})
		go func() { // FailNow ends this goroutine
			defer close(done)
			r.check(newCase(t, rep, open, "broken", limit))
		}()
		<-done
		return rep.text
	}
	t.Fatalf("unknown rule %q", name)
	return ""
}

// A report is a [require.TestingT] that records the failure.
type report struct{ text string }

func (r *report) Errorf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) }

func (r *report) FailNow() {
	if r.text == "" {
		r.text = "failed"
	}
	runtime.Goexit()
}
