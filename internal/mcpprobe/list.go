package mcpprobe

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/toolgrant/toolgrant/internal/exactjson"
)

// List asks the server for its tools, at most 1000, and returns each as the server
// wrote it. It calls no tool. It is like [Probe] but judges no token: the outcome
// is [Unknown] with [CauseAnonymous] if the server lists tools. A nil slice means
// that the server listed none; the result has the reason.
func List(ctx context.Context, hc *http.Client, r Request, header http.Header) ([]json.RawMessage, Result) {
	r.Anonymous, r.CheckURL = true, ""
	return probe(ctx, hc, r, header)
}

// toolsIn returns the tools of a result of tools/list.
func toolsIn(result json.RawMessage) []json.RawMessage {
	o, err := exactjson.Read(result)
	if err != nil {
		return nil
	}
	tools, err := exactjson.Elements(o.Get("tools"), maxTools)
	if err != nil && !errors.Is(err, exactjson.ErrMany) {
		return nil
	}
	return tools
}
