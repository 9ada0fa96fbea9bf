package mutants_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A mutation is a change that at least one of the named tests must notice.
type mutation struct {
	name    string
	file    string // from the module's root
	old     string // text that is in the file exactly once
	changed string // text in its place; it must compile
	pkg     string // package of the tests, such as ./oauthstore
	run     string // the tests, separated by "|"
	promise string // what the mutation breaks
}

// all returns every mutation.
func all() []mutation {
	return slices.Concat(ruleMutations, storeMutations, refreshMutations, outageMutations, deletionMutations, connectMutations, toolMutations, chatMutations, wireMutations, verdictMutations, replayMutations, relayMutations, policyMutations, failureMutations)
}

const root = "../.."

// apply returns the content of the file with the mutation.
func (m *mutation) apply(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(data), m.old),
		"%s must contain the text of the mutation exactly once: adapt the mutation to the new code, and see its test fail again", m.file)
	return []byte(strings.Replace(string(data), m.old, m.changed, 1))
}

func TestEveryMutationApplies(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, m := range all() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.apply(t)
			assert.NotEqual(t, m.old, m.changed)
			assert.NotEmpty(t, m.promise)
			declared(t, &m)
		})
		assert.False(t, names[m.name], "two mutations are named %q", m.name)
		names[m.name] = true
	}
}

// declared checks that each of the tests exists.
func declared(t *testing.T, m *mutation) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(m.pkg), "*_test.go"))
	require.NoError(t, err)
	var text strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		text.Write(data)
	}
	for test := range strings.SplitSeq(m.run, "|") {
		assert.Contains(t, text.String(), "func "+test+"(", "package %s has no such test", m.pkg)
	}
}

// TestNoMutantLives runs the tests of each mutation, first without it.
func TestNoMutantLives(t *testing.T) { //nolint:paralleltest // one mutation at a time: its tests use all processors
	selected := os.Getenv("TOOLGRANT_MUTANTS")
	if selected == "" {
		t.Skip("TOOLGRANT_MUTANTS is not set: see the Makefile")
	}
	name, err := regexp.Compile(selected)
	require.NoError(t, err)
	module, err := filepath.Abs(root)
	require.NoError(t, err)
	passed := map[[2]string]bool{}
	for _, m := range all() {
		if !name.MatchString(m.name) {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			tests := [2]string{m.pkg, m.run}
			if !passed[tests] {
				out, err := goTest(t.Context(), module, "", m.pkg, m.run)
				require.NoError(t, err, "the tests fail without the mutation:\n%s", out)
				require.NotContains(t, out, "no tests to run", "-run %q selects no test", m.run)
				passed[tests] = true
			}
			out, err := goTest(t.Context(), module, m.overlay(t, module), m.pkg, m.run)
			_, failed := errors.AsType[*exec.ExitError](err)
			switch {
			case err == nil:
				t.Errorf("no test noticed it: %s\n%s", m.promise, out)
			case !failed:
				t.Error(err)
			case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
				t.Errorf("the mutation does not compile:\n%s", out)
			case strings.Contains(out, "panic: test timed out"):
				t.Errorf("only the time-out noticed it; an assertion must fail:\n%s", out)
			case !strings.Contains(out, "--- FAIL") && !strings.Contains(out, "panic:"):
				t.Errorf("the tests failed without a failing test:\n%s", out)
			}
		})
	}
}

// overlay writes the mutated file beside the module and returns the overlay
// that puts it in place of the original.
func (m *mutation) overlay(t *testing.T, module string) string {
	t.Helper()
	dir := t.TempDir()
	mutant := filepath.Join(dir, filepath.Base(m.file))
	require.NoError(t, os.WriteFile(mutant, m.apply(t), 0o600))
	original := filepath.Join(module, filepath.FromSlash(m.file))
	data, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutant}})
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	return file
}

// goTest runs tests and returns their output.
func goTest(ctx context.Context, module, overlay, pkg, run string) (string, error) {
	args := []string{"test", "-vet=off", "-timeout", "3m", "-run", "^(" + run + ")$"}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = module
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "TOOLGRANT_SOAK=") || strings.HasPrefix(v, "TOOLGRANT_MUTANTS=")
	})
	out, err := cmd.CombinedOutput()
	return string(out), err
}
