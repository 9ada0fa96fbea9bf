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

// An OpenFunc returns a handle on the named database, which begins empty. The
// same name within one rule means the same database, and the names of different
// rules and runs differ; a name has lower-case letters, digits and underscores,
// at most 40. What it opens it closes and removes with t.Cleanup; a rule may
// have closed the handle before. It stops t where it fails.
type OpenFunc func(t *testing.T, database string) backend.Backend

// Options for [Run]. Nil means the defaults.
type Options struct {
	// Private: a database has one handle and ends with it, as one in memory
	// does, so that rules on opening it again are skipped. Default: false.
	Private bool
}

// Run checks every rule as a parallel subtest of t.
func Run(t *testing.T, open OpenFunc, opts *Options) {
	t.Helper()
	run := strings.ToLower(rand.Text()[:8])
	for i, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			c := newCase(t, t, open, fmt.Sprintf("storetest_%s_%02d", run, i), guard)
			if missing := r.missing(c.backend, opts); missing != "" {
				t.Skip("left out: " + missing)
			}
			t.Log("rule: " + r.says)
			r.check(c)
		})
	}
}

// A rule is one promise of the interface.
type rule struct {
	name  string // the outcome
	says  string // the promise, for the reader of a failure
	needs []need
	check func(*testCase)
}

// A need is what a rule asks of a backend beyond the interface.
type need string

const (
	needShared  need = "its databases have one handle only"
	needClose   need = "it has no Close"
	needWatcher need = "it is no backend.Watcher"
)

// missing returns why the rule can't be checked on b, or "".
func (r rule) missing(b backend.Backend, opts *Options) string {
	_, closer := b.(io.Closer)
	_, watcher := b.(backend.Watcher)
	switch {
	case slices.Contains(r.needs, needShared) && opts != nil && opts.Private:
		return string(needShared)
	case slices.Contains(r.needs, needClose) && !closer:
		return string(needClose)
	case slices.Contains(r.needs, needWatcher) && !watcher:
		return string(needWatcher)
	}
	return ""
}

// A testCase is what a rule works with.
type testCase struct {
	require.TestingT                        // where failures go
	ctx              context.Context        //nolint:containedctx // of one rule, for whose duration the case lives
	backend          backend.Backend        // on a fresh database
	again            func() backend.Backend // a further handle on the same database
	elsewhere        func() backend.Backend // a handle on another one
}

// guard bounds a rule, so that a backend that hangs fails with its name.
const guard = 2 * time.Minute

// newCase opens a fresh database with t and reports to report: the same, except
// in the tests of this package.
func newCase(t *testing.T, report require.TestingT, open OpenFunc, database string, limit time.Duration) *testCase {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	again := func() backend.Backend { return open(t, database) }
	elsewhere := func() backend.Backend { return open(t, database+"_other") }
	return &testCase{TestingT: report, ctx: ctx, backend: again(), again: again, elsewhere: elsewhere}
}

func rules() []rule {
	return slices.Concat(roundTripRules, isolationRules, casRules, listRules, contextRules, clockRules, handleRules, watchRules)
}

// id returns an id that differs from others in its subject.
func id(subject string) backend.ID {
	return backend.ID{
		Kind: backend.KindCredential, Tenant: "acme", Subject: subject,
		Provider: "asana", Server: "https://mcp.example.com/v2/mcp",
	}
}

// rec returns a record with that version and data that names it.
func rec(version uint64) backend.Record {
	return backend.Record{Version: version, Data: fmt.Appendf(nil, "data of version %d", version)}
}

// at returns a time with microseconds, n seconds after some moment.
func at(n int) time.Time {
	return time.Date(2026, 11, 22, 10, 0, n, 123456000, time.UTC)
}

// create puts a record that is not there yet.
func (c *testCase) create(id backend.ID, rec backend.Record) {
	require.NoError(c, c.backend.Put(c.ctx, id, rec, 0), "creating %+v", id)
}

// stored requires that the backend holds rec under id, as far as a backend
// keeps it.
func (c *testCase) stored(b backend.Backend, id backend.ID, want backend.Record) {
	got, err := b.Get(c.ctx, id)
	require.NoError(c, err, "getting %+v", id)
	c.same(want, got)
}

// same requires that two records are equal but for Now.
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

// absent requires that there is nothing under id.
func (c *testCase) absent(b backend.Backend, id backend.ID) {
	_, err := b.Get(c.ctx, id)
	require.ErrorIs(c, err, backend.ErrNotFound, "getting %+v", id)
}
