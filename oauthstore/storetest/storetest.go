package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// An OpenFunc opens a handle on the named database, which is initially empty.
// Within one rule, the same name means the same database; different rules and
// runs use different names. A name has at most 40 lower-case letters, digits
// and underscores. OpenFunc closes and deletes with t.Cleanup what it creates;
// a rule may have closed the handle before. If opening fails, it stops t.
type OpenFunc func(t *testing.T, database string) backend.Backend

// Options configure [Run]. Nil means the defaults.
type Options struct {
	// Private means that a database has only one handle and is deleted with it,
	// like one in memory, so that rules that open it again are skipped. If false,
	// they run.
	Private bool
	// Damage makes a stored record of a database unreadable, as a failing disk or a
	// hand that edits it may. If nil, its data are replaced.
	Damage func(t *testing.T, database string, id backend.ID)
}

// Run checks every rule as a parallel subtest of t.
func Run(t *testing.T, open OpenFunc, opts *Options) {
	t.Helper()
	run := strings.ToLower(rand.Text()[:8])
	for i, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			c := newCase(t, t, open, fmt.Sprintf("storetest_%s_%02d", run, i), guard)
			if opts != nil && opts.Damage != nil {
				c.damage = func(id backend.ID) { opts.Damage(t, fmt.Sprintf("storetest_%s_%02d", run, i), id) }
			}
			if missing := r.missing(c.backend, opts); missing != "" {
				t.Skip("skipped: " + missing)
			}
			t.Log("rule: " + r.text)
			r.check(c)
		})
	}
}

// A rule is one requirement of the interface.
type rule struct {
	name  string // the outcome
	text  string // the requirement, printed with a failure
	needs []need
	check func(*testCase)
}

// A need is a capability beyond the interface that a rule requires.
type need string

const (
	needShared  need = "its databases have only one handle"
	needClose   need = "it does not implement io.Closer"
	needWatcher need = "it does not implement backend.Watcher"
	needBatch   need = "it does not implement backend.BatchGetter"
)

// missing returns the reason why the rule can't be checked with b, or "".
func (r rule) missing(b backend.Backend, opts *Options) string {
	_, closer := b.(io.Closer)
	_, watcher := b.(backend.Watcher)
	_, batch := b.(backend.BatchGetter)
	switch {
	case slices.Contains(r.needs, needShared) && opts != nil && opts.Private:
		return string(needShared)
	case slices.Contains(r.needs, needClose) && !closer:
		return string(needClose)
	case slices.Contains(r.needs, needWatcher) && !watcher:
		return string(needWatcher)
	case slices.Contains(r.needs, needBatch) && !batch:
		return string(needBatch)
	}
	return ""
}

// A testCase is the environment of a rule.
type testCase struct {
	require.TestingT                        // receives failures
	ctx              context.Context        //nolint:containedctx // of one rule
	backend          backend.Backend        // on a fresh database
	again            func() backend.Backend // opens another handle on the same database
	elsewhere        func() backend.Backend // opens a handle on another database
	damage           func(backend.ID)       // makes a record unreadable
}

// guard is the time limit of a rule, so that a hanging backend fails with the
// rule's name.
const guard = 2 * time.Minute

// newCase opens a new database with t and reports failures to report, which
// differs from t only in the tests of this package.
func newCase(t *testing.T, report require.TestingT, open OpenFunc, database string, limit time.Duration) *testCase {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	again := func() backend.Backend { return open(t, database) }
	elsewhere := func() backend.Backend { return open(t, database+"_other") }
	c := &testCase{TestingT: report, ctx: ctx, backend: again(), again: again, elsewhere: elsewhere}
	c.damage = func(id backend.ID) {
		rec, err := c.backend.Get(ctx, id)
		require.NoError(c, err)
		ifVersion := rec.Version
		rec.Version, rec.Data = ifVersion+1, []byte("damaged")
		require.NoError(c, c.backend.Put(ctx, id, rec, ifVersion))
	}
	return c
}

func rules() []rule {
	return slices.Concat(roundTripRules, isolationRules, casRules, listRules, damageRules, batchRules, contextRules, clockRules, handleRules, watchRules)
}

// id returns an id that differs from others in its subject.
func id(subject string) backend.ID {
	return backend.ID{
		Kind: backend.KindCredential, Tenant: "acme", Subject: subject,
		Provider: "asana", Server: "https://mcp.example.com/v2/mcp",
	}
}

// rec returns a record with that version and data that contains it.
func rec(version uint64) backend.Record {
	return backend.Record{Version: version, Data: fmt.Appendf(nil, "data of version %d", version)}
}

// at returns a fixed time with microseconds, plus n seconds.
func at(n int) time.Time {
	return time.Date(2026, 11, 22, 10, 0, n, 123456000, time.UTC)
}

// create puts a new record.
func (c *testCase) create(id backend.ID, rec backend.Record) {
	require.NoError(c, c.backend.Put(c.ctx, id, rec, 0), "creating %+v", id)
}

// stored requires that the backend has rec under id.
func (c *testCase) stored(b backend.Backend, id backend.ID, want backend.Record) {
	got, err := b.Get(c.ctx, id)
	require.NoError(c, err, "getting %+v", id)
	c.same(want, got)
}

// same requires that two records are equal except for Now.
func (c *testCase) same(want, got backend.Record) {
	require.Equal(c, want.Version, got.Version, "Version")
	require.Equal(c, string(want.Data), string(got.Data), "Data")
	c.sameTime(want.DueAt, got.DueAt, "DueAt")
	c.sameTime(want.ExpireAt, got.ExpireAt, "ExpireAt")
}

// sameTime requires the same microsecond, or that both are zero.
func (c *testCase) sameTime(want, got time.Time, field string) {
	require.Equal(c, want.IsZero(), got.IsZero(), "%s: want %v, got %v", field, want, got)
	require.Equal(c, want.UnixMicro(), got.UnixMicro(), "%s: want %v, got %v", field, want, got)
}

// absent requires that there is no record under id.
func (c *testCase) absent(b backend.Backend, id backend.ID) {
	_, err := b.Get(c.ctx, id)
	require.ErrorIs(c, err, backend.ErrNotFound, "getting %+v", id)
}
