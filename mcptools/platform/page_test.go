package platform_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/platform"
)

var update = flag.Bool("update", false, "write docs/platforms.md anew")

func TestThePageOfPlatformsIsFresh(t *testing.T) {
	t.Parallel()
	tmpl, err := template.New("platforms.md.tmpl").Funcs(template.FuncMap{
		"anchor": func(name string) string {
			return strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(name), ""), " ", "-")
		},
		"bearer": func(p platform.Platform) string {
			if f := p.Bearer(); f != "" {
				return "`" + string(f) + "`"
			}
			return "–"
		},
		"yes":       func(p platform.Platform, f string) string { return yes(p, platform.Field(f)) },
		"support":   func(p platform.Platform, f string) string { return support(p, platform.Field(f)) },
		"approval":  approval,
		"otherwise": otherwise,
		"tools":     allowedTools,
		"connects": func(p platform.Platform) string {
			return map[platform.Connection]string{platform.ConnectionCloud: "the vendor's cloud", platform.ConnectionProcess: "the serving process"}[p.Connects]
		},
		"transports": func(p platform.Platform) string {
			if p.Transports == nil {
				return "both"
			}
			return map[string]string{"streamable_http": "Streamable HTTP", "sse": "HTTP+SSE"}[p.Transports[0]] + " only"
		},
		"most": func(p platform.Platform) string {
			if p.MaxServers == 0 {
				return "–"
			}
			return "≤ " + strconv.Itoa(p.MaxServers)
		},
		"codes": func(all []string) string { return "`" + strings.Join(all, "`, `") + "`" },
		"sources": func(p platform.Platform) string {
			var all []string
			for _, s := range append([]platform.Source{p.Source}, p.More...) {
				all = append(all, s.Text+" ("+s.Date+", "+s.Confidence+" confidence)")
			}
			return strings.Join(all, "; ")
		},
	}).ParseFiles(filepath.Join("testdata", "platforms.md.tmpl"))
	require.NoError(t, err)
	var page bytes.Buffer
	require.NoError(t, tmpl.Execute(&page, platform.All()))
	file := filepath.Join("..", "..", "docs", "platforms.md")
	if *update {
		require.NoError(t, os.WriteFile(file, page.Bytes(), 0o600))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, page.String(), string(got), "run: go test ./mcptools/platform -update")
}

func support(p platform.Platform, f platform.Field) string {
	if s := p.Takes(f); s != platform.Unknown {
		return string(s)
	}
	return "?"
}

func yes(p platform.Platform, f platform.Field) string {
	return map[string]string{"taken": "yes", "dropped": "ignored", "refused": "refused", "?": "?"}[support(p, f)]
}

func approval(p platform.Platform) string {
	if p.Takes(platform.FieldApproval) != platform.Taken {
		return "no"
	}
	words := "all or none"
	if p.Takes(platform.FieldApprovalFilter) == platform.Taken {
		words += ", by name"
	}
	if p.Takes(platform.FieldApprovalReadOnly) == platform.Taken {
		words += ", by annotation"
	}
	return words
}

func otherwise(p platform.Platform) string {
	return map[platform.Default]string{
		platform.DefaultAlways: "asks", platform.DefaultNever: "**makes the call**", platform.DefaultNone: "**makes the call**", platform.DefaultUnknown: "?",
	}[p.Approval]
}

func allowedTools(p platform.Platform) string {
	switch {
	case p.Takes(platform.FieldAllowedTools) != platform.Taken:
		return yes(p, platform.FieldAllowedTools)
	case p.Takes(platform.FieldReadOnly) == platform.Taken:
		return "list, `read_only`"
	}
	return "list"
}
