package relay_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// exampleSite is a backend with a relay in a world in which mia has connected.
func exampleSite(opts relay.Options) (world *lab.World, r *relay.Relay, notes *mcptools.Builder, end func()) {
	ctx := context.Background()
	world = must(lab.Start(nil))
	keys := must(keyset.New())
	store := must(oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureAllowLoopback: true}))
	server := httptest.NewUnstartedServer(nil)
	opts.InsecureAllowLoopback = true
	r = must(relay.New(store, keys, "http://"+server.Listener.Addr().String()+"/mcp", &opts))
	mux := http.NewServeMux()
	mux.Handle("/mcp/", r)
	server.Config.Handler = mux
	server.Start()

	provider := providers.Custom("notes", world.Server("notes").MCPURL, nil)
	must(store.Put(ctx, oauthstore.Key{Owner: mia, Provider: "notes", Server: world.Server("notes").MCPURL}, world.Grant("notes", "mia").Credential()))
	notes = must(mcptools.NewBuilder(provider, store, &mcptools.Options{
		Relay: r, Approval: mcptools.ApprovalNever, InsecureAllowLoopback: true,
	}))
	return world, r, notes, func() {
		r.Close(ctx)
		server.Close()
		store.Close(ctx)
		world.Close()
	}
}

var mia = oauthstore.Owner{Tenant: "acme", Subject: "mia"}

// ask sends a request to the world's Responses endpoint.
func ask(world *lab.World, entry mcptools.Entry) (*responses.Response, error) {
	client := openai.NewClient(option.WithBaseURL(world.Info().OpenAIBaseURL), option.WithAPIKey(world.Info().OpenAIAPIKey), option.WithMaxRetries(0))
	return client.Responses.New(context.Background(), responses.ResponseNewParams{
		Model: "gpt-5", Tools: []responses.ToolUnionParam{entry.Tool()},
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("reports?")},
	})
}

// The platform gets a ticket and calls the relay, which adds the token. A token that
// the vendor has invalidated is refreshed on the way.
func ExampleNew() {
	world, _, notes, end := exampleSite(relay.Options{})
	defer end()
	entry := must(notes.Entry(context.Background(), mia, nil))
	fmt.Println(entry.ServerURL == world.Server("notes").MCPURL, entry.TicketID != "")

	world.Expire()
	fmt.Println(must(ask(world, entry)).OutputText())
	fmt.Println(world.Count("auth", "refresh_token"), "refresh")
	// Output:
	// false true
	// notes/search: 2 notes of mia: "Quarterly report" and "Printer paper"
	// 1 refresh
}

// The platform reports a 424. The relay, which saw the server's answer, knows why.
func ExampleRelay_Seen() {
	world, r, notes, end := exampleSite(relay.Options{})
	defer end()
	entry := must(notes.Entry(context.Background(), mia, nil))
	world.Revoke("mia") // at the vendor

	_, err := ask(world, entry)
	f, _ := mcptools.AsFailure(err)
	fmt.Println(f.Kind, f.Action) // all that the platform says
	f = r.Seen(entry.TicketID, "")
	fmt.Println(f.Kind, f.Action)
	f, _ = mcptools.AsFailure(err, entry) // asks the relay by itself
	fmt.Println(f.PublicMessage())
	// Output:
	// forbidden reconnect
	// reauth_required reconnect
	// notes no longer accepts the connection: connect your account again.
}

// An audit log of the calls that models make, without their contents.
func ExampleOptions() {
	events := make(chan relay.Event, 100)
	world, _, notes, end := exampleSite(relay.Options{
		Observer: func(_ context.Context, e relay.Event) { events <- e },
	})
	entry := must(notes.Entry(context.Background(), mia, nil))
	must(ask(world, entry))
	end()
	close(events)
	for e := range events {
		if e.RPC == "tools/call" {
			fmt.Println(e.Key.Owner, e.RPC, e.Tool, e.Status, e.Failure == nil)
		}
	}
	// Output:
	// acme/mia tools/call search 200 true
}

// The relay neither lists nor calls other tools than the allowed ones, whatever the
// platform does with the filter of the entry.
func ExampleRelay_Ticket() {
	world, r, notes, end := exampleSite(relay.Options{})
	defer end()
	ctx := context.Background()
	entry := must(notes.Entry(ctx, mia, nil))
	ticket, err := r.Ticket(ctx, mcptools.RelayGrant{Key: entry.Key, Grant: entry.Grant, Label: "notes", AllowedTools: []string{"whoami"}})
	fmt.Println(ticket.URL == entry.ServerURL, ticket.Ticket, err)

	tool := responses.ToolParamOfMcp("notes")
	tool.OfMcp.ServerURL = openai.String(ticket.URL)
	tool.OfMcp.Authorization = openai.String(ticket.Ticket.Expose())
	tool.OfMcp.RequireApproval.OfMcpToolApprovalSetting = openai.String("never")
	client := openai.NewClient(option.WithBaseURL(world.Info().OpenAIBaseURL), option.WithAPIKey(world.Info().OpenAIAPIKey))
	resp := must(client.Responses.New(ctx, responses.ResponseNewParams{
		Model: "gpt-5", Tools: []responses.ToolUnionParam{tool},
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("reports?")},
	}))
	fmt.Println(resp.OutputText())
	// Output:
	// true [redacted] <nil>
	// notes/whoami: mia
}
