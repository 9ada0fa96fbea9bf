package policy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goBlock finds the fenced blocks of Go code in Markdown.
var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```")

// TestREADMECodeCompiles builds each block as a package of this module. The
// files exist only in an overlay.
func TestREADMECodeCompiles(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles openai-go: skipped in short runs")
	}
	dir, err := filepath.Abs(root)
	require.NoError(t, err)
	blocks := goBlock.FindAllSubmatch(read(t, "README.md"), -1)
	require.NotEmpty(t, blocks)
	overlay := map[string]string{}
	// With several packages, go build writes no program.
	args := []string{"build", "-overlay", filepath.Join(t.TempDir(), "overlay.json"), "./internal/policy"}
	for i, b := range blocks {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("block%d.go", i))
		require.NoError(t, os.WriteFile(file, b[1], 0o600))
		room := fmt.Sprintf("internal/policy/readme%d", i)
		overlay[filepath.Join(dir, filepath.FromSlash(room), "block.go")] = file
		args = append(args, "./"+room)
	}
	replace, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(args[2], replace, 0o600))
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, "%s", out)
}
