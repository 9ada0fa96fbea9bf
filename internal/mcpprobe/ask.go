package mcpprobe

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
)

// initialize is what an MCP client says first. It has no side effect.
const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},` +
	`"clientInfo":{"name":"toolgrant","version":"1"}}}`

// An Answer is what a server says to who comes without a token.
type Answer struct {
	Status int
	Header http.Header // with the challenge; its texts are the server's
}

// Ask says initialize to the server, once and as it is: header is all that is
// sent beside what MCP wants, and no redirect is followed. For a server of the
// older HTTP+SSE transport it opens the stream instead. It serves to read the
// challenge; what the answer means for a token is told by [Probe].
func Ask(ctx context.Context, hc *http.Client, serverURL string, header http.Header, sse bool) (*Answer, error) {
	method, body := http.MethodPost, io.Reader(strings.NewReader(initialize))
	if sse {
		method, body = http.MethodGet, nil
	}
	req, err := http.NewRequestWithContext(ctx, method, serverURL, body)
	if err != nil {
		return nil, errors.New("mcpprobe: the server URL can't be asked")
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
