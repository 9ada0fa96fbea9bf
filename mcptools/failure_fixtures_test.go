package mcptools_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
)

// A fixture is a line of the error fixtures.
type fixture struct {
	ID         string          `json:"id"`
	Surface    string          `json:"surface"`
	HTTPStatus int             `json:"http_status"`
	Input      json.RawMessage `json:"input"`
	Form       string          `json:"form"`
	SentLabels []string        `json:"sent_labels"`
	Expect     map[string]any  `json:"expect"`
}

// raw returns the input as a program is given it.
func (x fixture) raw() []byte {
	var text string
	if json.Unmarshal(x.Input, &text) == nil {
		return []byte(text)
	}
	return x.Input
}

func (x fixture) options() *mcptools.ClassifyOptions {
	o := &mcptools.ClassifyOptions{HTTPStatus: x.HTTPStatus, Surface: x.Surface, Labels: x.SentLabels}
	if x.Surface == "other" {
		o.Surface = ""
	}
	return o
}

// cases reads this repository's error fixtures and the shared ones. The shared
// ones are required in CI; elsewhere, a log line says that they are missing.
func cases(t *testing.T) []fixture {
	t.Helper()
	all := readFixtures(t, filepath.Join("..", "internal", "fixtures", "errors", "failures.jsonl"))
	root := os.Getenv("TOOLGRANT_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	for _, name := range []string{"errors.jsonl", "errors-2.jsonl"} {
		file := filepath.Join(root, "fixtures", name)
		if _, err := os.Stat(file); os.IsNotExist(err) && os.Getenv("CI") == "" {
			t.Log("no shared fixtures: ", err)
			continue
		}
		all = append(all, readFixtures(t, file)...)
	}
	return all
}

func readFixtures(t *testing.T, name string) []fixture {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	var all []fixture
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var x fixture
		require.NoError(t, json.Unmarshal(lines.Bytes(), &x))
		all = append(all, x)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, all)
	return all
}

// fields returns a failure as explain prints it.
func fields(t *testing.T, f *mcptools.Failure) map[string]any {
	t.Helper()
	raw, err := json.Marshal(f)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(raw, &got))
	return got
}

// matches reports whether got is want, or one of it if want is a list.
func matches(want, got any) bool {
	if list, ok := want.([]any); ok {
		for _, w := range list {
			if reflect.DeepEqual(w, got) {
				return true
			}
		}
		return false
	}
	return reflect.DeepEqual(want, got)
}

func TestEveryFixtureIsClassifiedInEveryField(t *testing.T) {
	t.Parallel()
	for _, x := range cases(t) {
		t.Run(x.ID, func(t *testing.T) {
			t.Parallel()
			got := fields(t, mcptools.Classify(x.raw(), x.options()))
			for field, want := range x.Expect {
				assert.True(t, matches(want, got[field]), "%s: want %v, got %v\n%s", field, want, got[field], x.raw())
			}
		})
	}
}
