package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"strings"
)

// A bill is a CycloneDX document.
type bill struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Ref        string          `json:"bom-ref"`
	Type       string          `json:"type"`
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	Hashes     []hash          `json:"hashes,omitempty"`
	Licenses   []licenseChoice `json:"licenses"`
	PURL       string          `json:"purl"`
	Properties []property      `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licenseChoice struct {
	License license `json:"license"`
}

type license struct {
	ID string `json:"id"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// own is the licence of this module, and golang that of Go's standard library.
const own, golang = "Apache-2.0", "BSD-3-Clause"

// billOf returns the bill of a program. licences maps module paths to SPDX ids.
func billOf(info *debug.BuildInfo, licences map[string]string) (*bill, error) {
	main := newComponent("application", info.Main.Path, info.Main.Version, own)
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" || s.Key == "vcs.revision" || s.Key == "vcs.time" {
			main.Properties = append(main.Properties, property{"go:" + s.Key, s.Value})
		}
	}
	made := &bill{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{main}}
	made.Components = append(made.Components, newComponent("library", "std", strings.TrimPrefix(info.GoVersion, "go"), golang))
	for _, m := range info.Deps {
		if m.Replace != nil {
			return nil, fmt.Errorf("%s is replaced, which a release must not have", m.Path)
		}
		if licences[m.Path] == "" {
			return nil, fmt.Errorf("the licence of %s is not known", m.Path)
		}
		c := newComponent("library", m.Path, m.Version, licences[m.Path])
		if sum, ok := strings.CutPrefix(m.Sum, "h1:"); ok {
			raw, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return nil, fmt.Errorf("the checksum of %s: %w", m.Path, err)
			}
			c.Hashes = []hash{{"SHA-256", hex.EncodeToString(raw)}}
		}
		made.Components = append(made.Components, c)
	}
	needs := dependency{Ref: main.Ref}
	for _, c := range made.Components {
		needs.DependsOn = append(needs.DependsOn, c.Ref)
		made.Dependencies = append(made.Dependencies, dependency{Ref: c.Ref})
	}
	made.Dependencies = append([]dependency{needs}, made.Dependencies...)
	return made, nil
}

func newComponent(kind, path, version, id string) component {
	purl := "pkg:golang/" + path + "@" + version
	return component{
		Ref: purl, Type: kind, Name: path, Version: version, PURL: purl, Licenses: []licenseChoice{{license{id}}},
	}
}

// licencesIn returns the table of docs/dependencies.md: SPDX ids by module path.
func licencesIn(page string) map[string]string {
	found := make(map[string]string)
	for line := range strings.Lines(page) {
		cells := strings.Split(line, "|")
		if len(cells) > 3 && strings.Contains(cells[1], "/") {
			found[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2])
		}
	}
	return found
}
