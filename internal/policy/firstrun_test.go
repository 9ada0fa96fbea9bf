package policy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFirstRunCompilesOnlyWhatItNeeds records what the first command of the
// README compiles, since compiling is nearly all of its time. A new line costs
// every newcomer seconds.
func TestFirstRunCompilesOnlyWhatItNeeds(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for _, p := range packages(t) {
		if p.room() != "examples/reasoning" {
			continue
		}
		for _, dep := range p.Deps {
			parts := strings.SplitN(dep, "/", 4)
			if !strings.Contains(parts[0], ".") || strings.HasPrefix(dep, module) {
				continue // of Go itself, and ours
			}
			count[strings.Join(parts[:min(3, len(parts))], "/")]++
		}
	}
	require.NotEmpty(t, count)
	var text strings.Builder
	text.WriteString("# Packages that `go run ./examples/reasoning` compiles, by module.\n" +
		"# Renew with: go test ./internal/policy -run FirstRun -update\n")
	for _, name := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(&text, "%3d %s\n", count[name], name)
	}
	file := filepath.Join("testdata", "first-run.txt")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o644))
	}
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(written), text.String())
}
