// Package session runs a conversation of a model with remote MCP servers on
// behalf of one owner, on openai-go's Responses client. It sends fresh entries
// with every request, asks for approvals, replaces refused tokens, and can
// continue without a server that is down.
//
// A backend has a set of builders and a user with a question:
//
//	s, err := session.New(&client.Responses, set, owner, &session.Options{
//		Params:    responses.ResponseNewParams{Model: "gpt-5"},
//		OnFailure: session.OnFailureSkip,
//		Approve: func(ctx context.Context, a session.ApprovalRequest) (session.Answer, error) {
//			return session.Answer{Decision: session.DecisionApprove}, nil // or ask the user
//		},
//	})
//	...
//	for event, err := range s.Run(ctx, "What is due this week?") {
//		if f, ok := mcptools.AsFailure(err); ok {
//			http.Error(w, f.PublicMessage(), f.HTTPStatus())
//			return
//		}
//		switch event.Type {
//		case session.EventText:
//			io.WriteString(w, event.Text)
//		case session.EventSkipped:
//			log.Print(event.Failure)
//		}
//	}
//
// The next Run continues the conversation. If no user is present to approve, the
// turn ends with [EventWaiting]: store [Session.State], and continue in any process
// with [Options.State] and [Session.Continue], or give the calls up with
// [Session.Abandon]. The program's own functions, in Params, run in [Options.Call],
// or wait for their output in the same way.
//
// With Background in Params, a response may run for hours at OpenAI: another process
// can wait for it, read the rest of its stream, or cancel it.
//
// A failure that the user can fix has the link to a page for it, if Options.Build names
// the pages, as connect.Web.ConsentURL does. After the consent the next Run has the tool:
//
//	Build: mcptools.SetBuildOptions{ConsentURL: web.ConsentURL("/chat/7")},
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
// repeated, with or without the server: in most cases the model has seen the failure
// and continued, and other calls may have run.
//
// # Errors
//
// A turn that fails ends with an error, in most cases a [*mcptools.Failure]. The
// state is then that before the turn, so that the question can be asked again. If
// calls were approved in the turn, the state is that after the approval:
// [Session.Continue] makes those calls. Outputs of the program's own functions are
// kept too: Continue and the next Run send them. Unless the failure is of
// [mcptools.StageBuild] or [mcptools.StageListTools], they may have run already. If the
// context ends, its error is that of the turn, and no goroutine is left.
//
// A server with an approved call is never left out, since OpenAI would then forget the
// call: the turn ends with the server's failure, also with [OnFailureSkip]. Continue
// makes the call once the server is back, and [Session.Abandon] gives it up.
//
// # Security
//
// Which calls need approval depends on the entries; the default of a builder is
// every call. A [State] holds the conversation and no token. The model and the
// servers write the texts, arguments and tool names in events: don't trust them.
package session
