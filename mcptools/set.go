package mcptools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A Set builds the entries of several providers at once. Labels and order are
// fixed, since prompt caching and tool lists in the context depend on them. It is
// safe for concurrent use.
type Set struct {
	builders []*Builder
}

// NewSet returns a set of builders in that order. The error joins all faults. All
// builders are for the same platform, which may limit their number.
// Labels must be unique in a request. OpenAI does not document whether their case
// counts, so they must differ in more than case.
func NewSet(builders ...*Builder) (*Set, error) {
	var f faults
	if len(builders) == 0 {
		f.addf("a set needs at least one builder")
	}
	taken := make(map[string]string, len(builders))
	for i, b := range builders {
		if b == nil {
			f.addf("builder %d of the set is nil", i)
			continue
		}
		if b.label == "" {
			f.addf("builder %d of the set is empty: make it with NewBuilder", i)
			continue
		}
		folded := strings.ToLower(b.label)
		if other, ok := taken[folded]; ok {
			f.addf("label %q is taken by %q already", b.label, other)
			continue
		}
		taken[folded] = b.label
		if first := builders[0]; first != nil && first.label != "" && first.platform.ID != b.platform.ID {
			f.addf("%q is for %s and %q for %s: a request goes to one platform", first.label, first.platform.Name, b.label, b.platform.Name)
		}
	}
	if len(taken) > 0 && builders[0] != nil {
		if most := builders[0].platform.MaxServers; most > 0 && len(builders) > most {
			f.addf("a set for %s has at most %d servers in a request, and this one has %d", builders[0].platform.Name, most, len(builders))
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return &Set{builders: slices.Clone(builders)}, nil
}

// Labels returns the labels of the set, in its order.
func (s *Set) Labels() []string {
	labels := make([]string, len(s.builders))
	for i, b := range s.builders {
		labels[i] = b.label
	}
	return labels
}

// Without returns a set without those labels, in the same order, to continue
// without a server that fails. It may be empty, and then builds nothing.
func (s *Set) Without(labels ...string) *Set {
	rest := slices.DeleteFunc(slices.Clone(s.builders), func(b *Builder) bool { return slices.Contains(labels, b.label) })
	return &Set{builders: rest}
}

// Verifier returns a function that asks the MCP server whether it accepts a
// token, such as for the options of package connect: that of the builder for the
// key's provider and server. The verdict is [oauthstore.OutcomeUnknown] if the
// set has none.
func (s *Set) Verifier() func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
	return func(ctx context.Context, key oauthstore.Key, t oauthstore.Token) oauthstore.Verdict {
		for _, b := range s.builders {
			if b.serves(key) {
				return b.Verifier()(ctx, key, t)
			}
		}
		return oauthstore.Verdict{Detail: "no builder of the set is for this provider and server", At: time.Now()}
	}
}

// platform returns the platform of the set's entries, which is zero for an empty set.
func (s *Set) platform() platform.Platform {
	if len(s.builders) == 0 {
		return platform.Platform{}
	}
	return s.builders[0].platform
}

// SetBuildOptions configures the entries of one request.
type SetBuildOptions struct {
	// MinTTL is [BuildOptions.MinTTL] for all providers. If zero, that of each
	// builder.
	MinTTL time.Duration

	// RequireTTL is [BuildOptions.RequireTTL] for all providers. If false, that of
	// Each.
	RequireTTL bool

	// InsecurePlainHTTP lets the request to the Responses API carry the tokens
	// over plain http, such as to a gateway inside a cluster. [Set.Build] sends
	// nothing itself; [Result.Option] applies it. If false, that option refuses a
	// URL that is neither https nor on loopback.
	InsecurePlainHTTP bool

	// ConsentURL returns the page at which the owner of a key connects; see
	// [BuildOptions]. If nil, failures have the page that the platform names.
	ConsentURL func(key oauthstore.Key) string

	// Each has the options of single entries, by label. MinTTL, RequireTTL and
	// ConsentURL above apply unless they are set there. If nil, none.
	Each map[string]BuildOptions

	// SkipFailures leaves out each provider whose entry can't be built, instead of
	// returning an error. If false, only providers that the owner has not connected
	// are left out.
	SkipFailures bool
}

// A Skipped is a provider that [Set.Build] left out.
type Skipped struct {
	Label    string   // server_label of its entry
	Provider string   // its id
	Failure  *Failure // why
}

// MarshalJSON returns provider, label, kind and action, and consent_url if there is
// one. It never fails.
func (s Skipped) MarshalJSON() ([]byte, error) {
	f := s.Failure
	if f == nil {
		f = &Failure{Kind: KindUnknown, Action: ActionNone}
	}
	return json.Marshal(struct {
		Provider string `json:"provider"`
		Label    string `json:"label"`
		Kind     Kind   `json:"kind"`
		Action   Action `json:"action"`
		Consent  string `json:"consent_url,omitempty"`
	}{s.Provider, s.Label, f.Kind, f.Action, safetext.Line(f.ConsentURL)})
}

// A Result has the entries for one request, from [Set.Build]. Printing, logging or
// encoding it shows the entries without their secrets.
type Result struct {
	Entries []Entry   // in the set's order
	Skipped []Skipped // providers that were left out, in the set's order

	plainHTTP bool // SetBuildOptions.InsecurePlainHTTP
}

// Entry returns the entry with that label, and whether there is one.
func (r Result) Entry(label string) (Entry, bool) {
	i := slices.IndexFunc(r.Entries, func(e Entry) bool { return e.Label == label })
	if i < 0 {
		return Entry{}, false
	}
	return r.Entries[i], true
}

// Tools returns the entries for the request.
func (r Result) Tools() []responses.ToolUnionParam {
	tools := make([]responses.ToolUnionParam, len(r.Entries))
	for i, e := range r.Entries {
		tools[i] = e.Tool()
	}
	return tools
}

// MarshalJSON returns the entries, redacted, and the skipped providers. Its error is
// that of an entry.
func (r Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Entries []Entry   `json:"entries"`
		Skipped []Skipped `json:"skipped"`
	}{r.Entries, r.Skipped})
}

// Format implements [fmt.Formatter]: every verb prints the text of MarshalJSON.
func (r Result) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, r.text()) }

// LogValue implements [slog.LogValuer] with the text of MarshalJSON.
func (r Result) LogValue() slog.Value { return slog.StringValue(r.text()) }

func (r Result) text() string {
	data, err := r.MarshalJSON()
	if err != nil {
		return "mcptools.Result"
	}
	return string(data)
}

// Build builds all entries concurrently. Credentials of one [oauthstore.Store] that
// are not cached cost one read of its backend, if that is a backend.BatchGetter. Providers that the owner has not
// connected are in Skipped. The error joins the [*Failure] of every other provider
// that failed, and then no entry is returned; see [SetBuildOptions.SkipFailures].
// If ctx ends, Build returns an error in any case. opts may be nil.
func (s *Set) Build(ctx context.Context, owner oauthstore.Owner, opts *SetBuildOptions) (Result, error) {
	var o SetBuildOptions
	if opts != nil {
		o = *opts
	}
	var unknown faults
	for label := range o.Each {
		if !slices.ContainsFunc(s.builders, func(b *Builder) bool { return b.label == label }) {
			unknown.addf("SetBuildOptions.Each names %q, which is not a label of the set", label)
		}
	}
	if err := unknown.err(); err != nil {
		return Result{}, newRefusal(KindMisconfigured, "", "", "the options name an unknown label", err)
	}

	entries := make([]Entry, len(s.builders))
	errs := make([]error, len(s.builders))
	var wg sync.WaitGroup
	for _, read := range s.prefetch(owner, o.Each) {
		wg.Go(func() { read(ctx) })
	}
	for i, b := range s.builders {
		each := o.Each[b.label]
		if each.MinTTL == 0 {
			each.MinTTL = o.MinTTL
		}
		each.RequireTTL = each.RequireTTL || o.RequireTTL
		if each.ConsentURL == nil {
			each.ConsentURL = o.ConsentURL
		}
		wg.Go(func() { entries[i], errs[i] = b.Entry(ctx, owner, &each) })
	}
	wg.Wait()

	r := Result{plainHTTP: o.InsecurePlainHTTP}
	var fatal []error
	for i, b := range s.builders {
		f, ok := AsFailure(errs[i])
		switch {
		case errs[i] == nil:
			r.Entries = append(r.Entries, entries[i])
		case ok && (f.Kind == KindNotConnected || o.SkipFailures && ctx.Err() == nil):
			r.Skipped = append(r.Skipped, Skipped{Label: b.label, Provider: b.provider.ID, Failure: f})
		default:
			fatal = append(fatal, errs[i])
		}
	}
	if len(fatal) > 0 {
		return Result{}, errors.Join(fatal...)
	}
	return r, nil
}

// prefetch returns functions that read the credentials of builders with a common
// store at once.
func (s *Set) prefetch(owner oauthstore.Owner, each map[string]BuildOptions) []func(context.Context) {
	ids := make(map[*oauthstore.Store][]backend.ID)
	for _, b := range s.builders {
		store, ok := b.creds.(*oauthstore.Store)
		if !ok || b.relay != nil { // with a relay, Build reads the state and not the token
			continue
		}
		opts := each[b.label]
		if key, err := b.Key(owner, &opts); err == nil {
			ids[store] = append(ids[store], backend.ID{
				Kind: backend.KindCredential, Tenant: owner.Tenant, Subject: owner.Subject,
				Provider: key.Provider, Account: key.Account, Server: key.Server,
			})
		}
	}
	var reads []func(context.Context)
	for store, wanted := range ids {
		if read := storehandle.Of(store).Prefetch(wanted); read != nil {
			reads = append(reads, read)
		}
	}
	return reads
}
