package lab

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/toolgrant/toolgrant/internal/window"
)

// A run makes one response.
type run struct {
	o        *openAI
	stream   bool
	store    bool
	entries  []*entry
	context  []item // what was before, and the input
	body     map[string]any
	output   []item
	events   *eventStream // nil: the response is not streamed
	calls    int          // number of calls made
	outputs  []string     // of the calls of this turn, for the script
	toolless bool         // tool_choice is none

	functions map[string]bool // names of the client's own functions

	detached   bool           // the response is made in the background
	background *backgroundRun // of such a response, once it runs
}

// newRun reads a request.
func (o *openAI) newRun(from *http.Request, data []byte) (*run, *apiError) {
	var req struct {
		Model              string            `json:"model"`
		Input              json.RawMessage   `json:"input"`
		Instructions       json.RawMessage   `json:"instructions"`
		Metadata           map[string]string `json:"metadata"`
		PreviousResponseID *string           `json:"previous_response_id"`
		Store              *bool             `json:"store"`
		Stream             bool              `json:"stream"`
		Background         bool              `json:"background"`
		Tools              []json.RawMessage `json:"tools"`
		ToolChoice         json.RawMessage   `json:"tool_choice"`
	}
	if err := json.Unmarshal(data, &req); err != nil {
		return nil, invalid(nil, nil, "We could not parse the JSON body of your request, or a value in it has another type than it must have.")
	}
	if req.Model == "" {
		return nil, missing("model")
	}
	if refused := o.checkRequest(from, req.Tools); refused != nil {
		return nil, refused
	}
	entries, refused := o.parseEntries(req.Tools)
	if refused != nil {
		return nil, refused
	}
	var before []item
	switch id := req.PreviousResponseID; {
	case id == nil || o.dialect.previous == "ignored":
	case o.dialect.previous == "refused":
		return nil, invalid("previous_response_id", nil, "previous_response_id is not supported")
	default:
		stored := o.stored(*id)
		if stored == nil {
			return nil, invalid("previous_response_id", "previous_response_not_found", "Previous response with id '%s' not found.", *id)
		}
		before = stored.context
	}
	input, refused := parseInput(req.Input)
	if refused != nil {
		return nil, refused
	}
	conversation, refused := joinContext(before, input)
	if refused != nil {
		return nil, refused
	}
	longest, err := window.Of(data)
	switch {
	case err != nil:
		return nil, invalid("background_options.completion_window", "invalid_value", "Invalid value. Supported values are: 'soonest', '2h', and '8h'.")
	case longest > 0 && !req.Background:
		return nil, invalid("background_options", nil, "background_options needs background to be true.")
	case longest > 0 && req.Stream:
		return nil, invalid("stream", nil, "A completion window can't be streamed.")
	case req.Background && req.Store != nil && !*req.Store:
		return nil, invalid("background", nil, "Background responses need store to be true.")
	}
	r := &run{
		o: o, stream: req.Stream, store: req.Store == nil || *req.Store, entries: entries, context: conversation,
		toolless: string(req.ToolChoice) == `"none"`, functions: map[string]bool{}, detached: req.Background,
	}
	tools := make([]any, 0, len(req.Tools))
	n := 0
	for _, raw := range req.Tools {
		var kind item
		if json.Unmarshal(raw, &kind) == nil && kind.is("mcp") {
			tools = append(tools, entries[n].echo)
			n++
			continue
		}
		if kind.is("function") {
			r.functions[kind.str("name")] = true
		}
		tools = append(tools, raw)
	}
	choice := any("auto")
	if !isNull(req.ToolChoice) {
		choice = req.ToolChoice
	}
	if req.Metadata == nil {
		req.Metadata = map[string]string{}
	}
	r.body = map[string]any{
		"id": "resp_" + hexText(24), "object": "response", "created_at": o.w.now().Unix(), "status": "in_progress",
		"error": nil, "incomplete_details": nil, "instructions": orNull(req.Instructions), "metadata": req.Metadata,
		"model": req.Model, "output": []item{}, "parallel_tool_calls": true, "previous_response_id": req.PreviousResponseID,
		"store": r.store, "temperature": 1, "top_p": 1, "tool_choice": choice, "tools": tools, "usage": nil, "user": nil,
		"truncation": "disabled", "text": map[string]any{"format": map[string]string{"type": "text"}},
		"reasoning": map[string]any{"effort": nil, "summary": nil}, "max_output_tokens": nil, "background": req.Background,
	}
	return r, nil
}

// serve creates the response and sends it.
func (r *run) serve(ctx context.Context, rw http.ResponseWriter) {
	if r.detached {
		r.serveBackground(ctx, rw)
		return
	}
	defer r.closeConnections()
	lists, failed := r.fetchLists(ctx)
	if ctx.Err() != nil {
		drop()
	}
	late := failed != nil && r.stream && (failed.api.status == http.StatusOK || r.o.w.faults.strikes("openai", "list_in_stream"))
	if failed != nil && !late {
		if failed.api.status != http.StatusOK {
			r.o.fail(rw, failed.api)
			return
		}
		r.body["status"], r.body["error"] = "failed", failed.api.body()
		writeJSON(rw, http.StatusOK, r.snapshot())
		return
	}
	if r.stream {
		r.events = newEventStream(rw)
		r.events.named = r.o.events
		r.events.send("response.created", map[string]any{"response": r.snapshot()})
		r.events.send("response.in_progress", map[string]any{"response": r.snapshot()})
	}
	if late {
		r.failInList(failed)
		return
	}
	for _, it := range lists {
		r.add(it)
	}
	end := r.think(ctx)
	if ctx.Err() != nil {
		drop()
	}
	r.finish(rw, end)
}

// A listFailure is a failed retrieval of a tool list.
type listFailure struct {
	entry *entry
	api   *apiError
}

// fetchLists retrieves, concurrently, the tools that the conversation does not
// contain yet, and returns their items.
func (r *run) fetchLists(ctx context.Context) ([]item, *listFailure) {
	errs := make([]*upstreamError, len(r.entries))
	items := make([]item, len(r.entries))
	var wg sync.WaitGroup
	for i, e := range r.entries {
		if tools, ok := listed(r.context, e.label); ok {
			e.tools = tools
			continue
		}
		wg.Go(func() { items[i], errs[i] = r.fetchList(ctx, e) })
	}
	wg.Wait()
	for i, e := range r.entries {
		if errs[i] == nil {
			continue
		}
		if it := r.o.consentItem(e, errs[i]); it != nil {
			items[i], errs[i] = it, nil
		}
	}
	r.leaveOut(errs)
	for i, e := range r.entries {
		if errs[i] != nil {
			return nil, &listFailure{e, r.o.listFailed(e.label, e.serverURL, errs[i])}
		}
	}
	return slices.DeleteFunc(items, func(it item) bool { return it == nil }), nil
}

func (r *run) fetchList(ctx context.Context, e *entry) (item, *upstreamError) {
	if e.serverURL == "" {
		return nil, &upstreamError{message: "the lab reaches no tunnels and no connectors"}
	}
	conn, err := r.o.connect(ctx, e)
	if err != nil {
		return nil, err
	}
	e.conn = conn
	ctx, cancel := context.WithTimeout(ctx, r.o.timeout)
	defer cancel()
	tools, err := conn.list(ctx)
	if err != nil {
		return nil, err
	}
	e.tools = slices.DeleteFunc(tools, func(t listedTool) bool { return !e.mayUse(t) })
	if e.tools == nil {
		e.tools = []listedTool{}
	}
	return item{"id": "mcpl_" + hexText(24), "type": "mcp_list_tools", "server_label": e.label, "tools": e.tools}, nil
}

func (r *run) closeConnections() {
	for _, e := range r.entries {
		if e.conn != nil {
			e.conn.close()
		}
	}
}

// failInList sends the events of a failed tool list.
func (r *run) failInList(f *listFailure) {
	it := item{
		"id": "mcpl_" + hexText(24), "type": "mcp_list_tools", "server_label": f.entry.label,
		"tools": []listedTool{}, "error": f.api.message,
	}
	r.addList(it)
	r.body["status"], r.body["error"] = "failed", f.api.body()
	r.events.send("response.failed", map[string]any{"response": r.snapshot()})
}

// snapshot returns the response as it is now.
func (r *run) snapshot() map[string]any {
	out := maps.Clone(r.body)
	output := make([]item, len(r.output))
	for i, it := range r.output {
		output[i] = r.o.shown(it)
	}
	out["output"] = output
	return out
}
