package main

import (
	"context"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// answer is the program. But for the two lines that say so it is what anybody
// writes with openai-go, whose retries, time-outs and errors stay as they are.
func answer(ctx context.Context, client openai.Client, set *mcptools.Set, owner oauthstore.Owner, question string) (string, error) {
	request, err := set.For(ctx, owner, nil) // the first line: the user's entries, and the option that heals them
	if err != nil {
		return "", err
	}
	response, err := client.Responses.New(ctx, responses.ResponseNewParams{
		Model: "gpt-5",
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(question)},
		Tools: request.Tools(),
	}, request.Option) // the second line
	if err != nil {
		return "", err
	}
	return response.OutputText(), nil
}
