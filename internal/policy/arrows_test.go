package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A rule lists the packages of this module that a room may import. A room is a
// path, or a path with "/..." for everything below it too.
type rule struct {
	room string
	may  []string
}

// arrows are the rooms and their allowed imports, which only go down. The first
// matching rule applies to a package. A room without a rule may import nothing.
var arrows = []rule{
	// Test rooms may import upwards.
	{"internal/conformance/...", []string{"..."}},
	{"internal/fixtures/...", []string{"..."}},
	{"internal/policy", []string{"..."}},

	{"internal/errtext", nil},
	{"internal/issuer", nil},
	{"internal/secret", nil},
	{"internal/safetext", nil},
	{"internal/redact", []string{"internal/secret"}},
	{"internal/safehttp", []string{"internal/secret"}},
	{"internal/oauth", []string{"internal/errtext", "internal/issuer", "internal/redact", "internal/safehttp", "internal/safetext", "internal/secret"}},
	{"internal/mcpprobe", []string{"internal/exactjson", "internal/oauth", "internal/redact", "internal/safehttp", "internal/safetext", "internal/secret"}},
	{"internal/failtext/loosejson", nil},
	{"internal/failtext", []string{"internal/failtext/loosejson"}},
	{"internal/storehandle", []string{"oauthstore/backend", "internal/secret"}},
	{"internal/entryhandle", []string{"mcptools/platform", "oauthstore", "providers"}},
	{"internal/toolpin", []string{"internal/exactjson", "internal/storehandle", "oauthstore", "oauthstore/backend"}},
	{"internal/...", []string{"internal/..."}},

	{"providers", []string{"internal/errtext", "internal/issuer"}},

	{"oauthstore", []string{"oauthstore/actor", "oauthstore/backend", "oauthstore/deletion", "oauthstore/health", "oauthstore/internal/...", "internal/..."}},
	{"oauthstore/actor", nil},
	{"oauthstore/deletion", nil},
	{"oauthstore/health", nil},
	{"oauthstore/backend", nil},
	{"oauthstore/internal/...", []string{"oauthstore/backend", "oauthstore/internal/..."}}, // shared by the stores
	{"oauthstore/keyset", []string{"oauthstore", "oauthstore/backend", "oauthstore/internal/...", "internal/errtext"}},
	{"oauthstore/storetest", []string{"oauthstore/backend"}},
	{"oauthstore/memstore", []string{"oauthstore/backend", "oauthstore/internal/..."}},
	{"oauthstore/filestore", []string{"oauthstore/backend", "oauthstore/internal/..."}},
	{"oauthstore/sqlitestore", []string{"oauthstore/backend", "oauthstore/internal/..."}},
	{"oauthstore/pgstore", []string{"oauthstore/backend", "oauthstore/internal/..."}},
	{"oauthstore/redisstore", []string{"oauthstore/backend", "oauthstore/internal/..."}},
	{"oauthstore/storecopy", []string{"oauthstore/backend", "internal/errtext"}},
	{"oauthstore/storeotel", []string{"oauthstore", "oauthstore/health"}},
	{"oauthstore/oauth2adapt", []string{"oauthstore", "internal/safehttp"}},
	{"oauthstore/connect", []string{"oauthstore", "oauthstore/actor", "oauthstore/backend", "oauthstore/internal/...", "providers", "internal/..."}},

	{"mcptools/platform", nil}, // data, as providers is
	{"mcptools", []string{"mcptools/platform", "oauthstore", "oauthstore/backend", "providers", "internal/..."}},
	{"mcptools/doctor", []string{"mcptools", "mcptools/platform", "oauthstore", "oauthstore/backend", "oauthstore/connect", "oauthstore/memstore", "providers", "internal/..."}},
	{"mcptools/relay", []string{"mcptools", "oauthstore", "oauthstore/backend", "providers", "internal/..."}},
	{"mcptools/session/sessionhttp", []string{"mcptools", "mcptools/session", "oauthstore", "internal/..."}},
	{"mcptools/...", []string{"mcptools", "mcptools/platform", "oauthstore", "oauthstore/connect", "providers", "internal/..."}},

	{"cmd/...", []string{"cmd/...", "mcptools/...", "oauthstore/...", "providers", "internal/..."}},
	{"examples/...", []string{"examples/...", "mcptools/...", "oauthstore/...", "providers"}},
}

// forbidden are imports that no rule above may allow, with the reason.
var forbidden = []struct {
	from, to string
	except   []string // rooms that may import it
	why      string
}{
	{"...", "cmd/...", []string{"cmd/..."}, "the command must not be imported"},
	{"...", "examples/...", []string{"examples/..."}, "examples must not be imported"},
	{"...", "mcptools/lab/...", []string{"cmd/...", "examples/...", "internal/conformance/...", "internal/fixtures/...", "mcptools/lab/..."}, "library packages must not import the lab"},
	{"...", "oauthstore/storetest", []string{"internal/conformance/..."}, "the suite is for tests"},
	{"...", "internal/servertest", nil, "it is for tests"},
	{"...", "internal/browsertest", nil, "it is for tests"},
	{"...", "internal/replay", nil, "it is for tests"},
	{"...", "internal/conformance/...", []string{"internal/conformance/..."}, "a test room"},
	{"...", "internal/fixtures/...", []string{"internal/conformance/...", "internal/fixtures/..."}, "a test room"},
	{"...", "internal/storehandle", []string{"internal/toolpin", "oauthstore", "oauthstore/connect", "mcptools", "mcptools/doctor", "mcptools/relay"}, "programs use the methods of Store"},
	{"...", "internal/entryhandle", []string{"mcptools", "mcptools/doctor", "mcptools/relay", "mcptools/session"}, "programs use the methods of Entry"},
	{"oauthstore/...", "internal/mcpprobe", nil, "a store receives such dependencies as options"},
	{"oauthstore/...", "internal/failtext/...", nil, "stores do not handle failures of tools"},
	{"mcptools/...", "internal/failtext/loosejson", nil, "package failtext returns findings, not values"},
}

// fits reports whether a room matches a pattern.
func fits(room, pattern string) bool {
	base, all := strings.CutSuffix(pattern, "...")
	if !all {
		return room == pattern
	}
	base = strings.TrimSuffix(base, "/")
	return base == "" || room == base || strings.HasPrefix(room, base+"/")
}

func fitsAny(room string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return fits(room, p) })
}

// wrongArrows returns a sentence for each import that is not allowed.
func wrongArrows(all []listed) []string {
	var wrong []string
	for _, p := range all {
		from := p.room()
		i := slices.IndexFunc(arrows, func(r rule) bool { return fits(from, r.room) })
		for _, imported := range p.Imports {
			if imported != module && !strings.HasPrefix(imported, module+"/") {
				continue
			}
			to := roomOf(imported)
			if i < 0 || !fitsAny(to, arrows[i].may) {
				wrong = append(wrong, fmt.Sprintf("%s must not import %s: see docs/design.md", from, to))
			}
			for _, f := range forbidden {
				if fits(from, f.from) && fits(to, f.to) && !fitsAny(from, f.except) {
					wrong = append(wrong, fmt.Sprintf("%s must not import %s: %s", from, to, f.why))
				}
			}
		}
	}
	return wrong
}

func TestImportsOnlyGoDown(t *testing.T) {
	t.Parallel()
	for _, w := range wrongArrows(packages(t)) {
		t.Error(w)
	}
}

func TestForbiddenImportsAreDetected(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ from, to string }{
		{"internal/secret", "internal/safehttp"},
		{"internal/safehttp", "internal/oauth"},
		{"internal/oauth", "oauthstore"},
		{"internal/other", "oauthstore"},
		{"internal/failtext", "mcptools"},
		{"internal/failtext", "oauthstore"},
		{"internal/failtext", "providers"},
		{"internal/failtext/loosejson", "internal/failtext"},
		{"oauthstore", "internal/failtext"},
		{"mcptools", "internal/failtext/loosejson"},
		{"providers", "internal/secret"},
		{"oauthstore", "providers"},
		{"oauthstore", "mcptools"},
		{"oauthstore", "oauthstore/keyset"},
		{"oauthstore", "internal/mcpprobe"},
		{"oauthstore/connect", "internal/mcpprobe"},
		{"oauthstore/storeotel", "internal/storehandle"},
		{"mcptools/session", "internal/storehandle"},
		{"oauthstore/connect", "mcptools"},
		{"oauthstore/pgstore", "oauthstore/sqlitestore"},
		{"oauthstore/pgstore", "internal/secret"},
		{"oauthstore/pgstore", "oauthstore"},
		{"oauthstore/backend", "oauthstore"},
		{"oauthstore/storetest", "oauthstore"},
		{"oauthstore/internal/page", "internal/oauth"},
		{"mcptools", "oauthstore/connect"},
		{"mcptools", "mcptools/lab"},
		{"mcptools/session", "mcptools/lab"},
		{"mcptools/doctor", "oauthstore/storetest"},
		{"mcptools/session", "internal/fixtures"},
		{"mcptools/lab", "cmd/toolgrant"},
		{"examples/reasoning", "internal/oauth"},
		{"unheard/of", "oauthstore"},
	} {
		t.Run(tt.from+" to "+tt.to, func(t *testing.T) {
			t.Parallel()
			assert.NotEmpty(t, wrongArrows([]listed{{ImportPath: module + "/" + tt.from, Imports: []string{module + "/" + tt.to}}}))
		})
	}
}

func TestAllowedImportsPass(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ from, to string }{
		{"cmd/toolgrant", "mcptools/lab"},
		{"examples/reasoning", "mcptools/lab"},
		{"mcptools/session", "mcptools"},
		{"mcptools/doctor", "oauthstore/connect"},
		{"mcptools", "internal/mcpprobe"},
		{"oauthstore/connect", "internal/oauth"},
		{"oauthstore/sqlitestore", "oauthstore/backend"},
		{"internal/conformance/client", "oauthstore/connect"},
	} {
		t.Run(tt.from+" to "+tt.to, func(t *testing.T) {
			t.Parallel()
			assert.Empty(t, wrongArrows([]listed{{ImportPath: module + "/" + tt.from, Imports: []string{module + "/" + tt.to}}}))
		})
	}
}

// links are dependencies that a room must not have, even indirectly.
var links = []struct {
	room   string
	except []string
	deps   []string // import paths, with everything below them
	why    string
}{
	{
		"...",
		[]string{"oauthstore/storetest", "internal/servertest", "internal/browsertest"},
		[]string{"testing", "github.com/stretchr/testify", "github.com/modelcontextprotocol/go-sdk", "go.uber.org/goleak", "pgregory.net/rapid"},
		"test code must not get into binaries",
	},
	{
		"internal/...",
		[]string{"internal/mcpprobe", "internal/conformance/...", "internal/fixtures/..."},
		[]string{"github.com/openai/openai-go", "github.com/mark3labs/mcp-go"},
		"expensive to import, and not needed for the protocol",
	},
	{
		"oauthstore/...",
		nil,
		[]string{"github.com/openai/openai-go", "github.com/mark3labs/mcp-go"},
		"a store receives such dependencies as options",
	},
	{
		"providers",
		nil,
		[]string{"net/http", "os/exec", "github.com/openai/openai-go", "github.com/mark3labs/mcp-go"},
		"the catalogue is data without I/O",
	},
	{
		"...",
		[]string{"oauthstore/sqlitestore", "cmd/...", "examples/..."},
		[]string{"modernc.org/sqlite"},
		"a program links only the stores that it imports",
	},
	{
		"...",
		[]string{"oauthstore/pgstore", "cmd/...", "examples/..."},
		[]string{"github.com/jackc/pgx", "github.com/jackc/pgconn"},
		"a program links only the stores that it imports",
	},
	{
		"...",
		[]string{"oauthstore/redisstore", "cmd/...", "examples/..."},
		[]string{"github.com/redis/go-redis"},
		"a program links only the stores that it imports",
	},
	{
		"examples/reasoning",
		nil,
		[]string{"github.com/jackc/pgx", "github.com/redis/go-redis", "github.com/riverqueue/river", "github.com/spf13/cobra"},
		"the first example needs only Go, and SQLite is enough for it",
	},
	{
		"...",
		[]string{"examples/..."},
		[]string{"github.com/riverqueue/river"},
		"river is for an example",
	},
	{
		"...",
		[]string{"cmd/..."},
		[]string{"github.com/spf13/cobra", "github.com/charmbracelet/lipgloss", "github.com/zalando/go-keyring"},
		"only the command uses terminals and keyrings",
	},
}

// wrongLinks returns a sentence for each dependency that is not allowed.
func wrongLinks(all []listed) []string {
	var wrong []string
	for _, p := range all {
		for _, l := range links {
			if !fits(p.room(), l.room) || fitsAny(p.room(), l.except) {
				continue
			}
			for _, dep := range p.Deps {
				if fitsAny(dep, below(l.deps)) {
					wrong = append(wrong, fmt.Sprintf("%s must not link %s: %s", p.room(), dep, l.why))
				}
			}
		}
	}
	return wrong
}

// below converts import paths to patterns that match everything below them, and
// a major version's suffix.
func below(paths []string) []string {
	patterns := make([]string, len(paths))
	for i, p := range paths {
		patterns[i] = p + "/..."
	}
	return patterns
}

func TestProgramsLinkOnlyWhatTheyNeed(t *testing.T) {
	t.Parallel()
	for _, w := range wrongLinks(packages(t)) {
		t.Error(w)
	}
}

func TestForbiddenLinksAreDetected(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ room, dep string }{
		{"mcptools", "testing"},
		{"mcptools/lab", "github.com/stretchr/testify/require"},
		{"oauthstore", "github.com/openai/openai-go/v3/responses"},
		{"oauthstore/connect", "github.com/mark3labs/mcp-go/client"},
		{"oauthstore", "modernc.org/sqlite"},
		{"mcptools", "github.com/jackc/pgx/v5"},
		{"internal/oauth", "github.com/openai/openai-go/v3"},
		{"internal/failtext", "github.com/openai/openai-go/v3/responses"},
		{"providers", "net/http"},
		{"examples/reasoning", "github.com/redis/go-redis/v9"},
	} {
		t.Run(tt.room+" with "+tt.dep, func(t *testing.T) {
			t.Parallel()
			assert.NotEmpty(t, wrongLinks([]listed{{ImportPath: module + "/" + tt.room, Deps: []string{tt.dep}}}))
		})
	}
}

func TestRulesNameExistingRooms(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range arrows {
		require.False(t, seen[r.room], "two rules for %s: only the first would apply", r.room)
		seen[r.room] = true
	}
}
