package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/maypok86/otter/v2"

	"github.com/toolgrant/toolgrant/internal/toolpin"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// policies keeps what the rules of all tickets share: the pins in the store, and
// what the servers listed. Safe for concurrent use.
type policies struct {
	store   *oauthstore.Store
	pin     Pin
	tools   *toolCache
	changed func(ctx context.Context, key oauthstore.Key, tool, change string)
	told    *otter.Cache[[sha256.Size]byte, struct{}] // changes that were reported
}

const (
	// maxTold bounds how many changes are remembered as reported.
	maxTold = 10_000
	// maxTellings bounds how many changed tools one request reports. No more are pinned.
	maxTellings = maxListed
)

// newPolicies returns the policies of a relay. changed is called once for each
// change of a tool, with one of the words "description", "schema", "annotations"
// and "new"; it may be nil.
func newPolicies(store *oauthstore.Store, pin Pin, changed func(ctx context.Context, key oauthstore.Key, tool, change string)) *policies {
	return &policies{
		store: store, pin: pin, changed: changed, tools: newToolCache(pin == PinWarn || pin == PinBlock),
		told: otter.Must(&otter.Options[[sha256.Size]byte, struct{}]{
			MaximumSize: maxTold,
			Executor:    func(evict func()) { evict() }, // no goroutine
		}),
	}
}

// pins returns the pins of the credential; nil if pins are off. Without any, it
// pins what the server lists now. Where nothing is withheld, an error is no
// reason to refuse a message.
func (r *rules) pins(ctx context.Context) (*toolpin.Pins, error) {
	if !r.policies.tools.prints {
		return nil, nil //nolint:nilnil // as documented
	}
	pins, err := r.loadPins(ctx)
	if err != nil && r.policies.pin == PinWarn {
		return nil, nil //nolint:nilnil // as documented
	}
	return pins, err
}

func (r *rules) loadPins(ctx context.Context) (*toolpin.Pins, error) {
	store := r.policies.store
	pins, err := toolpin.Load(ctx, store, r.key)
	if err != nil || pins != nil {
		return pins, err
	}
	tools, err := r.policies.tools.fetch(ctx, r.key, r.list)
	if err != nil {
		return nil, err
	}
	var prints []toolpin.Print
	for _, tool := range tools {
		if tool.print.Schema != "" { // else it stays new
			prints = append(prints, tool.print)
		}
	}
	pins, err = toolpin.Save(ctx, store, r.key, prints, nil)
	if errors.Is(err, backend.ErrConflict) { // another replica was first
		return toolpin.Load(ctx, store, r.key)
	}
	return pins, err
}

// tell reports the changes of a tool, once for each definition.
func (r *rules) tell(ctx context.Context, p toolpin.Print, changes []string) {
	if r.policies.changed == nil || r.told.Add(1) > maxTellings {
		return
	}
	k := r.key
	id := sha256.Sum256(joined(
		k.Owner.Tenant, k.Owner.Subject, k.Provider, k.Account, k.Server, p.Name, p.Description, p.Schema, p.Annotations,
	))
	if _, added := r.policies.told.SetIfAbsent(id, struct{}{}); !added {
		return
	}
	for _, change := range changes {
		r.policies.changed(ctx, r.key, p.Name, change)
	}
}

// sentence says what changed about a tool.
func sentence(changes []string) string {
	if changes[0] == toolpin.New {
		return "is new since the tools were pinned"
	}
	return "changed since it was pinned (" + strings.Join(changes, ", ") + ")"
}
