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
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "middleware:", err)
		os.Exit(1)
	}
}

// Two users of the program.
var (
	mia = oauthstore.Owner{Tenant: "acme", Subject: "mia"}
	noa = oauthstore.Owner{Tenant: "acme", Subject: "noa"}
)

// run tells what becomes of the same call in four situations.
func run(ctx context.Context, out io.Writer) (err error) {
	world, err := lab.Start(&lab.Options{Servers: []lab.Server{{Name: "notes"}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()
	set, err := connect(ctx, world, store)
	if err != nil {
		return err
	}
	info := world.Info()
	client := openai.NewClient(option.WithBaseURL(info.OpenAIBaseURL), option.WithAPIKey(info.OpenAIAPIKey))

	requests, refreshes := 0, 0
	tell := func(what string, user oauthstore.Owner) {
		text, err := answer(ctx, client, set, user, "What do my notes say?")
		_, _ = fmt.Fprintln(out, what)
		if failure, ok := mcptools.AsFailure(err); ok {
			_, _ = fmt.Fprintf(out, "   %s, so the backend answers %d: %s\n", failure.Kind, failure.HTTPStatus(), failure.PublicMessage())
		} else if err != nil {
			_, _ = fmt.Fprintln(out, "  ", err)
		} else {
			_, _ = fmt.Fprintln(out, "  ", text)
		}
		nowRequests, nowRefreshes := len(world.ModelRequests()), world.Count("auth", "refresh_token")
		_, _ = fmt.Fprintf(out, "   requests to OpenAI: %d, refreshes: %d\n\n", nowRequests-requests, nowRefreshes-refreshes)
		requests, refreshes = nowRequests, nowRefreshes
	}

	tell("1. Mia asks.", mia)

	world.Expire()
	tell("2. Her token has ended an hour before its time. OpenAI is refused by the MCP server,\n   and the request goes out once more with the next token.", mia)

	if err := world.Fault("openai:500*1"); err != nil {
		return err
	}
	tell("3. So has Noa's, and OpenAI is out of order for a moment: openai-go asks again by itself.", noa)

	world.Revoke(mia.Subject)
	tell("4. Mia has taken her consent back. Nothing heals that, and nothing is tried.", mia)
	return nil
}

// connect stores the users' credentials, asks the server about them as each
// first use does, and returns the program's builders.
func connect(ctx context.Context, world *lab.World, store *oauthstore.Store) (*mcptools.Set, error) {
	provider := providers.Custom("notes", world.Server("notes").MCPURL, &providers.CustomOptions{Name: "Notes"})
	builder, err := mcptools.NewBuilder(provider, store, &mcptools.Options{
		Approval:              mcptools.ApprovalNever,
		InsecureAllowLoopback: true, // the world is on this machine
	})
	if err != nil {
		return nil, err
	}
	for _, user := range []oauthstore.Owner{mia, noa} {
		key := oauthstore.Key{Owner: user, Provider: provider.ID, Server: provider.Server.URL}
		if _, err := store.Put(ctx, key, world.Grant("notes", user.Subject).Credential()); err != nil {
			return nil, err
		}
		if _, err := builder.Build(ctx, user, nil); err != nil {
			return nil, err
		}
	}
	return mcptools.NewSet(builder)
}
