package main

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVersionComesFromTheBuildInfo(t *testing.T) {
	t.Parallel()
	info := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "4b41401"}
	for name, c := range map[string]struct {
		info     *debug.BuildInfo
		version  string
		revision any
	}{
		"no build info":   {nil, "(devel)", nil},
		"no version":      {info(""), "(devel)", nil},
		"a module":        {info("v0.1.0"), "v0.1.0", nil},
		"a repository":    {info("v0.1.0", revision, debug.BuildSetting{Key: "vcs.modified", Value: "false"}), "v0.1.0", "4b41401"},
		"a modified tree": {info("v0.1.0", debug.BuildSetting{Key: "vcs.modified", Value: "true"}, revision), "v0.1.0", "4b41401-dirty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := versionOf(c.info)
			assert.Equal(t, c.version, v.Version)
			assert.Equal(t, runtime.Version(), v.Go)
			if c.revision == nil {
				assert.Nil(t, v.Revision)
				return
			}
			assert.Equal(t, c.revision, text(v.Revision))
		})
	}
}

func TestVersionPrintsTheSameAsCommandAndAsFlag(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	for _, more := range [][]string{nil, {"--json"}} {
		command := c.run(t.Context(), append([]string{"version"}, more...)...)
		flag := c.run(t.Context(), append([]string{"--version"}, more...)...)
		assert.Equal(t, exitDone, command.code)
		assert.Contains(t, command.out, runtime.Version())
		assert.Equal(t, command, flag)
	}
}
