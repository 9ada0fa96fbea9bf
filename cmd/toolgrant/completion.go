package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/providers"
)

// flagValues are the values of flags that take one of a few words, by command and
// flag.
var flagValues = map[string]map[string][]string{
	"entry":     {"approval": {"always", "never"}, "use": {"authorization", "headers"}},
	"run":       {"approval": {"ask", "never", "deny"}},
	"explain":   {"surface": {"responses", "realtime", "azure"}},
	"providers": {"auth": {providers.WayOAuth, providers.WayKey, providers.WayMachine, providers.WayNone}},
}

// completions registers the completion of flag values and of PROVIDER.
func (a *app) completions(root *cobra.Command) {
	_ = root.RegisterFlagCompletionFunc("transport", cobra.FixedCompletions([]string{"streamable", "sse"}, cobra.ShellCompDirectiveNoFileComp))
	for _, cmd := range root.Commands() {
		if cmd.Flags().Lookup("platform") != nil {
			_ = cmd.RegisterFlagCompletionFunc("platform", cobra.FixedCompletions(platformIDs(), cobra.ShellCompDirectiveNoFileComp))
		}
		for flag, values := range flagValues[cmd.Name()] {
			_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
		if strings.Contains(cmd.Use, "PROVIDER") && cmd.ValidArgsFunction == nil {
			cmd.ValidArgsFunction = a.completeProvider
		}
		switch cmd.Name() {
		case "providers":
			cmd.ValidArgsFunction = completeCatalogue
		case "run":
			_ = cmd.RegisterFlagCompletionFunc("tool", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
				return a.completeProvider(cmd, nil, typed)
			})
		case "lab":
			_ = cmd.RegisterFlagCompletionFunc("fault", completeFault)
		}
	}
}

// completeCatalogue completes an id of the catalogue, with the name as its help.
func completeCatalogue(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	var ids []string
	for _, p := range providers.All() {
		if len(args) == 0 && p.Retired == "" && strings.HasPrefix(p.ID, typed) {
			ids = append(ids, p.ID+"\t"+p.Name)
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// completeProvider completes PROVIDER: the owner's labels, and the ids of the
// catalogue.
func (a *app) completeProvider(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	ids, directive := completeCatalogue(cmd, args, typed)
	if len(args) > 0 {
		return nil, directive
	}
	for _, label := range a.labels(cmd) {
		_, listed := providers.Lookup(label)
		if strings.HasPrefix(label, typed) && !listed {
			ids = append(ids, label+"\tconnected")
		}
	}
	return ids, directive
}

// labels returns the labels of the owner's credentials in a store on this
// machine; nil if they can't be read. It makes no store and no keyset, and asks
// no other machine.
func (a *app) labels(cmd *cobra.Command) []string {
	scheme, path, err := a.storeKind()
	if err != nil || !storeKinds[scheme].local || a.global.check() != nil {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	var labels []string
	err = a.withSealer(cmd.Context(), keyless{}, func(store *oauthstore.Store) error {
		all, err := store.List(cmd.Context(), a.global.owner)
		for _, s := range all {
			labels = append(labels, s.Key.Provider)
		}
		return err
	})
	if err != nil {
		return nil
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// keyless is a sealer without keys: it shows which records exist, and opens none.
type keyless struct{}

func (keyless) Seal(context.Context, []byte, []byte) ([]byte, error) {
	return nil, backend.ErrKeyUnavailable
}

func (keyless) KeyID([]byte) string { return "" }

func (keyless) Open(context.Context, []byte, []byte) ([]byte, error) {
	return nil, backend.ErrKeyUnavailable
}

// completeFault completes a name of a fault of the lab.
func completeFault(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	world, err := lab.Start(nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = world.Close() }()
	var names []string
	for _, f := range world.FaultNames() {
		if strings.HasPrefix(f.Name, typed) {
			names = append(names, f.Name+"\t"+f.Doc)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
