package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var page = filepath.Join("..", "..", "docs", "dependencies.md")

func TestBillNamesEveryModuleWithLicenceAndChecksum(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	made, err := billOf(&debug.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "github.com/toolgrant/toolgrant", Version: "v0.1.0"},
		Deps: []*debug.Module{
			{Path: "github.com/spf13/cobra", Version: "v1.10.2", Sum: "h1:DMTTonx5m65Ic0GOoRY2c16WCbHxOOw6xxezuLaBpcU="},
			{Path: "golang.org/x/sync", Version: "v0.25.0"},
		},
		Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "-ldflags", Value: "-s"}},
	}, licencesIn(string(text)))
	require.NoError(t, err)

	main := made.Metadata.Component
	assert.Equal(t, "pkg:golang/github.com/toolgrant/toolgrant@v0.1.0", main.PURL)
	assert.Equal(t, []property{{"go:GOOS", "linux"}}, main.Properties)
	var purls, ids []string
	for _, c := range made.Components {
		purls, ids = append(purls, c.PURL), append(ids, c.Licenses[0].License.ID)
	}
	assert.Equal(t, []string{"pkg:golang/std@1.26.8", "pkg:golang/github.com/spf13/cobra@v1.10.2", "pkg:golang/golang.org/x/sync@v0.25.0"}, purls)
	assert.Equal(t, []string{"BSD-3-Clause", "Apache-2.0", "BSD-3-Clause"}, ids)
	assert.Equal(t, []hash{{"SHA-256", "0cc4d3a27c799bae4873418ea11636735e9609b1f138ec3ac717b3b8b681a5c5"}}, made.Components[1].Hashes)
	assert.Equal(t, dependency{Ref: main.Ref, DependsOn: purls}, made.Dependencies[0])
}

// The program is this test itself.
func TestSameProgramGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	var out, again bytes.Buffer
	require.NoError(t, run([]string{"-licences", page, self}, &out))
	require.NoError(t, run([]string{"-licences", page, self}, &again))
	assert.Equal(t, out.String(), again.String())
	var made bill
	require.NoError(t, json.Unmarshal(out.Bytes(), &made))
	assert.Equal(t, "std", made.Components[0].Name)
}

func TestModulesThatCannotBeStatedAreRefused(t *testing.T) {
	t.Parallel()
	known := map[string]string{"example.com/known": "MIT"}
	for want, m := range map[string]*debug.Module{
		"the licence of example.com/other is not known": {Path: "example.com/other", Version: "v1.0.0"},
		"example.com/known is replaced":                 {Path: "example.com/known", Replace: &debug.Module{Path: "../known"}},
		"the checksum of example.com/known":             {Path: "example.com/known", Sum: "h1:%"},
	} {
		_, err := billOf(&debug.BuildInfo{Deps: []*debug.Module{m}}, known)
		assert.ErrorContains(t, err, want)
	}
	require.Error(t, run(nil, nil))
	require.Error(t, run([]string{"/nowhere"}, nil))
}
