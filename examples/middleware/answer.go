package main

import (
	"context"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// answer is the program. Except for the two marked lines it is ordinary
// openai-go code, with its usual retries, timeouts and errors.
func answer(ctx context.Context, client openai.Client, set *mcptools.Set, owner oauthstore.Owner, question string) (string, error) {
	tools, err := set.Build(ctx, owner, nil) // line 1: the user's tools
	if err != nil {
		return "", err
	}
	response, err := client.Responses.New(ctx, responses.ResponseNewParams{
		Model: "gpt-5",
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(question)},
		Tools: tools.Tools(),
	}, tools.Option()) // line 2: replaces a token that an MCP server rejects
	if err != nil {
		return "", err
	}
	return response.OutputText(), nil
}
