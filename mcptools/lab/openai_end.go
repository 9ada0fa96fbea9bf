package lab

import "net/http"

// finish completes the response and sends the rest of it.
func (r *run) finish(rw http.ResponseWriter, end string) {
	failure := map[string]any{"code": "server_error", "message": "The model failed to generate a response."}
	r.body["status"] = "completed"
	r.body["usage"] = r.usage()
	switch end {
	case "drop":
		drop()
	case "late_500":
		if r.stream {
			drop() // the status has already been sent
		}
		e := platformErrors["500"]
		r.o.fail(rw, &e)
		return
	case "failed":
		r.body["status"], r.body["error"] = "failed", failure
	case "incomplete":
		r.body["status"] = "incomplete"
		r.body["incomplete_details"] = map[string]string{"reason": "max_output_tokens"}
	case "stream_error", "stream_flat_error", "stream_cut", "stream_eof":
		if r.stream {
			r.breakOff(end, failure)
			return
		}
	}
	r.remember()
	if !r.stream {
		writeJSON(rw, http.StatusOK, r.snapshot())
		return
	}
	kind, _ := r.body["status"].(string)
	r.events.send("response."+kind, map[string]any{"response": r.snapshot()})
}

// breakOff ends a stream in one of the ways that were observed in practice.
func (r *run) breakOff(end string, failure map[string]any) {
	switch end {
	case "stream_error": // as it was recorded
		r.events.send("error", map[string]any{"error": map[string]any{
			"type": "server_error", "code": failure["code"], "message": failure["message"], "param": nil,
		}})
		r.body["status"], r.body["error"] = "failed", failure
		r.events.send("response.failed", map[string]any{"response": r.snapshot()})
	case "stream_flat_error": // as it is documented
		r.events.send("error", map[string]any{"code": failure["code"], "message": failure["message"], "param": nil})
	case "stream_cut":
		drop()
	}
}

// remember stores the response, for the next turn and for GET.
func (r *run) remember() {
	if !r.store {
		return
	}
	id, _ := r.body["id"].(string)
	context := append(append([]item(nil), r.context...), r.output...)
	r.o.store(id, &storedResponse{body: r.snapshot(), context: context, background: r.background})
}

// usage counts characters in place of tokens.
func (r *run) usage() map[string]any {
	in, out := 0, 0
	for _, it := range r.context {
		in += len(it.text())
	}
	for _, it := range r.output {
		out += len(it.text())
	}
	return map[string]any{
		"input_tokens": in, "input_tokens_details": map[string]int{"cached_tokens": 0},
		"output_tokens": out, "output_tokens_details": map[string]int{"reasoning_tokens": 0},
		"total_tokens": in + out,
	}
}
