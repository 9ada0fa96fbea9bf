package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	shellBlock  = regexp.MustCompile("(?ms)^ *```(?:sh|console)\n(.*?)^ *```")
	commandSpan = regexp.MustCompile("`(toolgrant [^`]+)`")
	commandLine = regexp.MustCompile(`(?:^|^\$ |\| |&& |\* )(toolgrant [^|<>#&\n]+)`)
	shellWord   = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)
)

func TestEveryCommandInTheDocsExistsWithItsFlags(t *testing.T) {
	t.Parallel()
	files := []string{"../../README.md", "../../SECURITY.md", "../../CONTRIBUTING.md"}
	for _, folder := range []string{"../../docs/*.md", "../../docs/guides/*.md"} {
		found, err := filepath.Glob(folder)
		require.NoError(t, err)
		files = append(files, found...)
	}
	a := &app{env: map[string]string{}}
	count := 0
	check := func(file, line string, whole bool) {
		count++
		words := shellWord.FindAllString(line, -1)
		root := a.rootCommand()
		root.InitDefaultCompletionCmd() // as Execute does
		cmd, rest, err := root.Find(words[1:])
		if !assert.NoError(t, err, "%s: %s", file, line) {
			return
		}
		assert.NoError(t, cmd.ParseFlags(rest), "%s: %s", file, line)
		if whole {
			assert.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), "%s: %s", file, line)
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(block[1]) {
				for _, found := range commandLine.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
					check(file, found[1], true)
				}
			}
		}
		for _, found := range commandSpan.FindAllStringSubmatch(string(text), -1) {
			check(file, strings.NewReplacer("…", "", "|", " ").Replace(found[1]), false)
		}
	}
	assert.Greater(t, count, 100, "the patterns find the commands")
}
