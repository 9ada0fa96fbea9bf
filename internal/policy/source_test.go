package policy_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tracked returns the files that git tracks, by slash-separated path relative
// to the module.
func tracked(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err, "git ls-files: %s", stderrOf(err))
	files := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	require.NotEmpty(t, files)
	return files
}

// read returns a tracked file, or nil if it was deleted without a commit.
func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return data
}

// maxLines is the maximum length of a Go file: longer ones contain two ideas.
const maxLines = 500

func TestFilesStayShort(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		lines := bytes.Count(read(t, file), []byte("\n"))
		assert.LessOrEqual(t, lines, maxLines, "%s: split it into two files by idea", file)
	}
}

// unwanted are strings that must not be in a tracked file. They are
// concatenated so that this file does not contain them.
var unwanted = map[string]string{
	"/" + "root/":             "a path of a developer's machine",
	"/" + "work/":             "a path of a developer's machine",
	"/" + "farm/":             "a path of a developer's machine",
	"/" + "home/":             "a path of a developer's machine",
	"/" + "Users/":            "a path of a developer's machine",
	"registry." + "npmjs":     "the host of a package registry",
	"deb." + "debian":         "the host of a package registry",
	"proxy." + "golang":       "the host of a package registry",
	"sum." + "golang":         "the host of a package registry",
	"index." + "golang":       "the host of a package registry",
	"security." + "debian":    "the host of a package registry",
	"apt." + "postgresql":     "the host of a package registry",
	"packages." + "redis":     "the host of a package registry",
	"pypi." + "org":           "the host of a package registry",
	"files." + "pythonhosted": "the host of a package registry",
}

func unwantedIn(text []byte) (found []string) {
	for word, what := range unwanted {
		if bytes.Contains(text, []byte(word)) {
			found = append(found, what+": "+word)
		}
	}
	return found
}

func TestTrackedFilesHaveNoUnwantedStrings(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t) {
		assert.Empty(t, unwantedIn(read(t, file)), file)
	}
}

func TestUnwantedStringsAreDetected(t *testing.T) {
	t.Parallel()
	assert.NotEmpty(t, unwantedIn([]byte("see /"+"root/go/pkg")))
	assert.Empty(t, unwantedIn([]byte("see $GOPATH/pkg")))
}

func TestEveryPackageHasADocFileWithItsComment(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + filepath.Base(p.Dir) + " "
		}
		assert.True(t, strings.HasPrefix(p.Doc, want), "%s: the package comment must start with %q, not %q", p.room(), want, p.Doc)
		assert.FileExists(t, filepath.Join(p.Dir, "doc.go"), "%s needs its package comment in doc.go", p.room())
	}
}

func TestEveryPackageWithTestsChecksForLeakedGoroutines(t *testing.T) {
	t.Parallel()
	looks := map[string]bool{}
	for _, file := range tracked(t) {
		if strings.HasSuffix(file, "_test.go") {
			dir := filepath.Dir(file)
			looks[dir] = looks[dir] || bytes.Contains(read(t, file), []byte("goleak.VerifyTestMain(m")) || bytes.Contains(read(t, file), []byte("goleak.Find("))
		}
	}
	require.NotEmpty(t, looks)
	for dir, ok := range looks {
		assert.True(t, ok, "%s: func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }", dir)
	}
}
