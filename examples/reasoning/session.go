package main

import (
	"context"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// converse starts a conversation of owner with the model. A failing server is
// left out, so that the user still gets an answer.
func converse(client *openai.Client, model string, set *mcptools.Set, owner oauthstore.Owner) (*session.Session, error) {
	return session.New(&client.Responses, set, owner, &session.Options{
		Params:    responses.ResponseNewParams{Model: model},
		OnFailure: session.Skip,
	})
}

// turn sends a message and prints the result.
func turn(ctx context.Context, s *session.Session, p *page, user, message string) error {
	p.tell(user, message)
	for e, err := range s.Run(ctx, message) {
		if err != nil {
			return err
		}
		switch e.Type {
		case session.Listed:
			p.works(e.Label, "lists "+count(e.Tools, "tool"))
		case session.Called:
			p.works(e.Label, e.Tool+" "+e.Arguments)
		case session.Failed, session.Retrying:
			p.fails(e.Label, e.Failure.Error())
		case session.Skipped:
			p.fails(e.Label, "is left out: "+string(e.Failure.Kind))
			p.tell(user+" reads", e.Failure.PublicMessage())
		case session.Done:
			p.tell("model", e.Text)
		case session.Listing, session.Calling, session.Asking, session.Approved, session.Denied, session.Text, session.Waiting:
			// A program with a live view would show these too.
		}
	}
	return nil
}
