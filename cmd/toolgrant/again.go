package main

import (
	"regexp"
	"strings"
)

// again returns a command line for the server of this run, with the global
// flags that this run was given. words are the subcommand, its argument and its
// own flags.
func (a *app) again(words ...string) string {
	line := []string{"toolgrant"}
	for _, w := range words {
		line = append(line, quote(w))
	}
	for _, flag := range a.global.repeated() {
		line = append(line, quote(flag))
	}
	return strings.Join(line, " ")
}

var unquoted = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quote quotes a word for a POSIX shell, if that is necessary.
func quote(word string) string {
	if unquoted.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// repeated returns the global flags on the command line that select a server or
// credential, for a command that the user should run next.
func (g *globalFlags) repeated() []string {
	if g.given == nil {
		return nil
	}
	var line []string
	for _, f := range []struct{ name, value string }{
		{"store", g.store}, {"keyset", g.keyset}, {"owner", g.ownerText}, {"account", g.account}, {"server-url", g.serverURL}, {"transport", g.transport}, {"audit-log", g.auditLog},
	} {
		if g.given(f.name) {
			line = append(line, "--"+f.name, f.value)
		}
	}
	if g.allowLoopback {
		line = append(line, "--allow-loopback")
	}
	return line
}
