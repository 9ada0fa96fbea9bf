package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

// A request that is sent again, or without a server, has nothing of the first
// one going on.
func TestNothingGoesOnOfARequestThatFailed(t *testing.T) {
	t.Parallel()
	failure := &mcptools.Failure{Kind: mcptools.KindServerError, Action: mcptools.ActionWait}
	for _, after := range []session.EventType{session.EventRetrying, session.EventSkipped} {
		t.Run(string(after), func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			a := &app{stdout: &out, stderr: &out, ui: newUI(&out)}
			v := a.newView(&runTools{names: map[string]string{"notes": "notes"}}, "gpt-5")
			defer v.end()
			v.show(session.Event{Type: session.EventListing, Label: "notes"})
			assert.Equal(t, "listing notes", v.going())
			v.show(session.Event{Type: after, Label: "notes", Failure: failure})
			assert.Equal(t, "waiting for gpt-5", v.going())
			v.show(session.Event{Type: session.EventListing, Label: "notes"})
			v.show(session.Event{Type: session.EventListed, Label: "notes", Tools: 1})
			assert.Equal(t, "waiting for gpt-5", v.going())
		})
	}
}
