package main

import (
	"net/url"
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
		{"store", withoutPassword(g.store)}, {"keyset", g.keyset}, {"owner", g.ownerText}, {"account", g.account}, {"server-url", g.serverURL}, {"transport", g.transport}, {"audit-log", g.auditLog},
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

// withoutPassword returns a --store URL with a word in place of each password,
// which the user has to fill in.
func withoutPassword(store string) string {
	scheme, _, _ := strings.Cut(store, ":")
	if storeKinds[scheme].local {
		return store
	}
	u, err := url.Parse(store)
	if err != nil || u.User == nil && strings.Contains(store, "@") {
		return scheme + "://URL"
	}
	if _, ok := u.User.Password(); ok {
		u.User = url.UserPassword(u.User.Username(), "PASSWORD")
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, "PASSWORD")
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}
