package policy_test

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// minExamples is the least number of examples with checked output in a public
// package.
const minExamples = 3

// fewExamples are the packages with fewer, and why.
var fewExamples = map[string]struct {
	n   int
	why string
}{
	"oauthstore/actor":      {1, "its two functions belong together"},
	"oauthstore/deletion":   {1, "it is one struct"},
	"oauthstore/health":     {1, "it is one struct"},
	"oauthstore/redisstore": {2, "others need a server, and an example can't be skipped"},
	"oauthstore/storetest":  {0, "Run needs the T of a test: the package comment has the code"},
}

// reference returns the packages whose reference is read by users: the public ones
// except those of examples.
func reference(t *testing.T) []listed {
	t.Helper()
	return slices.DeleteFunc(public(t), func(p listed) bool { return fits(p.room(), "examples/...") })
}

// checkedExamples returns the number of examples in files whose output is checked.
func checkedExamples(files ...*ast.File) int {
	n := 0
	for _, e := range doc.Examples(files...) {
		if e.Output != "" {
			n++
		}
	}
	return n
}

// wrongExamples returns a sentence for each package with too few examples, and for
// each exception that is not needed.
func wrongExamples(counts map[string]int) []string {
	var wrong []string
	for _, room := range slices.Sorted(maps.Keys(counts)) {
		few, isFew := fewExamples[room]
		switch n := counts[room]; {
		case !isFew && n < minExamples:
			wrong = append(wrong, fmt.Sprintf("%s has %d examples with checked output, and needs %d", room, n, minExamples))
		case isFew && n < few.n:
			wrong = append(wrong, fmt.Sprintf("%s has %d examples with checked output, and needs %d", room, n, few.n))
		case isFew && n >= minExamples:
			wrong = append(wrong, fmt.Sprintf("%s has %d examples now: remove it from fewExamples", room, n))
		case isFew && n > few.n:
			wrong = append(wrong, fmt.Sprintf("%s has %d examples now: correct fewExamples", room, n))
		}
	}
	for room := range fewExamples {
		if _, ok := counts[room]; !ok {
			wrong = append(wrong, fmt.Sprintf("there is no package %s: remove it from fewExamples", room))
		}
	}
	return wrong
}

func TestEveryPublicPackageHasExamples(t *testing.T) {
	t.Parallel()
	counts := map[string]int{}
	for _, p := range reference(t) {
		names, err := filepath.Glob(filepath.Join(p.Dir, "*_test.go"))
		require.NoError(t, err)
		var files []*ast.File
		for _, name := range names {
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, f)
		}
		counts[p.room()] = checkedExamples(files...)
	}
	assert.Empty(t, wrongExamples(counts))
}

func TestMissingExamplesAreDetected(t *testing.T) {
	t.Parallel()
	counts := map[string]int{"mcptools": 3}
	for room, few := range fewExamples {
		counts[room] = few.n
	}
	require.Empty(t, wrongExamples(counts))
	for room, n := range map[string]int{"mcptools": 2, "oauthstore/actor": 0, "oauthstore/health": 2, "oauthstore/redisstore": 3} {
		changed := maps.Clone(counts)
		changed[room] = n
		assert.Len(t, wrongExamples(changed), 1, room)
	}
	delete(counts, "oauthstore/storetest")
	assert.Len(t, wrongExamples(counts), 1)

	f, err := parser.ParseFile(token.NewFileSet(), "x_test.go", `package x_test
func ExampleA() {
	// Output: a
}
func ExampleB() {}
func ExampleC() {
	// Output:
}`, parser.ParseComments)
	require.NoError(t, err)
	assert.Equal(t, 1, checkedExamples(f), "one has no output, and one has nothing to check")
}
