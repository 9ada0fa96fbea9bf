package policy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A dependency is a module in the build list of the product, its tests or its
// examples.
type dependency struct {
	path, dir string
	direct    bool
	linked    bool            // by a library package or by the command
	importers map[string]bool // modules whose packages import its packages
}

// systems are the operating systems that the command is built for.
var systems = []string{"linux", "darwin", "windows"}

// A node is a package of any module, as printed by `go list`.
type node struct {
	ImportPath string   `json:"ImportPath"`
	Imports    []string `json:"Imports"`
	Module     *struct {
		Path     string `json:"Path"`
		Dir      string `json:"Dir"`
		Main     bool   `json:"Main"`
		Indirect bool   `json:"Indirect"`
	} `json:"Module"`
}

// nodes lists the packages of this module and their imports.
func nodes(system string, args ...string) (map[string]node, error) {
	cmd := exec.CommandContext(context.Background(), "go", append([]string{"list", "-deps", "-json=ImportPath,Imports,Module"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(stderrOf(err)))
	}
	all := make(map[string]node)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var n node
		switch err := dec.Decode(&n); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		n.ImportPath, _, _ = strings.Cut(n.ImportPath, " ") // without the suffix of a test variant
		n.Imports = append(n.Imports, all[n.ImportPath].Imports...)
		all[n.ImportPath] = n
	}
}

// dependencies returns the modules whose packages this module imports on any of
// the systems, including tests, sorted by path.
var dependencies = sync.OnceValues(func() ([]*dependency, error) {
	found := make(map[string]*dependency)
	for _, system := range systems {
		all, err := nodes(system, "-test", "./...")
		if err != nil {
			return nil, err
		}
		for _, n := range all {
			for _, path := range n.Imports {
				path, _, _ = strings.Cut(path, " ")
				to := all[path].Module
				if n.Module == nil || to == nil || to.Main || to.Path == n.Module.Path {
					continue
				}
				if found[to.Path] == nil {
					found[to.Path] = &dependency{path: to.Path, dir: to.Dir, direct: !to.Indirect, importers: make(map[string]bool)}
				}
				found[to.Path].importers[n.Module.Path] = true
			}
		}
		linked, err := nodes(system, "./mcptools/...", "./oauthstore/...", "./providers/...", "./cmd/...")
		if err != nil {
			return nil, err
		}
		for _, n := range linked {
			if n.Module != nil && !n.Module.Main {
				found[n.Module.Path].linked = true
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *dependency) int { return strings.Compare(a.path, b.path) }), nil
})

// licences are the texts that identify a licence, without regard to line breaks
// and case. The first entry whose texts all occur is the licence.
var licences = []struct {
	name  string
	texts []string
}{
	{"Apache-2.0", []string{"apache license", "version 2.0, january 2004"}},
	{"MPL-2.0", []string{"mozilla public license version 2.0"}},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "endorse or promote products derived from this software"}},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms", "this list of conditions and the following disclaimer"}},
	{"ISC", []string{"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"}},
	{"ISC", []string{"permission to use, copy, modify, and distribute this software for any purpose with or without fee"}},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining a copy", "the above copyright notice and this permission notice"}},
}

// permissive are the licences that a linked module may have. Modules that only
// tests and examples use may have any of licences.
var permissive = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// licenceOf returns the licence of a text, or "" if unknown.
func licenceOf(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, refused := range []string{"gnu general public", "gnu affero", "gnu lesser", "commons clause", "business source", "server side public"} {
		// The MPL names the GNU licences as secondary licences.
		if strings.Contains(text, refused) && !strings.HasPrefix(text, "mozilla public license version 2.0") {
			return ""
		}
	}
	for _, l := range licences {
		if !slices.ContainsFunc(l.texts, func(s string) bool { return !strings.Contains(text, s) }) {
			return l.name
		}
	}
	return ""
}

// licenceIn returns the licence of the module in a folder.
func licenceIn(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if name := strings.ToUpper(e.Name()); strings.HasPrefix(name, "LICENSE") || strings.HasPrefix(name, "LICENCE") || strings.HasPrefix(name, "COPYING") {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return "", err
			}
			if l := licenceOf(string(text)); l != "" {
				return l, nil
			}
		}
	}
	return "", nil
}

const (
	dependencyPage = "docs/dependencies.md"
	designPage     = "docs/design.md"
)

func TestEveryDependencyHasAnAllowedLicence(t *testing.T) {
	t.Parallel()
	all, err := dependencies()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	var page strings.Builder
	page.WriteString("# Dependencies\n\n" +
		"Generated by `go test ./internal/policy -run Licence -update`. The reason for each direct dependency is in\n" +
		"[design.md](design.md#chosen-libraries).\n\n" +
		"*Linked* modules are part of a library package or of the command. *Test* modules are used by tests, examples and internal programs only.\n\n" +
		"| module | licence | use | imported by |\n|---|---|---|---|\n")
	for _, d := range all {
		licence, err := licenceIn(d.dir)
		require.NoError(t, err)
		use := "test"
		if d.linked {
			use = "linked"
			assert.Contains(t, permissive, licence, "%s: a linked module needs a permissive licence", d.path)
		}
		assert.NotEmpty(t, licence, "%s: unknown licence", d.path)
		from := "toolgrant"
		if !d.importers[module] {
			from = fmt.Sprint(len(d.importers), " modules")
			for path := range d.importers {
				if len(d.importers) == 1 {
					from = path
				}
			}
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", d.path, licence, use, from)
	}
	file := filepath.Join(root, dependencyPage)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(page.String()), 0o600))
	}
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, page.String(), string(written), "renew with: go test ./internal/policy -run Licence -update")
}

func TestEveryDirectDependencyHasAReason(t *testing.T) {
	t.Parallel()
	all, err := dependencies()
	require.NoError(t, err)
	reasons := reasonsIn(string(read(t, designPage)))
	known := make(map[string]bool)
	for _, d := range all {
		known[d.path] = true
		if d.direct {
			assert.GreaterOrEqual(t, len(strings.Fields(reasons[d.path])), 3, "%s needs a reason in the table of %s", d.path, designPage)
		}
	}
	for path := range reasons {
		assert.True(t, known[path], "%s is in %s but no longer used", path, designPage)
	}
}

// reasonsIn parses the table of dependencies: module, where, why.
func reasonsIn(page string) map[string]string {
	reasons := make(map[string]string)
	_, section, _ := strings.Cut(page, "\n## Chosen libraries\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			continue
		}
		for path := range strings.SplitSeq(cells[0], ",") {
			if path = strings.Trim(strings.TrimSpace(path), "`"); strings.Contains(path, "/") {
				reasons[path] = cells[2]
			}
		}
	}
	return reasons
}

func TestLicencesAreRecognized(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		"MIT":          "MIT License\n\nPermission is hereby granted, free of charge, to any person\nobtaining a copy … The above copyright notice and this\npermission notice shall be included",
		"BSD-2-Clause": "Redistribution and use in source and binary forms … retain the above copyright notice, this list of conditions and the following disclaimer.",
		"BSD-3-Clause": "Redistribution and use in source and binary forms … may be used to endorse or promote products derived from this software …",
		"MPL-2.0":      "Mozilla Public License Version 2.0\n… GNU General Public License …",
	} {
		assert.Equal(t, want, licenceOf(text))
	}
	for _, text := range []string{
		"", "All rights reserved.",
		"GNU AFFERO GENERAL PUBLIC LICENSE Version 3",
		"Apache License Version 2.0, January 2004 … \"Commons Clause\" License Condition v1.0",
	} {
		assert.Empty(t, licenceOf(text), "%q", text)
	}
}
