package providers_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/replay"
	"github.com/toolgrant/toolgrant/providers"
)

var update = flag.Bool("update", false, "write docs/providers.md anew")

func TestThePageOfProvidersIsFresh(t *testing.T) {
	t.Parallel()
	page := filepath.Join("..", "docs", "providers.md")
	want := render(t)
	if *update {
		require.NoError(t, os.WriteFile(page, want, 0o644))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run: go generate ./providers")
}

func render(t *testing.T) []byte {
	t.Helper()
	texts := callTexts(t)
	tmpl, err := template.New("providers.md.tmpl").Funcs(template.FuncMap{
		"anchor": anchor, "links": links, "needs": needs, "rest": rest, "registration": registration, "travels": travels,
		"golang":  func(p providers.Provider) string { return golang(p, texts[p.ID]) },
		"replays": replays, "short": short, "commands": commands, "shell": shell, "wrongs": wrongs, "headers": headers, "code": code, "facts": pageFacts, "sources": pageSources,
	}).ParseFiles(filepath.Join("testdata", "providers.md.tmpl"))
	require.NoError(t, err)
	data := struct{ All, Open, Keys, Consent, Manual, Listed, Paused []providers.Provider }{All: providers.All()}
	for _, p := range data.All {
		first, _ := p.Way("")
		switch {
		case p.Retired != "":
			continue
		case hasWay(p, func(w providers.Way) bool { return w.Kind == providers.WayNone }):
			data.Open = append(data.Open, p)
		}
		if hasWay(p, func(w providers.Way) bool { return w.Kind == providers.WayKey }) {
			data.Keys = append(data.Keys, p)
		}
		switch first.Registration {
		case providers.RegistrationOpen:
			data.Consent = append(data.Consent, p)
		case providers.RegistrationManual:
			data.Manual = append(data.Manual, p)
		case providers.RegistrationRestricted:
			data.Listed = append(data.Listed, p)
		case providers.RegistrationPaused:
			data.Paused = append(data.Paused, p)
		case providers.RegistrationUnknown:
		}
	}
	var out bytes.Buffer
	require.NoError(t, tmpl.Execute(&out, data))
	page := regexp.MustCompile(`\n{3,}`).ReplaceAllString(out.String(), "\n\n")
	return []byte(strings.TrimRight(page, "\n") + "\n")
}

func hasWay(p providers.Provider, is func(providers.Way) bool) bool {
	return slices.ContainsFunc(p.Ways, is)
}

// callTexts returns the Go text of each entry of calls.
func callTexts(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "calls_test.go", nil, 0)
	require.NoError(t, err)
	texts := make(map[string]string)
	ast.Inspect(file, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key, isText := pair.Key.(*ast.BasicLit)
		call, isCall := pair.Value.(*ast.CallExpr)
		if isText && isCall {
			var out bytes.Buffer
			require.NoError(t, format.Node(&out, token.NewFileSet(), call))
			id, err := strconv.Unquote(key.Value)
			require.NoError(t, err)
			texts[id] = out.String()
		}
		return true
	})
	return texts
}

func anchor(p providers.Provider) string { return strings.ReplaceAll(p.ID, "_", "-") }

func links(ps []providers.Provider) string {
	var out []string
	for _, p := range ps {
		out = append(out, fmt.Sprintf("[%s](#%s)", p.Name, anchor(p)))
	}
	return strings.Join(out, " · ")
}

func needs(p providers.Provider) string {
	if p.Retired != "" {
		return "retired"
	}
	var out []string
	for _, w := range p.Ways {
		out = append(out, w.Name)
	}
	return strings.Join(out, ", or ")
}

func rest(p providers.Provider) string {
	if p.Ways[0].Kind == providers.WayNone {
		return ""
	}
	return map[providers.Answer]string{providers.Yes: "yes", providers.No: "**no**", providers.Unknown: ""}[p.RESTToken]
}

func registration(w providers.Way) string {
	switch w.Registration {
	case providers.RegistrationOpen:
		return "toolgrant registers the client."
	case providers.RegistrationUnknown, providers.RegistrationManual, providers.RegistrationRestricted, providers.RegistrationPaused:
	}
	return ""
}

func travels(w providers.Way) string {
	if len(w.Carry) == 0 {
		return ""
	}
	var out []string
	for _, c := range w.Carry {
		value := c.Prefix + "<token>"
		switch {
		case c.User != "":
			value = c.Prefix + "base64(<" + c.User + ">:<token>)"
		case c.Secret != "":
			value = c.Prefix + "<" + c.Secret + ">"
		}
		out = append(out, "`"+c.Header+": "+value+"`")
	}
	return "toolgrant sends it in " + strings.Join(out, " and ") + "."
}

// short drops the name from the beginning of a description.
func short(description string) string {
	if _, rest, ok := strings.Cut(description, ": "); ok {
		return strings.ToUpper(rest[:1]) + rest[1:]
	}
	return description
}

var commandRE = regexp.MustCompile(`toolgrant [a-z]+ [a-z0-9_]+`)

// commands marks the commands in a sentence.
func commands(s string) string { return commandRE.ReplaceAllString(s, "`$0`") }

var nonLetter = regexp.MustCompile(`[^a-z0-9]+`)

// golang returns three lines that make an entry.
func golang(p providers.Provider, call string) string {
	name := nonLetter.ReplaceAllString(strings.TrimPrefix(p.ID, "connector_"), "")
	build, source := "nil", "creds"
	if len(p.Server.Hosts) > 0 {
		build = "&mcptools.BuildOptions{ServerURL: urlOfThatUser}"
	}
	if hasWay(p, func(w providers.Way) bool { return w.Kind == providers.WayNone }) {
		source = "nil"
		if p.Ways[0].Kind != providers.WayNone {
			source = "creds"
		}
	}
	for _, h := range calls[p.ID].Headers {
		if h.Required && h.Value == "" {
			build = fmt.Sprintf("&mcptools.BuildOptions{Headers: map[string]string{%q: owner.Subject}}", h.Name)
		}
	}
	return fmt.Sprintf("%s, err := mcptools.NewBuilder(%s, %s, nil)\ntool, err := %s.Build(ctx, owner, %s)\nparams.Tools = append(params.Tools, tool)", name, call, source, name, build)
}

// shell returns the commands that make an entry.
func shell(p providers.Provider) string {
	at := ""
	made, err := calls[p.ID].ServerURL("")
	switch {
	case len(p.Server.Hosts) > 0:
		at = " --server-url https://mcp.zapier.com/the/url/of/the/app"
	case err == nil && made != p.Server.URL:
		at = " --server-url '" + made + "'"
	}
	var lines []string
	for _, w := range p.Ways {
		line := ""
		switch w.Kind {
		case providers.WayOAuth:
			line = "toolgrant connect " + p.ID + at
			if w.URL != "" {
				line = "toolgrant connect " + p.ID + " --server-url " + w.URL
			}
			if w.Registration == providers.RegistrationManual {
				line += " --client-id ID --client-secret-file FILE"
			}
		case providers.WayMachine:
			line = "toolgrant connect " + p.ID + at + " --client-credentials --client-id ID --client-secret-file FILE"
		case providers.WayKey:
			if w.URL != "" {
				line = "toolgrant import " + p.ID + " --server-url " + w.URL + " --token-file FILE"
			} else {
				line = "toolgrant import " + p.ID + at + " --token-file FILE"
			}
		}
		if line == "" {
			continue
		}
		var remarks []string
		if len(lines) > 0 {
			remarks = append(remarks, "or with: "+w.Name)
		}
		if names := w.Secrets(); len(names) > 0 {
			for i := range names {
				names[i] = strconv.Quote(names[i]) + `: "…"`
			}
			remarks = append(remarks, `FILE is JSON: {"access_token": "…", "secrets": {`+strings.Join(names, ", ")+`}}`)
		}
		if remarks != nil {
			line += "  # " + strings.Join(remarks, "; ")
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, "toolgrant entry "+p.ID+at), "\n")
}

func wrongs(p providers.Provider) []string {
	var out []string
	for _, w := range p.Wrong {
		verdict := "refused"
		if w.Works {
			verdict = "works, with a warning"
		}
		out = append(out, fmt.Sprintf("`%s` is %s: %s", w.Kind, verdict, w.Why))
	}
	return out
}

func headers(p providers.Provider) string {
	var out []string
	for _, h := range p.Headers {
		needed := ""
		if h.Required {
			needed = ", required"
		}
		out = append(out, fmt.Sprintf("`%s` (%s%s)", h.Name, h.Doc, needed))
	}
	return strings.Join(out, "; ")
}

// replays are the rows of the table of replays.
func replays() string {
	var rows []string
	for _, s := range replay.Servers() {
		p, _ := providers.Lookup(s.ID)
		ways := []string{"application"}
		for way, has := range map[string]bool{
			"registration": s.AS.Clients == replay.ClientsOpen, "metadata document": s.AS.Document, "device": s.AS.Device != "",
			"client credentials": s.AS.Machine, "registration, if listed": hasWay(p, func(w providers.Way) bool { return w.Registration == providers.RegistrationRestricted }),
		} {
			if has {
				ways = append(ways, way)
			}
		}
		if s.AS.Machine {
			ways = ways[1:]
		}
		slices.Sort(ways)
		rows = append(rows, fmt.Sprintf("| [%s](#%s) | %s | %s | %s |", p.Name, anchor(p), s.From, s.Date, strings.Join(ways, ", ")))
	}
	return strings.Join(rows, "\n")
}

func code(items []string) string { return "`" + strings.Join(items, "`, `") + "`" }

// pageFacts is what else is known, in one paragraph.
func pageFacts(p providers.Provider) string {
	var out []string
	add := func(cond bool, format string, args ...any) {
		if cond {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(p.Tokens.TTL > 0, "**An access token** expires after %s.", lifetime(p.Tokens.TTL))
	add(p.Tokens.RefreshTTL > 0, "**A refresh token** expires after %s.", lifetime(p.Tokens.RefreshTTL))
	add(p.Tokens.Refresh == providers.No && p.OAuth.Issuer != "", "**There is no refresh token.**")
	add(p.Tokens.Rotates == providers.Yes, "**Refresh tokens** rotate: each can be used once.")
	add(p.Tokens.Rotates == providers.No && p.Tokens.Refresh == providers.Yes, "**Refresh tokens** stay the same.")
	add(p.Tokens.OldAccessDies, "A refresh invalidates the previous access token.")
	add(p.Tokens.Format != "", "**Format:** %s", p.Tokens.Format)
	add(len(p.OAuth.Scopes) > 0, "**Scopes:** %s.", code(p.OAuth.Scopes))
	add(len(p.Options) > 0, "**Query parameters that you may add:** %s.", code(p.Options))
	add(p.ReadOnly != "", "**Read-only:** %s", p.ReadOnly)
	add(p.Check.Anonymous, "**Listing tools does not check a token**, since the server lists them for anyone.")
	add(p.Check.Note != "", "**To check a token:** %s", p.Check.Note)
	add(p.Cost != "", "**Cost:** %s", p.Cost)
	return strings.Join(out, " ")
}

func lifetime(d time.Duration) string {
	switch days := int(d.Hours()) / 24; {
	case days > 1:
		return strconv.Itoa(days) + " days"
	case d == time.Hour:
		return "an hour"
	}
	return strconv.Itoa(int(d.Hours())) + " hours"
}

// pageSources says where the facts are from.
func pageSources(p providers.Provider) string {
	out := []string{fmt.Sprintf("As of %s, confidence %s.", p.Source.Date, p.Source.Confidence)}
	for i, doc := range p.Docs {
		name := strings.TrimPrefix(strings.TrimPrefix(doc, "https://"), "www.")
		host, _, _ := strings.Cut(name, "/")
		out = append(out, fmt.Sprintf("[%s %d](%s)", host, i+1, doc))
	}
	return strings.Join(out, " ")
}
