package main

import (
	"context"
	"errors"
	"strings"

	"github.com/openai/openai-go/v3/responses"
	"github.com/spf13/cobra"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// runFlags are the flags of run.
type runFlags struct {
	tools     []string
	model     string
	approval  string
	keepGoing bool
	plainHTTP bool
	platform  platformFlag
	relay     relayFlags
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run PROMPT",
		Short: "Run one model session with tools",
		Long: `Sends a prompt to a model, which can call the tools of the servers given with
--tool, and shows each step. Every call waits for y or n on stdin; the end of the
input means no. Uses OPENAI_API_KEY, and OPENAI_BASE_URL if it is set.`,
		Example: `  toolgrant run 'What is due this week?' --tool asana --tool linear
  toolgrant run 'Find my notes on pricing' --tool notion --approval never --json`,
		Args: cobra.ExactArgs(1),
		RunE: a.begin(func(ctx context.Context, args []string) error {
			if err := f.check(args[0], a.global.serverURL); err != nil {
				return err
			}
			on, err := f.platform.platform()
			if err != nil {
				return err
			}
			client, err := a.responses(f.plainHTTP)
			if err != nil {
				return err
			}
			defer client.close()
			if err := a.checkRoute(on); err != nil {
				return err
			}
			keys, err := a.openKeyset(ctx)
			if err != nil {
				return err
			}
			return a.withSealer(ctx, keys, func(store *oauthstore.Store) error {
				relay, err := a.relay(store, keys, f.relay)
				if err != nil {
					return err
				}
				tools, err := a.runTools(ctx, store, relay, f)
				if err != nil {
					return err
				}
				return a.run(ctx, client, tools, args[0], f)
			})
		}),
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.tools, "tool", nil, "`PROVIDER` or LABEL=URL whose tools the model can call; repeatable")
	flags.StringVar(&f.model, "model", "gpt-5", "`MODEL` to use")
	flags.StringVar(&f.approval, "approval", "ask", "approval of tool calls: ask (each call), never (no approval needed) or deny (refuse every call)")
	flags.BoolVar(&f.plainHTTP, "insecure-plain-http", false, "allow an OPENAI_BASE_URL with plain http, such as a gateway inside a cluster, which sends the key and the tokens in clear text")
	f.platform.register(flags, "`NAME` of the service at OPENAI_BASE_URL")
	flags.BoolVar(&f.keepGoing, "keep-going", false, "skip a server that fails and continue")
	f.relay.register(cmd)
	return cmd
}

// approvals maps the values of --approval to those of the entries.
var approvals = map[string]mcptools.Approval{
	"ask":   mcptools.ApprovalAlways,
	"never": mcptools.ApprovalNever,
	"deny":  mcptools.ApprovalAlways,
}

func (f runFlags) check(prompt, serverURL string) error {
	switch _, known := approvals[f.approval]; {
	case !known:
		return usagef("--approval %q: must be ask, never or deny", f.approval)
	case strings.TrimSpace(prompt) == "":
		return usagef("the prompt is empty")
	case f.model == "":
		return usagef("--model must not be empty")
	case len(f.tools) == 0:
		return usagef("run needs --tool PROVIDER")
	case len(f.tools) > 1 && serverURL != "":
		return usagef("--server-url works with one --tool only: pass --tool LABEL=URL for each server")
	}
	return f.relay.check(0)
}

// runTools are the servers of a session.
type runTools struct {
	set     *mcptools.Set
	build   map[string]mcptools.BuildOptions // by label
	names   map[string]string                // --tool as given, by label
	skipped []mcptools.Skipped               // servers that --keep-going skips from the start
}

// skip records that a server is left out of the session. name is --tool as given.
func (t *runTools) skip(name, label string, kind mcptools.Kind, action mcptools.Action) {
	t.names[label] = name
	t.skipped = append(t.skipped, mcptools.Skipped{Label: label, Provider: label, Failure: &mcptools.Failure{
		Kind: kind, Stage: mcptools.StageBuild, Provider: label, ServerLabel: label, Action: action,
	}})
}

// runTools returns the servers that --tool names.
func (a *app) runTools(ctx context.Context, store *oauthstore.Store, relay mcptools.Relay, f runFlags) (*runTools, error) {
	tools := &runTools{set: &mcptools.Set{}, build: map[string]mcptools.BuildOptions{}, names: map[string]string{}}
	var builders []*mcptools.Builder
	for _, name := range f.tools {
		a.subject.Store(&name) // the provider of a possible error
		t, err := a.resolve(ctx, store, name)
		if u, unknown := errors.AsType[*unknownProviderError](err); unknown && f.keepGoing {
			tools.skip(name, u.label, mcptools.KindNotConnected, mcptools.ActionConnect)
			continue
		}
		if err == nil {
			err = a.usable(t)
		}
		if err == nil {
			t, err = a.orOpen(ctx, store, t)
		}
		if why, ok := errors.AsType[*fault](err); ok && f.keepGoing && t.key.Provider != "" {
			tools.skip(name, t.key.Provider, why.Kind, why.Action)
			continue
		}
		if err != nil {
			return nil, err
		}
		on, err := f.platform.platform()
		if err != nil {
			return nil, err
		}
		b, err := mcptools.NewBuilder(t.provider, store, &mcptools.Options{
			Platform: on, Approval: approvals[f.approval], InsecureAllowLoopback: a.global.allowLoopback, Relay: relay,
		})
		if err != nil {
			return nil, builderFault(err)
		}
		builders = append(builders, b)
		tools.build[b.Label()] = mcptools.BuildOptions{Account: t.key.Account, ServerURL: t.key.Server}
		tools.names[b.Label()] = name
	}
	a.subject.Store(nil)
	if len(builders) == 0 {
		return tools, nil
	}
	var err error
	if tools.set, err = mcptools.NewSet(builders...); err != nil {
		return nil, usagef("--tool: %s", message(err))
	}
	return tools, nil
}

// run runs one turn and shows its events.
func (a *app) run(ctx context.Context, client *responsesClient, tools *runTools, prompt string, f runFlags) error {
	v := a.newView(tools, f.model)
	defer v.end()
	o := &session.Options{
		Params: responses.ResponseNewParams{Model: f.model},
		Stream: true,
		Build:  mcptools.SetBuildOptions{Each: tools.build, InsecurePlainHTTP: f.plainHTTP},
	}
	if on, err := f.platform.platform(); err == nil {
		o.Replay = on.NoPrevious
	}
	if f.keepGoing {
		o.OnFailure = session.OnFailureSkip
	}
	switch f.approval {
	case "ask":
		o.Approve = a.newQuestions(v).approve
	case "deny":
		o.Rules = []session.Rule{{Answer: session.Answer{Decision: session.DecisionDeny, Reason: "the user allows no calls"}}}
	}
	s, err := session.New(&client.ResponseService, tools.set, a.global.owner, o)
	if err != nil {
		return err
	}
	for _, left := range tools.skipped {
		v.show(session.Event{Type: session.EventSkipped, Label: left.Label, Provider: left.Provider, Failure: left.Failure})
	}
	for e, err := range s.Run(ctx, prompt) {
		if err != nil {
			return a.runFault(err, tools)
		}
		switch {
		case e.Type == session.EventSkipped && !f.keepGoing: // a server that is not connected; no request was sent
			return a.runFault(e.Failure, tools)
		case e.Type == session.EventDone:
			e.Skipped = append(tools.skipped, e.Skipped...)
		}
		v.show(e)
	}
	return nil
}

// runFault returns the fault for a session that failed.
func (a *app) runFault(err error, tools *runTools) error {
	if errors.Is(err, context.Canceled) {
		return faultOf(err)
	}
	all := failuresOf(err)
	if len(all) == 0 {
		return unansweredFault(err)
	}
	if name, ok := tools.names[all[0].ServerLabel]; ok {
		a.subject.Store(&name)
	}
	if all[0].Kind == mcptools.KindPlatform || all[0].Stage == mcptools.StageRequest {
		return platformFault(all[0])
	}
	f := faultOf(all[0])
	for _, more := range all[1:] {
		f.Message, f.lines = f.Message+"; "+message(more), ""
	}
	return f
}

// failuresOf returns the failures that err joins.
func failuresOf(err error) []*mcptools.Failure {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // only this error: a failure wraps others
		var all []*mcptools.Failure
		for _, e := range joined.Unwrap() {
			all = append(all, failuresOf(e)...)
		}
		return all
	}
	if f, ok := mcptools.AsFailure(err); ok {
		return []*mcptools.Failure{f}
	}
	return nil
}
