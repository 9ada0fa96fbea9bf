package lab_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A test of a backend that calls OpenAI directly: a user's token, a model that
// calls a tool, and a server that temporarily rejects the token.
func ExampleStart() {
	world, err := lab.Start(nil)
	if err != nil {
		panic(err)
	}
	defer world.Close()
	client := openai.NewClient(
		option.WithBaseURL(world.Info().OpenAIBaseURL), option.WithAPIKey(world.Info().OpenAIAPIKey), option.WithMaxRetries(0),
	)
	tool := responses.ToolParamOfMcp("notes")
	tool.OfMcp.ServerURL = openai.String(world.Server("notes").MCPURL)
	tool.OfMcp.Authorization = openai.String(world.Grant("notes", "mia").AccessToken)
	tool.OfMcp.RequireApproval.OfMcpToolApprovalSetting = openai.String("never")
	ask := func() {
		response, err := client.Responses.New(context.Background(), responses.ResponseNewParams{
			Model: "gpt-5", Tools: []responses.ToolUnionParam{tool},
			Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("reports?")},
		})
		var refused *openai.Error
		switch {
		case errors.As(err, &refused):
			fmt.Println(refused.StatusCode, refused.Message)
		case err != nil:
			panic(err)
		default:
			fmt.Println(response.OutputText())
		}
	}
	ask()
	if err := world.Fault("notes:401"); err != nil {
		panic(err)
	}
	ask()
	world.Clear()
	ask()
	fmt.Println(len(world.ModelRequests()), "requests,", world.Count("notes", "tools/call"), "calls")
	// Output:
	// notes/search: 2 notes of mia: "Quarterly report" and "Printer paper"
	// 424 Error retrieving tool list from MCP server: 'notes'. Http status code: 401 (Unauthorized)
	// notes/search: 2 notes of mia: "Quarterly report" and "Printer paper"
	// 3 requests, 2 calls
}

// A unit test of an error path needs one recorded failure of OpenAI, and no world.
func ExampleReplay() {
	openAI := lab.Replay("424-rate-limited", "mcp-call")
	client := openai.NewClient(append(openAI.Options(), option.WithMaxRetries(0))...)
	tool := responses.ToolParamOfMcp("billing")
	tool.OfMcp.ServerURL = openai.String("https://billing.example.com/mcp")
	for range 2 {
		response, err := client.Responses.New(context.Background(), responses.ResponseNewParams{
			Model: "gpt-5", Tools: []responses.ToolUnionParam{tool},
			Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("What is overdue?")},
		})
		if f, ok := mcptools.AsFailure(err); ok {
			fmt.Println(f.Kind, f.Action)
			continue
		}
		fmt.Println(len(response.Output) > 0, err)
	}
	fmt.Println(openAI.Left(), "left")
	// Output:
	// rate_limited wait
	// true <nil>
	// 0 left
}

// A model that does what the test needs: two calls, then a text.
func ExampleParseScript() {
	script := must(lab.ParseScript([]byte(`{"turns": [{"steps": [
		{"call": {"server_label": "notes", "tool": "whoami"}},
		{"call": {"server_label": "notes", "tool": "search", "arguments": {"query": "report"}}},
		{"say": "Found: {{last}}"}
	]}]}`)))
	world := must(lab.Start(&lab.Options{Script: script}))
	defer world.Close()
	client := openai.NewClient(option.WithBaseURL(world.Info().OpenAIBaseURL), option.WithAPIKey(world.Info().OpenAIAPIKey))
	tool := responses.ToolParamOfMcp("notes")
	tool.OfMcp.ServerURL = openai.String(world.Server("notes").MCPURL)
	tool.OfMcp.Authorization = openai.String(world.Key("notes", "mia"))
	tool.OfMcp.RequireApproval.OfMcpToolApprovalSetting = openai.String("never")
	response := must(client.Responses.New(context.Background(), responses.ResponseNewParams{
		Model: "gpt-5", Tools: []responses.ToolUnionParam{tool},
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("reports?")},
	}))
	fmt.Println(response.OutputText())
	// Output: Found: 2 notes of mia: "Quarterly report" and "Printer paper"
}

// A test of the site's own handlers: the user connects through the site's mux, as
// in a browser.
func ExampleWorld_Connect() {
	ctx := context.Background()
	world := must(lab.Start(nil))
	defer world.Close()
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), &oauthstore.Options{InsecureAllowLoopback: true}))
	defer store.Close(ctx)

	// The site: in a test, the application's own constructor.
	connector := must(connect.New(store, &connect.Options{RedirectURL: "https://app.example/callback", InsecureAllowLoopback: true}))
	signedIn := func(r *http.Request) (oauthstore.Owner, error) {
		return oauthstore.Owner{Tenant: "acme", Subject: r.Header.Get("X-User")}, nil
	}
	notes := providers.Custom("notes", world.Server("notes").MCPURL, nil)
	web := must(connector.Web(signedIn, &connect.WebOptions{Providers: []providers.Provider{notes}}))
	site := http.NewServeMux()
	site.Handle("/connect/", web.Connect())
	site.Handle("/callback", web.Callback())

	start := httptest.NewRequestWithContext(ctx, http.MethodGet, "/connect/notes?return_to=/settings", nil)
	start.Header.Set("X-User", "mia")
	status := must(world.Connect(ctx, site, store, start))
	fmt.Println(status.Key.Owner, status.Key.Provider, status.State)
	// Output:
	// acme/mia notes active
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
