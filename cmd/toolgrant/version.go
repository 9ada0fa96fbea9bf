package main

import (
	"context"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// A versionView is the version of this binary as it is printed.
type versionView struct {
	Version  string  `json:"version"`
	Go       string  `json:"go"`
	Revision *string `json:"revision"` // null if the binary was built outside a repository
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: a.begin(func(context.Context, []string) error {
			a.printVersion()
			return nil
		}),
	}
}

func (a *app) printVersion() {
	info, _ := debug.ReadBuildInfo()
	v := versionOf(info)
	a.print(v, func(w io.Writer) {
		a.ui.fields(w, field{"version", v.Version}, field{"go", v.Go}, field{"revision", text(v.Revision)})
	})
}

// versionOf returns the version that the go command recorded in a binary. info
// may be nil.
func versionOf(info *debug.BuildInfo) versionView {
	v := versionView{Version: "(devel)", Go: runtime.Version()}
	if info == nil {
		return v
	}
	v.Version = first(info.Main.Version, v.Version)
	var revision, suffix string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			suffix = "-dirty"
		}
	}
	if revision != "" {
		v.Revision = orNull(revision + suffix)
	}
	return v
}
