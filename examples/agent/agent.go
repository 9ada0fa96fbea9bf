package main

import (
	"context"
	"fmt"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// robot owns the credential: an agent is an owner like a user.
var robot = oauthstore.Owner{Tenant: "acme", Subject: "night-report"}

// An agent asks one question on a schedule.
type agent struct {
	client    openai.Client
	connector *connect.Connector
	provider  providers.Provider
	set       *mcptools.Set
}

// enroll gets the first token. It is needed once, not at each start: the store
// keeps the credential and obtains later tokens itself.
func (a *agent) enroll(ctx context.Context) error {
	result, err := a.connector.ClientCredentials(ctx, a.provider, robot, nil)
	if err != nil {
		return err
	}
	if v := result.Status.Verdict; v.Outcome == oauthstore.OutcomeRefused {
		return fmt.Errorf("%s rejects the application's token: %s", a.provider.Name, v.Detail)
	}
	return nil
}

// report asks the question.
func (a *agent) report(ctx context.Context) (string, error) {
	tools, err := a.set.Build(ctx, robot, nil)
	if err != nil {
		return "", err
	}
	if len(tools.Entries) == 0 {
		return "", tools.Skipped[0].Failure
	}
	response, err := a.client.Responses.New(ctx, responses.ResponseNewParams{
		Model: "gpt-5",
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("Summarize what changed since yesterday.")},
		Tools: tools.Tools(),
	}, tools.Option()) // replaces a token that the server rejects
	if err != nil {
		return "", err
	}
	return response.OutputText(), nil
}
