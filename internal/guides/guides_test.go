package guides_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

var (
	// codeBlock finds a block of Go, JavaScript or SQL and the comment before it.
	codeBlock = regexp.MustCompile("(?m)^(?:<!-- (.*) -->\n)?```(?:go|js|sql)\n((?s:.*?))^```")
	// link finds a relative link of Markdown.
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

func pages(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(root + "/docs/guides/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// Each block is a part of a file that tests compile and run.
func TestCodeOfTheGuidesIsRunSomewhere(t *testing.T) {
	t.Parallel()
	for _, name := range append(pages(t), root+"/README.md") {
		for _, block := range codeBlock.FindAllStringSubmatch(read(t, name), -1) {
			if !assert.NotEmpty(t, block[1], "%s: the block needs a line that names its file, such as <!-- examples/basic/main.go -->:\n%s", name, block[2]) {
				continue
			}
			source := read(t, filepath.Join(root, filepath.FromSlash(block[1])))
			assert.True(t, strings.Contains(flat(source), flat(block[2])), "%s: %s does not have this block:\n%s", name, block[1], block[2])
		}
	}
}

// flat returns code without its indentation.
func flat(code string) string {
	var b strings.Builder
	b.WriteByte('\n')
	for line := range strings.Lines(code) {
		b.WriteString(strings.TrimSpace(line))
		b.WriteByte('\n')
	}
	return b.String()
}

func TestLinksOfTheDocsLeadSomewhere(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob(root + "/docs/*.md")
	require.NoError(t, err)
	for _, name := range append(append(names, pages(t)...), root+"/README.md", root+"/SECURITY.md", root+"/CONTRIBUTING.md", root+"/CHANGELOG.md") {
		for _, found := range link.FindAllStringSubmatch(read(t, name), -1) {
			u, err := url.Parse(found[1])
			require.NoError(t, err, "%s: %s", name, found[1])
			if u.Scheme != "" {
				continue
			}
			target := name
			if u.Path != "" {
				target = filepath.Join(filepath.Dir(name), filepath.FromSlash(u.Path))
			}
			if _, err := os.Stat(target); !assert.NoError(t, err, "%s: %s", name, found[1]) || u.Fragment == "" || !strings.HasSuffix(target, ".md") {
				continue
			}
			assert.True(t, hasAnchor(read(t, target), u.Fragment), "%s: no heading for %s", name, found[1])
		}
	}
}

// hasAnchor reports whether a page has the anchor, by its heading as GitHub
// derives it or by name.
func hasAnchor(page, anchor string) bool {
	if strings.Contains(page, `id="`+anchor+`"`) {
		return true
	}
	for _, h := range heading.FindAllStringSubmatch(page, -1) {
		if slug(h[1]) == anchor {
			return true
		}
	}
	return false
}

var notInSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

func slug(heading string) string {
	return strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), ""), " ", "-")
}
