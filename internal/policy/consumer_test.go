package policy_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goBlock finds the fenced blocks of Go code in Markdown, and the comment that
// names the file of a block.
var goBlock = regexp.MustCompile("(?ms)^(?:<!-- ([^\n]*) -->\n)?```go\n(.*?)^```")

// consumer is the path of a program's module that requires this one.
const consumer = "example.com/consumer"

// consumerFiles returns the files of a module that has the code of the README and
// of the guides: the examples without their tests, the code in internal/guides,
// the files that a block names, and the blocks that are whole files. A file that
// imports an internal package is left out; its blocks fail the test.
func consumerFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	add := func(name string) {
		text := read(t, name)
		if path.Ext(name) == ".go" {
			if bytes.Contains(text, []byte(`"`+module+"/internal/")) {
				return
			}
			text = bytes.ReplaceAll(text, []byte(module+"/examples/"), []byte(consumer+"/examples/"))
		}
		files[name] = text
	}
	pages := []string{"README.md"}
	for _, name := range tracked(t) {
		switch {
		case strings.HasPrefix(name, "docs/guides/"):
			pages = append(pages, name)
		case strings.HasPrefix(name, "internal/guides/"), strings.HasPrefix(name, "examples/") && !strings.HasSuffix(name, "_test.go"):
			add(name)
		}
	}
	for _, page := range pages {
		for i, block := range goBlock.FindAllSubmatch(read(t, page), -1) {
			name := string(block[1])
			if name == "" {
				require.True(t, bytes.HasPrefix(block[2], []byte("package ")), "%s: the block needs a line that names its file, such as <!-- examples/basic/main.go -->:\n%s", page, block[2])
				files[fmt.Sprintf("blocks/%s%d/block.go", strings.ToLower(strings.TrimSuffix(path.Base(page), ".md")), i)] = block[2]
				continue
			}
			add(name)
			assert.Contains(t, files, name, "%s quotes %s, which imports an internal package", page, name)
		}
	}
	return files
}

// The module is in another folder and has another path, so the go command refuses
// every import of an internal package.
func TestCodeOfTheDocsCompilesInAnotherModule(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles openai-go: skipped in short runs")
	}
	dir, err := filepath.Abs(root)
	require.NoError(t, err)
	out := t.TempDir()
	files := consumerFiles(t)
	files["go.sum"] = read(t, "go.sum")
	files["go.mod"] = fmt.Appendf(bytes.Replace(read(t, "go.mod"), []byte("module "+module), []byte("module "+consumer), 1),
		"\nrequire %s v0.0.0\n\nreplace %s => %s\n", module, module, filepath.ToSlash(dir))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(out, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, files[name], 0o600))
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", "./...")
	cmd.Dir = out
	cmd.Env = append(os.Environ(), "GOWORK=off")
	text, err := cmd.CombinedOutput()
	assert.NoError(t, err, "%s", text)
}
