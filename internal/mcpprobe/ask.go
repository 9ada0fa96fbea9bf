package mcpprobe

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
)

// initialize is the first message of an MCP client. It has no side effects.
const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},` +
	`"clientInfo":{"name":"toolgrant","version":"1"}}}`

// An Answer is a server's response to an unauthenticated request.
type Answer struct {
	Status int
	Header http.Header // with the challenge; its texts are from the server
}

// Ask sends initialize to the server, once: header has everything that is sent
// in addition to MCP's own headers, and redirects are not followed. For a
// server of the older HTTP+SSE transport it opens the stream instead. Use it to
// read the challenge; [Probe] checks a token.
func Ask(ctx context.Context, hc *http.Client, serverURL string, header http.Header, sse bool) (*Answer, error) {
	method, body := http.MethodPost, io.Reader(strings.NewReader(initialize))
	if sse {
		method, body = http.MethodGet, nil
	}
	req, err := http.NewRequestWithContext(ctx, method, serverURL, body)
	if err != nil {
		return nil, errors.New("mcpprobe: invalid server URL")
	}
	for name, values := range header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json, text/event-stream")
	direct := *hc
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := direct.Do(req)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	return &Answer{Status: resp.StatusCode, Header: resp.Header}, nil
}
