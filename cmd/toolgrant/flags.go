package main

import (
	"os/user"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// globalFlags are the flags that every subcommand takes.
type globalFlags struct {
	store         string
	keyset        string
	ownerText     string
	owner         oauthstore.Owner // of ownerText, after check
	account       string
	serverURL     string
	allowLoopback bool
	auditLog      string
	json          bool

	ownerGiven, accountGiven func() bool // whether the flag stands on the command line
}

func (g *globalFlags) register(root *cobra.Command, env map[string]string) {
	flags := root.PersistentFlags()
	flags.StringVar(&g.store, "store", "", "`URL` of where credentials are kept: memory:, file:DIR, sqlite:PATH, postgres://…, redis://… (default $TOOLGRANT_STORE, else SQLite in your state folder)")
	flags.StringVar(&g.keyset, "keyset", "", "`FILE` with the keys that seal them, or keyring:NAME for the operating system's keyring (default $TOOLGRANT_KEYSET, else a file in your config folder)")
	flags.StringVar(&g.ownerText, "owner", "", "whose credential, as `TENANT/SUBJECT` (default local/ and your login name)")
	flags.StringVar(&g.account, "account", "", "which of several accounts of that owner, by `NAME`")
	flags.StringVar(&g.serverURL, "server-url", "", "`URL` of a self-hosted or local server (default the provider's own)")
	flags.BoolVar(&g.allowLoopback, "allow-loopback", false, "permit http and loopback addresses, for tests")
	flags.StringVar(&g.auditLog, "audit-log", "", "`FILE` that gets a line of JSON for each credential connected, imported, revealed or disconnected and each change of the keyset, with the operating system's user (default $TOOLGRANT_AUDIT_LOG, else none)")
	flags.BoolVar(&g.json, "json", false, "print JSON for scripts")
	g.ownerGiven = func() bool { return flags.Changed("owner") }
	g.accountGiven = func() bool { return flags.Changed("account") }

	// Defaults that --help must not show, since they hold names of this machine.
	g.store = first(env["TOOLGRANT_STORE"], "sqlite:"+filepath.Join(stateFolder(env), "toolgrant", "credentials.db"))
	g.keyset = first(env["TOOLGRANT_KEYSET"], defaultKeyset(env))
	g.ownerText = "local/" + loginName(env)
	g.auditLog = env["TOOLGRANT_AUDIT_LOG"]
}

// defaultKeyset is the keyset's file where nobody says otherwise.
func defaultKeyset(env map[string]string) string {
	return filepath.Join(configFolder(env), "toolgrant", "keyset.json")
}

// check splits and checks what was given.
func (g *globalFlags) check() error {
	tenant, subject, ok := strings.Cut(g.ownerText, "/")
	if !ok || tenant == "" || subject == "" {
		return usagef("--owner must be TENANT/SUBJECT, is %q", g.ownerText)
	}
	g.owner = oauthstore.Owner{Tenant: tenant, Subject: subject}
	return nil
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// stateFolder is where programs keep what lasts and is no configuration.
func stateFolder(env map[string]string) string {
	if runtime.GOOS == "windows" {
		return env["LOCALAPPDATA"]
	}
	return first(env["XDG_STATE_HOME"], filepath.Join(env["HOME"], ".local", "state"))
}

// configFolder is where programs keep their configuration.
func configFolder(env map[string]string) string {
	if runtime.GOOS == "windows" {
		return env["APPDATA"]
	}
	return first(env["XDG_CONFIG_HOME"], filepath.Join(env["HOME"], ".config"))
}

// loginName is the name of the user that runs the command.
func loginName(env map[string]string) string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return first(env["USER"], env["USERNAME"], "user")
}
