package main

import (
	"context"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/examples/internal/page"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// converse starts a conversation of owner with the model. A failing server is
// left out, so that the user still gets an answer.
func converse(client *responses.ResponseService, model string, set *mcptools.Set, owner oauthstore.Owner) (*session.Session, error) {
	return session.New(client, set, owner, &session.Options{
		Params:    responses.ResponseNewParams{Model: model},
		OnFailure: session.OnFailureSkip,
	})
}

// turn sends a message and prints the result.
func turn(ctx context.Context, s *session.Session, p *page.Page, user, message string) error {
	p.Tell(user, message)
	for e, err := range s.Run(ctx, message) {
		if err != nil {
			return err
		}
		switch e.Type {
		case session.EventListed:
			p.Works(e.Label, "lists "+page.Count(e.Tools, "tool"))
		case session.EventCalled:
			p.Works(e.Label, e.Tool+" "+e.Arguments)
		case session.EventFailed, session.EventRetrying:
			p.Fails(e.Label, e.Failure.Error())
		case session.EventSkipped:
			p.Fails(e.Label, "is left out: "+string(e.Failure.Kind))
			p.Tell(user+" reads", e.Failure.PublicMessage())
		case session.EventDone:
			p.Tell("model", e.Text)
		case session.EventListing, session.EventCalling, session.EventAsking, session.EventApproved, session.EventDenied, session.EventText, session.EventRaw, session.EventRunning, session.EventWaiting:
			// A program with a live view would show these too.
		}
	}
	return nil
}
