package policy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A package that calls reflect's Method or MethodByName with a name that is not
// constant, as text/template does, makes the linker keep all exported methods of
// all types: half of the command's size. What keeps them is in the output of
//
//	go build -ldflags='-s -w -dumpdep' -o toolgrant ./cmd/toolgrant 2>&1 | grep ReflectMethod
func TestCommandStaysSmall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the command: skipped in short runs")
	}
	var budget int64
	_, err := fmt.Sscanf(string(read(t, "internal/policy/testdata/command-size.txt")), "%d MB", &budget)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "toolgrant")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", file, "./cmd/toolgrant")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	info, err := os.Stat(file)
	require.NoError(t, err)
	t.Logf("the stripped command has %.1f MB", float64(info.Size())/1e6)
	assert.LessOrEqual(t, info.Size(), budget*1_000_000)
}
