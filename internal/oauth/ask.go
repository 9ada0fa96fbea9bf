package oauth

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
)

// initializeAs is the first message of an MCP client, without side effects, for
// a protocol version.
func initializeAs(version string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"` + version + `","capabilities":{},` +
		`"clientInfo":{"name":"toolgrant","version":"1"}}}`
}

// askVersions are the protocol versions of [Ask]. Some servers respond with 400
// to versions that they don't know, before they look at the credential.
var askVersions = []string{"2025-11-25", "2025-06-18"}

// An Answer is an MCP server's response to a request without a token.
type Answer struct {
	Status int
	Header http.Header // with the challenge; its texts are from the server
	SSE    bool        // the response to a GET, which the older HTTP+SSE transport begins with
}

// Ask sends initialize to an MCP server without a token: header has everything
// that is sent in addition to MCP's own headers, and redirects are not followed.
// A 400 is answered with the same request for an older protocol version. For a
// server of the HTTP+SSE transport, and one whose status suggests that
// transport, it opens the stream instead (MCP 2025-11-25, transports, backwards
// compatibility).
func Ask(ctx context.Context, hc *http.Client, serverURL string, header http.Header, sse bool) (*Answer, error) {
	if sse {
		return ask(ctx, hc, serverURL, header, "")
	}
	var answer *Answer
	for _, version := range askVersions {
		var err error
		if answer, err = ask(ctx, hc, serverURL, header, version); err != nil {
			return nil, err
		}
		if answer.Status != http.StatusBadRequest {
			break
		}
	}
	if !MayBeSSE(answer.Status) {
		return answer, nil
	}
	stream, err := ask(ctx, hc, serverURL, header, "")
	if err == nil && (stream.Status == http.StatusUnauthorized || stream.Status == http.StatusForbidden || stream.Status == http.StatusOK && stream.stream()) {
		return stream, nil
	}
	return answer, nil
}

// MayBeSSE reports whether a server of the HTTP+SSE transport responds to a POST
// with that status, so that a GET is worth trying.
func MayBeSSE(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusNotAcceptable, http.StatusUnsupportedMediaType:
		return true
	}
	return false
}

func (a *Answer) stream() bool {
	mediaType, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	return mediaType == "text/event-stream"
}

// ask sends one request: initialize, or a GET if version is "".
func ask(ctx context.Context, hc *http.Client, serverURL string, header http.Header, version string) (*Answer, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if version != "" {
		method, body = http.MethodPost, strings.NewReader(initializeAs(version))
	}
	req, err := http.NewRequestWithContext(ctx, method, serverURL, body)
	if err != nil {
		return nil, errEndpoint
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
	return &Answer{Status: resp.StatusCode, Header: resp.Header, SSE: version == ""}, nil
}
