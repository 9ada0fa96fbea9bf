// Package session runs a conversation of a model with remote MCP servers on
// behalf of one owner, on openai-go's Responses client. It sends fresh entries
// with every request, asks for approvals, heals what can be healed, and goes on
// without a server that is down, if it may.
//
// A backend has a set of builders and a user who asks something:
//
//	s, err := session.New(&client.Responses, set, owner, &session.Options{
//		Params:    responses.ResponseNewParams{Model: "gpt-5"},
//		OnFailure: session.Skip,
//		Approve: func(ctx context.Context, a session.Approval) (session.Answer, error) {
//			return session.Answer{Decision: session.Approve}, nil // or ask the user
//		},
//	})
//	...
//	for event, err := range s.Run(ctx, "What is due this week?") {
//		if f, ok := mcptools.AsFailure(err); ok {
//			http.Error(w, f.PublicMessage(), f.HTTPStatus())
//			return
//		}
//		switch event.Type {
//		case session.Text:
//			io.WriteString(w, event.Text)
//		case session.Skipped:
//			log.Print(event.Failure)
//		}
//	}
//
// The next Run continues the conversation. If no user is present to approve, the
// turn ends with the event [Waiting]; store [Session.State] then, and continue
// in any process with [Options.State] and [Session.Continue].
//
// # What is repeated
//
// openai-go repeats requests after 408, 409, 5xx and broken connections, when
// tools may have run; a session disables that. It repeats a request only if
// OpenAI reported that the tool list of a server could not be retrieved, so that
// no tool has run: once with a fresh token after a 401, which is reported to the
// credential store, and once after a transient failure. If the server still
// fails, the turn fails or continues without it, as [Options.OnFailure] says. A
// refusal of the token during a call is reported to the store too, but nothing is
// repeated: the model has seen the failure and continued.
//
// # Errors
//
// A turn that fails ends with an error, most often a [*mcptools.Failure]. The
// conversation then stands where it stood before the turn, so that it can be
// asked again; or, where calls have been approved in it, behind that: Continue
// takes it up, and makes those calls, which may have been made already where the
// failure is not one of building or listing. When the context ends, its error is the turn's, and nothing is
// left running.
//
// # Security
//
// A tool runs only as far as the entries' approval allows: the builders' default
// is that each call needs one. A [State] holds the conversation and no token.
// Texts in events come from the model, arguments and tool names from the model
// and the servers: treat them as what they are.
package session
