package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A Pin says what a relay does with tools that changed since they were pinned.
type Pin string

// The values of a [Pin].
const (
	PinOff   Pin = "off"   // nothing is pinned; as ""
	PinWarn  Pin = "warn"  // changes are reported as events
	PinBlock Pin = "block" // also, a changed or new tool is not listed, and its calls are refused
)

const maxNameShown = 64 // of a tool, in a sentence

// statusOfMethod is the HTTP status of a method that is not permitted. Clients of
// older versions take a 404 for a session that expired.
func statusOfMethod(h http.Header) int {
	if h.Get(headerVersion) >= firstMirrored {
		return http.StatusNotFound
	}
	return http.StatusOK
}

// A lister asks the server for all its tools, each as JSON of the server.
type lister func(context.Context) ([]json.RawMessage, error)

// rules are the tool policy of one ticket. Safe for concurrent use.
type rules struct {
	policies *policies
	key      oauthstore.Key
	allowed  []string // if nil, all
	readOnly bool
	list     lister
	told     atomic.Int64 // changed tools that were reported
}

// rules returns the rules for a ticket. list is called where a decision needs a
// list and none is known.
func (p *policies) rules(key oauthstore.Key, allowed []string, readOnly bool, list lister) *rules {
	return &rules{policies: p, key: key, allowed: allowed, readOnly: readOnly, list: list}
}

// restricted reports whether some tool may be withheld. If so, only the methods
// that have to do with tools pass: resources and prompts would be a way around.
func (r *rules) restricted() bool {
	return r.allowed != nil || r.readOnly || r.policies.pin == PinBlock
}

// admit decides whether a message may be forwarded. The error is the lister's, or
// one of the store.
func (r *rules) admit(ctx context.Context, m message) (*refusal, error) {
	switch {
	case m.method == "" || strings.HasPrefix(m.method, notificationPrefix):
		return nil, nil //nolint:nilnil // no refusal
	case m.method == methodCall:
		return r.admitCall(ctx, m)
	case m.method == methodList:
		_, err := r.pins(ctx)
		return nil, err
	case !r.restricted(), m.method == methodInitialize, m.method == methodDiscover, m.method == methodPing:
		return nil, nil //nolint:nilnil // no refusal
	}
	return refuse(m.id, m.methodStatus, codeMethod, "the ticket permits tools only, and not this method"), nil
}

func (r *rules) admitCall(ctx context.Context, m message) (*refusal, error) {
	deny := func(why string) (*refusal, error) {
		return refuse(m.id, http.StatusOK, codeParams, fmt.Sprintf("the tool %q %s", safetext.Excerpt(m.tool, maxNameShown), why)), nil
	}
	if r.allowed != nil && !slices.Contains(r.allowed, m.tool) {
		return deny("is not among those that the ticket allows")
	}
	pins, err := r.pins(ctx)
	if err != nil || !r.readOnly && r.policies.pin != PinBlock {
		return nil, err
	}
	tool, ok, err := r.policies.tools.find(ctx, r.key, m.tool, r.list)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return deny("is not listed by the server")
	case r.readOnly && !tool.readOnly:
		return deny("is not annotated as read-only, and the ticket allows no other tools")
	case r.policies.pin != PinBlock:
		return nil, nil //nolint:nilnil // no refusal
	}
	if changes := pins.Compare(tool.print); len(changes) > 0 {
		r.tell(ctx, tool.print, changes)
		return deny(sentence(changes))
	}
	return nil, nil //nolint:nilnil // no refusal
}
