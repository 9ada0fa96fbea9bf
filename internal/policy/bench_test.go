package policy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// benchTable returns the table of operations.md for the content of
// bench/ratios.json.
func benchTable(ratios []byte) (string, error) {
	var r struct {
		Go   string `json:"go"`
		Rows []struct {
			Name    string  `json:"name"`
			NS      float64 `json:"ns"`
			Allocs  float64 `json:"allocs"`
			Against string  `json:"against"`
			Ratio   float64 `json:"ratio"`
			Extra   float64 `json:"extra_ns"`
			Goal    string  `json:"goal"`
			Met     bool    `json:"met"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(ratios, &r); err != nil {
		return "", err
	}
	var t strings.Builder
	fmt.Fprintf(&t, "| %s | ns | allocations | ratio | difference in ns | compared with | goal |\n|---|---|---|---|---|---|---|\n", r.Go)
	for _, row := range r.Rows {
		ratio, extra, goal := "", "", row.Goal
		if row.Against != "" {
			ratio, extra = fmt.Sprintf("%.2f", row.Ratio), fmt.Sprintf("%.0f", row.Extra)
		}
		if goal != "" {
			goal += map[bool]string{true: ": met", false: ": missed"}[row.Met]
		}
		fmt.Fprintf(&t, "| %s | %.0f | %v | %s | %s | %s | %s |\n", row.Name, row.NS, row.Allocs, ratio, extra, strings.TrimPrefix(row.Against, "floor: "), goal)
	}
	return t.String(), nil
}

// The page quotes the last run of make bench that was committed.
func TestFiguresOfThePageAreThoseOfTheBenchmarks(t *testing.T) {
	t.Parallel()
	const page, begin, end = "docs/operations.md", "<!-- bench -->\n", "<!-- /bench -->"
	want, err := benchTable(read(t, "bench/ratios.json"))
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(read(t, page)), begin)
	require.True(t, ok)
	have, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join(root, page), []byte(before+begin+want+end+after), 0o600))
		return
	}
	assert.Equal(t, want, have, "renew with: go test ./internal/policy -run Benchmarks -update")
}
