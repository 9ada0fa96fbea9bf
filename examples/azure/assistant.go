package main

import (
	"context"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// newClient returns a client for the v1 API of an Azure OpenAI resource, such as
// https://acme.openai.azure.com/openai/v1/. The key is one of the resource's.
func newClient(baseURL, key string) openai.Client {
	return openai.NewClient(option.WithBaseURL(baseURL), option.WithAPIKey(key))
}

// newSet makes entries for Azure.
func newSet(p providers.Provider, store *oauthstore.Store, loopback bool) (*mcptools.Set, error) {
	builder, err := mcptools.NewBuilder(p, store, &mcptools.Options{
		Platform: platform.Azure(), Approval: mcptools.ApprovalNever, ReadOnly: true,
		InsecureAllowLoopback: loopback,
	})
	if err != nil {
		return nil, err
	}
	return mcptools.NewSet(builder)
}

// ask asks a question with the user's tools.
func ask(ctx context.Context, client openai.Client, set *mcptools.Set, user oauthstore.Owner, question string) (string, error) {
	tools, err := set.Build(ctx, user, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Responses.New(ctx, responses.ResponseNewParams{
		Model: "gpt-5", // the name of your deployment
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(question)},
		Tools: tools.Tools(),
	}, tools.Option()) // sends nothing to another platform
	if err != nil {
		return "", err
	}
	return response.OutputText(), nil
}
