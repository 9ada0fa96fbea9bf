package failtext

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

func isEvent(kind string) bool {
	for _, prefix := range []string{"response.", "conversation.", "session.", "mcp_list_tools.", "mcp_call.", "input_audio_buffer.", "output_audio_buffer."} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

// events classifies a stream, or a part of one, from the data of its events. A
// stream with a first event and no last one has broken off.
func (r *reader) events(data []string, depth int) Finding {
	var f Finding
	began, ended := false, false
	for _, text := range data {
		if strings.HasPrefix(text, "[DONE]") {
			ended = true
			continue
		}
		v, ok := loosejson.Parse(text, &r.budget)
		if !ok {
			f = better(f, r.text(text, depth))
			continue
		}
		if o, ok := v.(*loosejson.Object); ok {
			switch kind := str(o, "type"); kind {
			case "response.created":
				began = true
			case "response.completed", "response.failed", "response.incomplete", "response.done", "response.error", "error":
				ended = true
			}
			ended = ended || o.Has("error")
		}
		f = better(f, r.value(v, depth))
	}
	if began && !ended {
		f = better(f, Finding{score: scoreEnded, Stage: StageStream})
	}
	return f
}

// event classifies an event of a stream that is not an error event.
func (r *reader) event(kind string, o *loosejson.Object, depth int) Finding {
	name := strings.TrimPrefix(kind, "response.")
	r.ran = r.ran || strings.HasPrefix(name, "mcp_call")
	switch name {
	case "mcp_call.failed":
		return r.pointed(o, StageCallTool, r.callError(o, o.Get("error"), depth))
	case "mcp_list_tools.failed":
		return r.pointed(o, StageListTools, r.listItem(o, false))
	case "oauth_consent_requested":
		return consent(o)
	}
	if i, ok := o.Get("item").(*loosejson.Object); ok {
		r.remember(i)
		// An item that was only added has not ended yet: it has no tools so far.
		return r.outputItem(i, !strings.HasSuffix(kind, ".added"))
	}
	if whole, ok := o.Get("response").(*loosejson.Object); ok {
		f := r.response(whole, depth)
		if f.Kind == KindPlatform || f.score == scoreEnded {
			f.Stage = StageStream
		}
		return f
	}
	if o.Get("error") != nil { // response.error and others that gateways send
		return r.errorEvent(o, depth)
	}
	return Finding{}
}

// remember keeps the label and tool of an item, since later events carry only its
// id.
func (r *reader) remember(i *loosejson.Object) {
	if id := str(i, "id"); id != "" && str(i, "server_label") != "" {
		if r.items == nil {
			r.items = make(map[string]item)
		}
		r.items[id] = item{str(i, "server_label"), str(i, "name")}
	}
}

// pointed completes the finding of an event, which names its item by its id.
// Without a cause in the event, the item follows with one.
func (r *reader) pointed(event *loosejson.Object, stage Stage, f Finding) Finding {
	if !f.Found() {
		f = Finding{score: scoreBare, Kind: KindUpstreamUnknown}
	}
	at := r.items[str(event, "item_id")]
	f.Stage, f.Label, f.Tool = stage, cmp.Or(f.Label, at.label), at.tool
	return f
}

// errorEvent classifies an event of type "error": flat, or with the error in
// an object of its own.
func (r *reader) errorEvent(o *loosejson.Object, depth int) Finding {
	defer func(before int) { r.near = before }(r.near)
	if status := statusBeside(o); status != 0 {
		r.near = status
	}
	var f Finding
	switch v := o.Get("error").(type) {
	case *loosejson.Object:
		f = r.errorObject(v, depth)
	case string, loosejson.Partial:
		f = r.value(v, depth)
	default:
		f = r.errorObject(o, depth)
	}
	switch {
	case r.known.HTTPStatus != 0: // it is a body, of an API that writes them so
	case f.Kind == KindPlatform:
		f.Stage, f.MayHaveRun = StageStream, true
	case !f.Found() && (r.strict || r.known.Surface != "" || hasKeyOfEvent(o)):
		return Broken()
	}
	return f
}

// hasKeyOfEvent distinguishes an error event of OpenAI's from a log line with a level of
// that name.
func hasKeyOfEvent(o *loosejson.Object) bool {
	inner, _ := o.Get("error").(*loosejson.Object)
	return o.Has("sequence_number") || o.Has("event_id") || o.Has("param") || inner.Has("param")
}

// response classifies a whole response: by its own error, else by its items.
func (r *reader) response(o *loosejson.Object, depth int) Finding {
	r.ended = true
	var f Finding
	switch v := o.Get("error").(type) {
	case *loosejson.Object:
		f = r.errorObject(v, depth)
	case string, loosejson.Partial:
		f = r.value(v, depth)
	}
	if details, ok := o.Get("status_details").(*loosejson.Object); ok { // Realtime
		if v, ok := details.Get("error").(*loosejson.Object); ok {
			f = better(f, r.errorObject(v, depth))
		}
	}
	if out, ok := o.Get("output").(loosejson.Array); ok {
		for _, v := range out.Items {
			i, _ := v.(*loosejson.Object)
			f = better(f, r.outputItem(i, true))
		}
	}
	if f.score == scoreNothing && str(o, "status") == "failed" {
		f = Finding{score: scoreEnded, Stage: StageStream}
	}
	return f
}

// serverSentEvents splits a text in the format of server-sent events into the
// data of its events; it returns nil for other texts.
func serverSentEvents(s string) []string {
	if !eventLine.MatchString(s[:min(len(s), 512)]) {
		return nil
	}
	var events []string
	var data strings.Builder
	flush := func() {
		if data.Len() > 0 {
			events = append(events, data.String())
			data.Reset()
		}
	}
	inData := false
	for line := range strings.Lines(s) {
		whole := line
		line = strings.TrimRight(line, "\r\n")
		field, value, isField := strings.Cut(line, ":")
		switch {
		case strings.TrimSpace(line) == "":
			flush()
			inData = false
		case isField && field == "data":
			data.WriteString(strings.TrimPrefix(value, " "))
			data.WriteString(whole[len(line):])
			inData = true
		case isField && (field == "event" || field == "id" || field == "retry" || field == ""):
			inData = false
		case inData: // a value that was wrapped for reading
			data.WriteString(whole)
		}
	}
	flush()
	return events
}

var eventLine = regexp.MustCompile(`^(?:\s*(?:event|id|retry):[^\n]*\n)*\s*data:`)
