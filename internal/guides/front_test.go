package guides_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// namedTest finds a test with its folder, such as `mcptools TestTheFourAttempts`,
// or without.
var namedTest = regexp.MustCompile("`(?:([\\w/]+) )?(Test\\w+)`")

func TestPromisesNameTestsThatExist(t *testing.T) {
	t.Parallel()
	_, guarantees, found := strings.Cut(read(t, root+"/README.md"), "## What is guaranteed\n")
	require.True(t, found)
	guarantees, _, _ = strings.Cut(guarantees, "\n## ")
	_, rows, _ := strings.Cut(guarantees, "|---|---|\n")
	for row := range strings.SplitSeq(rows, "\n") {
		if strings.HasPrefix(row, "|") {
			assert.Regexp(t, namedTest, row, "a promise without a test")
		}
	}
	for _, page := range []string{"README.md", "docs/comparison.md"} {
		for _, m := range namedTest.FindAllStringSubmatch(read(t, filepath.Join(root, page)), -1) {
			folder := m[1]
			if folder == "" {
				folder = "internal/soak/fleet"
			}
			assert.True(t, declares(t, folder, m[2]), "%s: there is no %s in %s", page, m[2], folder)
		}
	}
	assert.False(t, declares(t, "mcptools", "TestThatDoesNotExist"))
}

func declares(t *testing.T, folder, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		if strings.Contains(read(t, file), "\nfunc "+test+"(") {
			return true
		}
	}
	return false
}

func TestIndexOfTheDocsHasEveryPage(t *testing.T) {
	t.Parallel()
	index := read(t, root+"/docs/README.md")
	for _, folder := range []string{"", "guides/"} {
		names, err := filepath.Glob(root + "/docs/" + folder + "*.md")
		require.NoError(t, err)
		for _, name := range names {
			if page := folder + filepath.Base(name); page != "README.md" {
				assert.Contains(t, index, "]("+page+")", "docs/README.md does not have this page")
			}
		}
	}
}

// A picture in two colors is two files, since the theme of a page may differ
// from that of the system, which alone an SVG sees.
func TestDarkPictureDiffersInItsColorsOnly(t *testing.T) {
	t.Parallel()
	color := regexp.MustCompile(`#[0-9a-f]{6}`)
	light, dark := read(t, root+"/docs/images/overview.svg"), read(t, root+"/docs/images/overview-dark.svg")
	assert.NotEqual(t, light, dark)
	assert.Equal(t, color.ReplaceAllString(light, "#"), color.ReplaceAllString(dark, "#"))
}

// image finds the file of a picture in the HTML of a page.
var image = regexp.MustCompile(`(?:src|srcset)="([^"]+)"`)

func TestPicturesOfTheDocsExist(t *testing.T) {
	t.Parallel()
	found := 0
	for _, name := range append(pages(t), root+"/README.md") {
		for _, m := range image.FindAllStringSubmatch(read(t, name), -1) {
			found++
			_, err := os.Stat(filepath.Join(filepath.Dir(name), filepath.FromSlash(m[1])))
			assert.NoError(t, err, "%s: %s", name, m[1])
		}
	}
	assert.Positive(t, found)
}
