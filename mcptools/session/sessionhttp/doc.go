// Package sessionhttp serves conversations of package session to browsers: it
// streams the events of turns, takes messages and approvals, and survives
// reconnects, reloads and several tabs.
//
// # One real task
//
// A site has signed-in users, a set of builders and a table for conversations. It
// mounts one handler:
//
//	open := func(ctx context.Context, owner oauthstore.Owner, id string, st *session.State) (*session.Session, error) {
//		return session.New(&client.Responses, set, owner, &session.Options{
//			Params: responses.ResponseNewParams{Model: "gpt-5"}, Stream: true, OnFailure: session.OnFailureSkip, State: st,
//			Build:  mcptools.SetBuildOptions{ConsentURL: web.ConsentURL("/?chat=" + id)},
//		})
//	}
//	chats, err := sessionhttp.New(signedIn, open, table, nil)
//	mux.Handle("/chats/{id}", chats)
//	...
//	err = chats.Close(ctx) // before server.Shutdown
//
// A page listens and posts:
//
//	const url = "/chats/" + id
//	new EventSource(url).onmessage = m => show(JSON.parse(m.data))
//	const post = body => fetch(url, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)})
//
//	post({message: "What is due this week?"})
//	post({answers: {[approval.id]: {decision: "approve"}}})
//	post({stop: true})
//
// Conversations belong to their owner: an id of another owner is another
// conversation. New ids are accepted; a [Store] that returns [ErrNotFound] decides
// otherwise.
//
// # Requests
//
// GET streams server-sent events, and POST sends one command as JSON. A POST returns
// 202, and the rest is in the stream, or {"error": {"code", "message"}} with a
// sentence for the user:
//
//	busy             409  a turn runs
//	waiting          409  calls wait for approval: answer them, or stop
//	not_waiting      409  no call waits under that id, such as one that was answered
//	signed_out       401  cross_origin  403  not_found  404  bad_request  400, 405, 415
//	too_large        413  too_many      429  internal   500  interrupted  503
//
// A message is at most 64 KiB. {"answers": {}} goes on with a turn that failed
// after its calls were approved, or whose response runs in the background; the state
// is "resumable" then. {"stop": true} cancels the turn, or gives up the calls that wait.
// The program's own functions run in session.Options.Call: browsers send no outputs.
//
// # Events
//
// The data of each is JSON with the member "event": that of [session.Event], or one
// of these:
//
//	{"event": "state", "events": [...], "running": false, "resumable": false, "pending": [...]}
//	{"event": "message", "text": "..."}                                  // of the user, in every tab
//	{"event": "error", "code": "failed", "message": "...", "failure": {...}} // the last one of a turn
//
// A turn begins with a message and ends with done, waiting or error. "state" comes
// first, whenever a browser can't be given what it missed, and after the error of a turn
// that has calls to decide about or to go on with: replace the whole page by its events,
// in which texts are joined and what only reported progress is left out. Other codes of
// an error: stopped, abandoned, too_long, too_many_rounds, interrupted, signed_out,
// internal.
//
// # Browsers that come and go
//
// A browser that reconnects sends the id of its last event, and gets the events
// that it missed from a bounded buffer, else the state. A slow browser holds up
// nothing: it reads the buffer at its own pace, and one that accepts nothing for
// 30 s is disconnected.
//
// A turn goes on for [Options].Grace after its last listener in this process has left,
// so that a reload or a tunnel does no harm. Then it is canceled, and the conversation
// is that before the turn or, if calls were approved, that after the approval. A turn
// that had no listener here goes on: its browser may listen at another replica. No turn
// takes longer than [Options].MaxTurn.
//
// # Several replicas
//
// State is shared by the [Store], so that any replica takes the next message or
// approval. Before a turn begins it is recorded there, so one replica runs it; the
// others return busy. Streams are not shared: only the replica that runs the turn has
// its events. Route the requests of a conversation to one replica. Without that
// everything works except the streaming: a browser at another replica gets the state
// within 5 s after a turn has begun or ended there. While it knows that a turn runs
// there, it reconnects every few seconds, perhaps to that replica. Each stream reads the
// store once when it begins and then, unless a turn runs here, every 5 s.
//
// If a process is killed, the conversation is busy until MaxTurn and a minute are
// over. Then its state is that before the turn, with an error "interrupted", since
// calls may have been made. [Handler.Close] avoids that.
//
// # Security
//
// Posts of other origins are rejected, by [http.CrossOriginProtection] and because
// the body must be JSON. Events contain no token and no secret; the model and the MCP
// servers write the texts, arguments and tool names, so a page must not use them
// as HTML. A record holds the conversation: store it where only the backend
// changes it. The number of messages of a user is not limited here.
package sessionhttp
