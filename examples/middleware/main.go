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

// run makes the same request in four situations.
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
	request := func(what string, user oauthstore.Owner) {
		text, err := answer(ctx, client, set, user, "What do my notes say?")
		_, _ = fmt.Fprintln(out, what)
		if failure, ok := mcptools.AsFailure(err); ok {
			_, _ = fmt.Fprintf(out, "   %s, so the backend responds with %d: %s\n", failure.Kind, failure.HTTPStatus(), failure.PublicMessage())
		} else if err != nil {
			_, _ = fmt.Fprintln(out, "  ", err)
		} else {
			_, _ = fmt.Fprintln(out, "  ", text)
		}
		nowRequests, nowRefreshes := len(world.ModelRequests()), world.Count("auth", "refresh_token")
		_, _ = fmt.Fprintf(out, "   requests to OpenAI: %d, refreshes: %d\n\n", nowRequests-requests, nowRefreshes-refreshes)
		requests, refreshes = nowRequests, nowRefreshes
	}

	request("1. Mia asks.", mia)

	world.Expire()
	request("2. Her token expires an hour early. The MCP server rejects OpenAI's request,\n   and the program sends it again with a new token.", mia)

	if err := world.Fault("openai:500*1"); err != nil {
		return err
	}
	request("3. Noa's token has expired too, and OpenAI fails once: openai-go retries.", noa)

	world.Revoke(mia.Subject)
	request("4. Mia has revoked her consent. A retry can't help, so there is none.", mia)
	return nil
}

// connect stores the users' credentials, verifies each as its first use does,
// and returns the program's builders.
func connect(ctx context.Context, world *lab.World, store *oauthstore.Store) (*mcptools.Set, error) {
	provider := providers.Custom("notes", world.Server("notes").MCPURL, &providers.CustomOptions{Name: "Notes"})
	builder, err := mcptools.NewBuilder(provider, store, &mcptools.Options{
		Approval:              mcptools.ApprovalNever,
		InsecureAllowLoopback: true, // the servers are on this machine
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
