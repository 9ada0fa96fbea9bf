package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/toolgrant/toolgrant/mcptools"
)

// manCommand writes man pages, for packagers.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write man pages into a folder",
		Long:   "Writes a man page for each command into a folder, such as /usr/local/share/man/man1.",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: a.begin(func(_ context.Context, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // G301: man pages are for all users
				return faultf(mcptools.KindMisconfigured, "%v", err)
			}
			pages := manPages(a.rootCommand())
			for name, page := range pages {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(page), 0o644); err != nil { //nolint:gosec // G306: man pages are for all users
					return faultf(mcptools.KindMisconfigured, "%v", err)
				}
			}
			a.print(map[string]int{"pages": len(pages)}, func(w io.Writer) { _, _ = fmt.Fprintf(w, "Wrote %s.\n", plural(len(pages), "page")) })
			return nil
		}),
	}
}

// manPages returns the man page of cmd and of each visible command below it, by
// file name.
func manPages(cmd *cobra.Command) map[string]string {
	pages := map[string]string{manName(cmd) + ".1": manPage(cmd)}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			maps.Copy(pages, manPages(sub))
		}
	}
	return pages
}

// manName returns the name of a command's page: its path with dashes.
func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage returns the man page of a command in roff.
func manPage(cmd *cobra.Command) string {
	hideUnused(cmd)
	var b strings.Builder
	line := func(macro, text string) { _, _ = fmt.Fprintf(&b, "%s %s\n", macro, roffQuote(text)) }
	block := func(title, text string) {
		if text != "" {
			line(".SH", title)
			b.WriteString(".nf\n" + roff(text) + "\n.fi\n")
		}
	}
	_, _ = fmt.Fprintf(&b, ".TH %s 1\n", roffQuote(strings.ToUpper(manName(cmd))))
	line(".SH", "NAME")
	b.WriteString(roff(manName(cmd)+" - "+cmd.Short) + "\n")
	block("SYNOPSIS", strings.TrimSpace(cmd.UseLine()))
	block("DESCRIPTION", first(cmd.Long, cmd.Short+"."))
	var options strings.Builder
	flags := func(set *pflag.FlagSet) {
		set.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				value, usage := pflag.UnquoteUsage(f)
				options.WriteString(".TP\n" + roff(strings.TrimSpace("--"+f.Name+" "+value)) + "\n" + roff(usage) + "\n")
			}
		})
	}
	flags(cmd.NonInheritedFlags())
	flags(cmd.InheritedFlags())
	if options.Len() > 0 {
		line(".SH", "OPTIONS")
		b.WriteString(options.String())
	}
	block("EXAMPLES", cmd.Example)
	var also []string
	if cmd.HasParent() {
		also = append(also, manName(cmd.Parent())+"(1)")
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			also = append(also, manName(sub)+"(1)")
		}
	}
	block("SEE ALSO", strings.Join(also, "\n"))
	return b.String()
}

// roff escapes text, so that no line of it is a macro.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

// roffQuote returns text as one argument of a macro.
func roffQuote(text string) string { return `"` + strings.ReplaceAll(roff(text), `"`, `""`) + `"` }
