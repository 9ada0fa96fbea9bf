package toolpin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/toolgrant/toolgrant/internal/exactjson"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// What changed about a tool. The words are those of the command's contract.
const (
	Description = "description"
	Schema      = "schema" // of the input
	Annotations = "annotations"
	New         = "new"     // it is not pinned
	Removed     = "removed" // it is pinned, and the server does not list it
)

const (
	maxName  = 256  // bytes of a name; OpenAI takes 64
	maxTools = 1000 // that are pinned, so that they fit into a record
)

var errTool = errors.New("not the definition of a tool")

// A Print is the fingerprint of a tool: a SHA-256 of each part.
type Print struct {
	Name                             string
	Description, Schema, Annotations string
}

// Of returns the fingerprint of a tool, as a server lists it. Notation and the
// order of members make no difference. A definition that clients may read
// differently, or that is nested more than 64 levels deep, is an error.
func Of(tool json.RawMessage) (Print, error) {
	o, err := exactjson.Read(tool)
	if err != nil || o.Ambiguous("name", "description", "inputSchema", "annotations") {
		return Print{}, errTool
	}
	name, ok := o.String("name")
	if !ok || name == "" || len(name) > maxName {
		return Print{}, errTool
	}
	p := Print{Name: name}
	for member, sum := range map[string]*string{"description": &p.Description, "inputSchema": &p.Schema, "annotations": &p.Annotations} {
		value := json.RawMessage("null")
		if o.Has(member) {
			if value, err = exactjson.Canonical(o.Get(member)); err != nil {
				return Print{}, errTool
			}
		}
		digest := sha256.Sum256(value)
		*sum = base64.RawStdEncoding.EncodeToString(digest[:])
	}
	return p, nil
}

// Pins are the pinned tools of a server. Not changed once loaded.
type Pins struct {
	tools   map[string]Print
	version uint64 // of the record; 0: none
}

// Compare returns what changed about a tool; nil if nothing did. Without pins
// everything is new.
func (p *Pins) Compare(now Print) []string {
	var pinned Print
	if p != nil {
		pinned = p.tools[now.Name]
	}
	if pinned.Name == "" {
		return []string{New}
	}
	var changes []string
	if pinned.Description != now.Description {
		changes = append(changes, Description)
	}
	if pinned.Schema != now.Schema {
		changes = append(changes, Schema)
	}
	if pinned.Annotations != now.Annotations {
		changes = append(changes, Annotations)
	}
	return changes
}

// A Change is a tool that changed.
type Change struct {
	Tool    string
	Changes []string
}

// Diff compares all tools of a server, sorted by name.
func (p *Pins) Diff(now []Print) []Change {
	listed := make(map[string]bool, len(now))
	var all []Change
	for _, tool := range now {
		listed[tool.Name] = true
		if c := p.Compare(tool); c != nil {
			all = append(all, Change{tool.Name, c})
		}
	}
	if p != nil {
		for _, name := range slices.Sorted(maps.Keys(p.tools)) {
			if !listed[name] {
				all = append(all, Change{name, []string{Removed}})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Change) int { return cmp.Compare(a.Tool, b.Tool) })
	return all
}

func recordID(k oauthstore.Key) backend.ID {
	return backend.ID{
		Kind: backend.KindPins, Tenant: k.Owner.Tenant, Subject: k.Owner.Subject,
		Provider: k.Provider, Account: k.Account, Server: k.Server,
	}
}

// record is the sealed form of pins: three sums by name.
type record struct {
	Tools map[string][3]string `json:"tools"`
}

// Load returns the pins of a credential; nil if there are none. With the error of
// a record that can't be opened it returns empty pins, which [Save] may replace.
func Load(ctx context.Context, store *oauthstore.Store, key oauthstore.Key) (*Pins, error) {
	data, version, err := storehandle.Of(store).Records().Load(ctx, recordID(key))
	if errors.Is(err, backend.ErrNotFound) {
		return nil, nil //nolint:nilnil // as documented
	}
	if err != nil {
		return &Pins{version: version}, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return &Pins{version: version}, errors.Join(backend.ErrSeal, err)
	}
	p := &Pins{tools: make(map[string]Print, len(r.Tools)), version: version}
	for name, sums := range r.Tools {
		p.tools[name] = Print{Name: name, Description: sums[0], Schema: sums[1], Annotations: sums[2]}
	}
	return p, nil
}

// Replaceable reports whether err is that of pins that can't be opened: their key
// is lost, or they were altered.
func Replaceable(err error) bool { return storehandle.Unreadable(err) }

// Save stores the tools in place of old, which may be nil, and returns the new
// pins. If another process stored pins meanwhile, the error matches
// [backend.ErrConflict]. Of tools with the same name the first is pinned.
func Save(ctx context.Context, store *oauthstore.Store, key oauthstore.Key, now []Print, old *Pins) (*Pins, error) {
	p := &Pins{tools: make(map[string]Print, len(now))}
	r := record{make(map[string][3]string, len(now))}
	for _, tool := range now[:min(len(now), maxTools)] {
		if _, ok := p.tools[tool.Name]; ok {
			continue
		}
		p.tools[tool.Name] = tool
		r.Tools[tool.Name] = [3]string{tool.Description, tool.Schema, tool.Annotations}
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var version uint64
	if old != nil {
		version = old.version
	}
	p.version, err = storehandle.Of(store).Records().Save(ctx, recordID(key), data, time.Time{}, version)
	if err != nil {
		return nil, err
	}
	return p, nil
}
