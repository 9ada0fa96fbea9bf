package main

import (
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// globalFlags are the flags that every command accepts. Help shows them only
// for the commands that use them; see [uses].
type globalFlags struct {
	store         string
	keyset        string
	ownerText     string
	owner         oauthstore.Owner // parsed from ownerText by check
	account       string
	serverURL     string
	transport     string
	allowLoopback bool
	auditLog      string
	json          bool

	given func(name string) bool // reports whether the flag is on the command line
}

// Global flags that a command uses, beside --json.
const (
	credentialFlags   = "store keyset owner account server-url transport allow-loopback audit-log"
	doctorFlags       = "store keyset owner account server-url transport allow-loopback"
	statusFlags       = "store keyset owner account server-url allow-loopback"
	relayCommandFlags = "store keyset allow-loopback audit-log"
	sweepFlags        = "store keyset owner allow-loopback audit-log"
	keysFlags         = "store keyset audit-log"
)

// usesKey is the annotation of a command with the global flags that it uses.
const usesKey = "uses"

// uses records the global flags that cmd and its subcommands use.
func uses(cmd *cobra.Command, flags string) *cobra.Command {
	cmd.Annotations = map[string]string{usesKey: flags}
	return cmd
}

// hideUnused hides the global flags that cmd does not use from its help. They
// are still accepted, so that a script can pass the same flags to every command.
func hideUnused(cmd *cobra.Command) {
	var used []string
	for c := cmd; c != nil; c = c.Parent() {
		used = append(used, strings.Fields(c.Annotations[usesKey])...)
	}
	for name := range strings.FieldsSeq(credentialFlags) { // which are all but --json
		cmd.Root().PersistentFlags().Lookup(name).Hidden = !slices.Contains(used, name)
	}
}

func (g *globalFlags) register(root *cobra.Command, env map[string]string) {
	flags := root.PersistentFlags()
	flags.StringVar(&g.store, "store", "", "`URL` of the credential store: memory:, file:DIR, sqlite:PATH, postgres://…, redis://… (default $TOOLGRANT_STORE, else a SQLite file in your state folder)")
	flags.StringVar(&g.keyset, "keyset", "", "`FILE` with the keys that encrypt the store, or keyring:NAME for the operating system's keyring (default $TOOLGRANT_KEYSET, else a file in your config folder)")
	flags.StringVar(&g.ownerText, "owner", "", "owner of the credential, as `TENANT/SUBJECT` (default local/ and your login name)")
	flags.StringVar(&g.account, "account", "", "`NAME` of the account, if the owner has several")
	flags.StringVar(&g.serverURL, "server-url", "", "`URL` of a self-hosted or local server (default the provider's own)")
	flags.StringVar(&g.transport, "transport", "", "transport of a server outside the catalogue: streamable or sse (default: found out)")
	flags.BoolVar(&g.allowLoopback, "allow-loopback", false, "allow http and loopback addresses, for tests")
	flags.StringVar(&g.auditLog, "audit-log", "", "`FILE` to append a line of JSON to when a credential is connected, imported, revealed or disconnected or the keyset changes, with the operating system user (default $TOOLGRANT_AUDIT_LOG, else none)")
	flags.BoolVar(&g.json, "json", false, "print JSON for scripts")
	g.given = flags.Changed

	// Set here so that --help does not show them: they name paths and users of this machine.
	g.store = first(env["TOOLGRANT_STORE"], "sqlite:"+filepath.Join(stateFolder(env), "toolgrant", "credentials.db"))
	g.keyset = first(env["TOOLGRANT_KEYSET"], defaultKeyset(env))
	g.ownerText = "local/" + loginName(env)
	g.auditLog = env["TOOLGRANT_AUDIT_LOG"]
}

// transports maps the values of --transport to those of the catalogue.
var transports = map[string]string{"streamable": providers.TransportHTTP, "sse": providers.TransportSSE}

// defaultKeyset returns the path of the keyset file without --keyset and
// TOOLGRANT_KEYSET.
func defaultKeyset(env map[string]string) string {
	return filepath.Join(configFolder(env), "toolgrant", "keyset.json")
}

// check validates the flags and parses the owner.
func (g *globalFlags) check() error {
	tenant, subject, ok := strings.Cut(g.ownerText, "/")
	if !ok || tenant == "" || subject == "" {
		return usagef("--owner %q: must be TENANT/SUBJECT", g.ownerText)
	}
	g.owner = oauthstore.Owner{Tenant: tenant, Subject: subject}
	if _, ok := transports[g.transport]; !ok && g.transport != "" {
		return usagef("--transport %q: must be streamable or sse", g.transport)
	}
	return nil
}

// first returns the first text that is not empty, or "".
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// stateFolder returns the folder for persistent data other than configuration.
func stateFolder(env map[string]string) string {
	if runtime.GOOS == "windows" {
		return env["LOCALAPPDATA"]
	}
	return first(env["XDG_STATE_HOME"], filepath.Join(env["HOME"], ".local", "state"))
}

// configFolder returns the folder for configuration.
func configFolder(env map[string]string) string {
	if runtime.GOOS == "windows" {
		return env["APPDATA"]
	}
	return first(env["XDG_CONFIG_HOME"], filepath.Join(env["HOME"], ".config"))
}

// loginName returns the name of the user who runs the command.
func loginName(env map[string]string) string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return first(env["USER"], env["USERNAME"], "user")
}
