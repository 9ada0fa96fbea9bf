package mcptools_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
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

// exampleRequest is a request with one server.
func exampleRequest() responses.ResponseNewParams {
	tool := responses.ToolParamOfMcp("billing")
	tool.OfMcp.ServerURL = openai.String("https://billing.example.com/mcp")
	tool.OfMcp.Authorization = openai.String("synthetic-token")
	return responses.ResponseNewParams{
		Model: "gpt-5", Tools: []responses.ToolUnionParam{tool},
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("What is overdue?")},
	}
}

// openai-go says "424 Failed Dependency". The failure says which server refused the
// token, and what to do.
func ExampleAsFailure() {
	client := openai.NewClient(append(lab.Replay("424-unauthorized").Options(), option.WithMaxRetries(0))...) // in place of OpenAI
	_, err := client.Responses.New(context.Background(), exampleRequest())

	f, ok := mcptools.AsFailure(err)
	fmt.Println(ok, f.Kind, f.ServerLabel, f.Stage, f.Action)
	fmt.Println(errors.Is(f, mcptools.KindUnauthorized), f.HTTPStatus())
	fmt.Println(f.PublicMessage())
	// Output:
	// true unauthorized billing list_tools refresh
	// true 503
	// billing did not accept the connection: try again.
}

// A response with status 200 may contain calls that failed.
func ExampleFailuresIn() {
	client := openai.NewClient(lab.Replay("call-tool-failed").Options()...) // in place of OpenAI
	resp, err := client.Responses.New(context.Background(), exampleRequest())
	if err != nil {
		panic(err)
	}
	for _, f := range mcptools.FailuresIn(resp) {
		fmt.Println(f.Kind, f.ServerLabel, f.Action)
	}
	// Output:
	// tool_failed billing none
}

// The text of a log line or of another client is enough.
func ExampleClassify() {
	f := mcptools.Classify([]byte(`openai.FailedDependencyError: Error code: 424 - {'error': {'message': "Error retrieving tool list from MCP server: 'asana'. Http status code: 401 (Unauthorized)", 'type': 'external_connector_error', 'param': 'tools', 'code': 'http_error'}}`), nil)
	fmt.Println(f.Kind, f.ServerLabel, f.Action)
	fmt.Println(mcptools.Classify([]byte("connection refused"), nil).Kind)
	// Output:
	// unauthorized asana refresh
	// unknown
}

// The vendor has invalidated the token. Result.Option refreshes it, and the request
// succeeds.
func ExampleResult_Option() {
	ctx := context.Background()
	world := must(lab.Start(nil)) // in place of a vendor and OpenAI
	defer world.Close()
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), &oauthstore.Options{InsecureAllowLoopback: true}))
	defer store.Close(ctx)
	notes := providers.Custom("notes", world.Server("notes").MCPURL, nil)
	set := must(mcptools.NewSet(must(mcptools.NewBuilder(notes, store, &mcptools.Options{
		Approval: mcptools.ApprovalNever, InsecureAllowLoopback: true,
	}))))
	mia := oauthstore.Owner{Tenant: "acme", Subject: "mia"}
	must(store.Put(ctx, oauthstore.Key{Owner: mia, Provider: "notes", Server: world.Server("notes").MCPURL}, world.Grant("notes", "mia").Credential()))

	result := must(set.Build(ctx, mia, nil))
	world.Expire()
	client := openai.NewClient(option.WithBaseURL(world.Info().OpenAIBaseURL), option.WithAPIKey(world.Info().OpenAIAPIKey))
	resp := must(client.Responses.New(ctx, responses.ResponseNewParams{
		Model: "gpt-5", Tools: result.Tools(),
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("reports?")},
	}, result.Option()))
	fmt.Println(resp.OutputText())
	fmt.Println(world.Count("auth", "refresh_token"), "refresh")
	// Output:
	// notes/search: 2 notes of mia: "Quarterly report" and "Printer paper"
	// 1 refresh
}
