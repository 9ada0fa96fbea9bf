package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

// run enrolls the agent and runs it on two nights. Its token lives for an hour.
func run(ctx context.Context, out io.Writer) (err error) {
	world, err := lab.Start(&lab.Options{Servers: []lab.Server{{Name: "tasks", Confidential: true}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	a, store, err := newAgent(world)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()
	if err := a.enroll(ctx); err != nil {
		return err
	}
	tokens := 0
	for night := 1; night <= 2; night++ {
		text, err := a.report(ctx)
		if err != nil {
			return err
		}
		n := world.Count("appauth", "client_credentials")
		_, _ = fmt.Fprintf(out, "Night %d: %s\n   new tokens: %d\n", night, text, n-tokens)
		tokens = n
		world.Expire() // by the next night, the token has expired
	}
	return nil
}

func newAgent(world *lab.World) (*agent, *oauthstore.Store, error) {
	tasks, info := world.Server("tasks"), world.Info()
	apps := connect.Apps{{Issuer: tasks.Issuer, Servers: []string{tasks.MCPURL}, ID: tasks.ClientID, Secret: oauthstore.NewSecret(tasks.ClientSecret)}}
	keys, err := keyset.New()
	if err != nil {
		return nil, nil, err
	}
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{Clients: apps.Client, InsecureAllowLoopback: true})
	if err != nil {
		return nil, nil, err
	}
	a := &agent{
		client: openai.NewClient(option.WithBaseURL(info.OpenAIBaseURL), option.WithAPIKey(info.OpenAIAPIKey)),
		provider: providers.Custom("tasks", tasks.MCPURL, &providers.CustomOptions{
			Name: "Tasks", Ways: []providers.Way{{ID: "machine", Kind: providers.WayMachine}},
		}),
	}
	builder, err := mcptools.NewBuilder(a.provider, store, &mcptools.Options{
		ReadOnly: true, Approval: mcptools.ApprovalNever, InsecureAllowLoopback: true,
	})
	if err != nil {
		return nil, nil, err
	}
	if a.set, err = mcptools.NewSet(builder); err != nil {
		return nil, nil, err
	}
	a.connector, err = connect.New(store, &connect.Options{Apps: apps, Verify: builder.Verifier(), InsecureAllowLoopback: true})
	return a, store, err
}
