package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/session"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// notes is a world with one server, and a set with its builder.
func notes(approval mcptools.Approval) (*lab.World, *mcptools.Set, openai.Client) {
	w, err := lab.Start(&lab.Options{Servers: []lab.Server{{Name: "notes"}}})
	if err != nil {
		panic(err)
	}
	creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		return oauthstore.Token{AccessToken: oauthstore.NewSecret(w.Key("notes", "u_42"))}, nil
	})
	b, err := mcptools.NewBuilder(providers.Custom("notes", w.Server("notes").MCPURL, nil), creds, &mcptools.Options{Approval: approval, InsecureAllowLoopback: true})
	if err != nil {
		panic(err)
	}
	set, err := mcptools.NewSet(b)
	if err != nil {
		panic(err)
	}
	return w, set, openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey))
}

func ExampleSession_Run() {
	w, set, client := notes(mcptools.ApprovalNever)
	defer w.Close()
	s, err := session.New(&client.Responses, set, oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, &session.Options{
		Params: responses.ResponseNewParams{Model: "gpt-5"},
		Stream: true,
	})
	if err != nil {
		panic(err)
	}
	for event, err := range s.Run(context.Background(), "reports?") {
		if err != nil {
			panic(err)
		}
		switch event.Type { //nolint:exhaustive // the others are printed alike
		case session.EventText:
			fmt.Print(event.Text) // as it is written
		case session.EventDone:
			fmt.Println()
		default:
			fmt.Println(event.Type, event.Label+"/"+event.Tool)
		}
	}
	// Output:
	// listing notes/
	// listed notes/
	// calling notes/search
	// called notes/search
	// notes/search: 2 notes of u_42: "Quarterly report" and "Printer paper"
}

// No user is present to approve: the turn waits, and another process continues
// it.
func ExampleSession_Continue() {
	w, set, client := notes(mcptools.ApprovalAlways)
	defer w.Close()
	owner := oauthstore.Owner{Tenant: "acme", Subject: "u_42"}
	opts := session.Options{Params: responses.ResponseNewParams{Model: "gpt-5"}}
	first, err := session.New(&client.Responses, set, owner, &opts)
	if err != nil {
		panic(err)
	}
	for event, err := range first.Run(context.Background(), "reports?") {
		if err != nil {
			panic(err)
		}
		fmt.Println(event.Type)
	}

	state := first.State() // stored as JSON, read elsewhere
	opts.State = &state
	second, err := session.New(&client.Responses, set, owner, &opts)
	if err != nil {
		panic(err)
	}
	answers := map[string]session.Answer{state.Pending[0].ID: {Decision: session.DecisionApprove}}
	for event, err := range second.Continue(context.Background(), answers) {
		if err != nil {
			panic(err)
		}
		fmt.Println(event.Type)
	}
	// Output:
	// listed
	// asking
	// waiting
	// approved
	// called
	// text
	// done
}

// One server is down: it is left out, and the model answers without it.
func ExampleOptions_skip() {
	w, set, client := notes(mcptools.ApprovalNever)
	defer w.Close()
	if err := w.Fault("notes:404"); err != nil {
		panic(err)
	}
	s, err := session.New(&client.Responses, set, oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, &session.Options{
		Params:    responses.ResponseNewParams{Model: "gpt-5"},
		OnFailure: session.OnFailureSkip,
	})
	if err != nil {
		panic(err)
	}
	for event, err := range s.Run(context.Background(), "reports?") {
		if err != nil {
			panic(err)
		}
		if event.Type == session.EventSkipped {
			fmt.Println(event.Label, event.Failure.Kind, event.Failure.Action)
		}
	}
	// Output:
	// notes not_found fix_config
}

// Rules decide without the user: reading is approved, and the model reads why writing
// is denied.
func ExampleRule() {
	w, set, client := notes(mcptools.ApprovalAlways)
	defer w.Close()
	w.SetScript(&lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{
		{Call: &lab.Call{ServerLabel: "notes", Tool: "search", Arguments: json.RawMessage(`{"query":"report"}`)}},
		{Call: &lab.Call{ServerLabel: "notes", Tool: "write", Arguments: json.RawMessage(`{"text":"done"}`)}},
		{Say: "I could only read."},
	}}}})
	s, err := session.New(&client.Responses, set, oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, &session.Options{
		Params: responses.ResponseNewParams{Model: "gpt-5"},
		Rules: []session.Rule{
			{Label: "notes", Tool: "search", Answer: session.Answer{Decision: session.DecisionApprove}},
			{Answer: session.Answer{Decision: session.DecisionDeny, Reason: "this job only reads"}},
		},
	})
	if err != nil {
		panic(err)
	}
	for event, err := range s.Run(context.Background(), "tidy up") {
		if err != nil {
			panic(err)
		}
		if event.Tool != "" {
			fmt.Println(event.Type, event.Tool)
		}
	}
	fmt.Println(w.Count("notes", "tools/call"), "call")
	// Output:
	// asking search
	// approved search
	// called search
	// asking write
	// denied write
	// 1 call
}

// The model can call a function of the program too.
func ExampleOptions_call() {
	w, set, client := notes(mcptools.ApprovalNever)
	defer w.Close()
	w.SetScript(&lab.Script{Turns: []lab.Turn{{Steps: []lab.Step{
		{Call: &lab.Call{Tool: "today"}}, {Say: "It is {{last}}."},
	}}}})
	s, err := session.New(&client.Responses, set, oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, &session.Options{
		Params: responses.ResponseNewParams{
			Model: "gpt-5", Tools: []responses.ToolUnionParam{responses.ToolParamOfFunction("today", map[string]any{"type": "object"}, false)},
		},
		Call: func(_ context.Context, c session.FunctionCall) (string, error) {
			return "Sunday", nil // c.Name and c.Arguments say what to do
		},
	})
	if err != nil {
		panic(err)
	}
	for event, err := range s.Run(context.Background(), "what day is it?") {
		if err != nil {
			panic(err)
		}
		if event.Type == session.EventDone {
			fmt.Println(event.Text)
		}
	}
	// Output: It is Sunday.
}
