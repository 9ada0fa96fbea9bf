package lab

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// An upstream is a connection of the Responses endpoint to an MCP server, with
// the credentials and headers of the entry.
type upstream struct {
	client *client.Client
	rec    *statusRecorder
}

// An upstreamError says why a request to an MCP server failed.
type upstreamError struct {
	status  int // HTTP status; 0: none
	rpcCode int // JSON-RPC error code; 0: none
	message string
}

// connect opens the connection, which closes with ctx: streamable HTTP, or
// HTTP+SSE if the server rejects that.
func (o *openAI) connect(ctx context.Context, e *entry) (*upstream, *upstreamError) {
	up, failed := o.dial(ctx, e, o.dialect.sse)
	if failed == nil || o.dialect.sse {
		return up, failed
	}
	switch failed.status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed:
		if sse, err := o.dial(ctx, e, true); err == nil {
			return sse, nil
		}
	}
	return nil, failed
}

func (o *openAI) dial(ctx context.Context, e *entry, sse bool) (*upstream, *upstreamError) {
	rec := &statusRecorder{next: o.w.http.Transport, header: e.upstreamHeader(), done: ctx.Done()}
	hc := &http.Client{
		Transport:     rec,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var (
		conn transport.HTTPConnection
		opt  = client.WithDiscoverTimeout(o.timeout / 2)
		err  error
	)
	if sse {
		conn, err = transport.NewSSE(e.serverURL, transport.WithHTTPClient(hc), transport.WithSSELogger(quiet), transport.WithEndpointTimeout(o.timeout/2))
		opt = client.WithProtocolVersion(mcp.LATEST_LEGACY_PROTOCOL_VERSION)
	} else {
		conn, err = transport.NewStreamableHTTP(e.serverURL, transport.WithHTTPBasicClient(hc), transport.WithHTTPLogger(quiet))
	}
	if err != nil {
		return nil, &upstreamError{message: "invalid server URL"}
	}
	up := &upstream{client: client.NewClient(&rpcRecorder{HTTPConnection: conn, rec: rec}, opt), rec: rec}
	// An event stream stays open as long as the context that it was opened with.
	if err = up.client.Start(ctx); err == nil {
		ctx, cancel := context.WithTimeout(ctx, o.timeout)
		defer cancel()
		var init mcp.InitializeRequest
		init.Params.ClientInfo = mcp.Implementation{Name: "openai-mcp", Version: "1.0.0"}
		_, err = up.client.Initialize(ctx, init)
	}
	if err != nil {
		failed := up.why(err)
		up.close()
		return nil, failed
	}
	return up, nil
}

func (u *upstream) close() { _ = u.client.Close() }

// list returns the server's tools.
func (u *upstream) list(ctx context.Context) ([]listedTool, *upstreamError) {
	res, err := u.client.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		return nil, u.why(err)
	}
	tools := make([]listedTool, 0, len(res.Tools))
	for _, t := range res.Tools {
		schema, err := json.Marshal(t.InputSchema)
		if t.RawInputSchema != nil {
			schema, err = t.RawInputSchema, nil
		}
		if err != nil {
			return nil, &upstreamError{message: "unreadable schema"}
		}
		lt := listedTool{Name: t.Name, InputSchema: schema}
		if t.Description != "" {
			lt.Description = &t.Description
		}
		if hint := t.Annotations.ReadOnlyHint; hint != nil {
			lt.Annotations = map[string]any{"read_only": *hint}
		}
		tools = append(tools, lt)
	}
	return tools, nil
}

// call calls a tool. A result with isError is not an error here.
func (u *upstream) call(ctx context.Context, tool, arguments string) (*mcp.CallToolResult, *upstreamError) {
	var args map[string]any
	if err := json.Unmarshal([]byte(arguments), &args); err != nil {
		return nil, &upstreamError{rpcCode: mcp.INVALID_PARAMS, message: "Invalid params"}
	}
	var req mcp.CallToolRequest
	req.Params.Name, req.Params.Arguments = tool, args
	res, err := u.client.CallTool(ctx, req)
	if err != nil {
		return nil, u.why(err)
	}
	return res, nil
}

// why returns the reason of a failure: mcp-go's errors keep neither status nor
// code.
func (u *upstream) why(err error) *upstreamError {
	status, code, message := u.rec.last()
	if errors.Is(err, transport.ErrSessionTerminated) && u.client.ProtocolVersion() != "" {
		return &upstreamError{status: status, rpcCode: 32600, message: "Session terminated"}
	}
	return &upstreamError{status: status, rpcCode: code, message: message}
}

// A statusRecorder adds the entry's headers and remembers the last status.
type statusRecorder struct {
	next   http.RoundTripper
	header http.Header
	done   <-chan struct{}

	mu      sync.Mutex
	status  int    // guarded by mu, like code and message; 0: no response
	code    int    // of the last JSON-RPC error
	message string // with it
}

// RoundTrip implements [http.RoundTripper].
func (s *statusRecorder) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if req.Method == http.MethodDelete { // ends a session: keep it short
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			select {
			case <-s.done:
				cancel()
			case <-stop:
			}
		}()
		ctx = short
	}
	req = req.Clone(ctx)
	maps.Copy(req.Header, s.header)
	resp, err := s.next.RoundTrip(req)
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.Method == http.MethodDelete {
		return resp, err
	}
	s.status, s.code, s.message = 0, 0, ""
	if err == nil {
		s.status = resp.StatusCode
	}
	return resp, err
}

func (s *statusRecorder) last() (status, code int, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status, s.code, s.message
}

// An rpcRecorder passes JSON-RPC errors to the recorder.
type rpcRecorder struct {
	transport.HTTPConnection
	rec *statusRecorder
}

// SendRequest implements [transport.Interface].
func (r *rpcRecorder) SendRequest(ctx context.Context, req transport.JSONRPCRequest) (*transport.JSONRPCResponse, error) {
	resp, err := r.HTTPConnection.SendRequest(ctx, req)
	if err == nil && resp != nil && resp.Error != nil {
		r.rec.mu.Lock()
		r.rec.code, r.rec.message = resp.Error.Code, resp.Error.Message
		r.rec.mu.Unlock()
	}
	return resp, err
}
