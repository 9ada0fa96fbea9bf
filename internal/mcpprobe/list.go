package mcpprobe

import (
	"context"
	"net/http"
	"net/url"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// List is like [Probe], and also returns the tools that the server lists, at
// most 1000. Their texts are the server's. It calls no tool. A nil slice means
// that the server listed none; the result has the reason.
func List(ctx context.Context, hc *http.Client, r Request, header http.Header) ([]mcp.Tool, Result) {
	r.Anonymous = true // the list is wanted, not a verdict on the token
	res := Probe(ctx, hc, r, header)
	if res.Outcome == Refused || res.Cause != CauseAnonymous {
		return nil, res
	}
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, res
	}
	left := newBudget()
	tools := listOver(ctx, func() (transport.HTTPConnection, client.ClientOption, error) {
		rec := newRecorder(hc.Transport, header, u, ctx.Done(), left)
		if res.SSE {
			conn, err := transport.NewSSE(r.URL, transport.WithHTTPClient(guarded(hc, rec)), transport.WithSSELogger(quiet), transport.WithEndpointTimeout(timeout/3))
			return conn, client.WithProtocolVersion(mcp.LATEST_LEGACY_PROTOCOL_VERSION), err
		}
		conn, err := transport.NewStreamableHTTP(r.URL, transport.WithHTTPBasicClient(guarded(hc, rec)), transport.WithHTTPLogger(quiet))
		return conn, client.WithDiscoverTimeout(timeout / 3), err
	})
	return tools, res
}

// listOver lists the tools over a new connection, as far as they can be read.
func listOver(ctx context.Context, open func() (transport.HTTPConnection, client.ClientOption, error)) []mcp.Tool {
	conn, opt, err := open()
	if err != nil {
		return nil
	}
	c := client.NewClient(conn, opt)
	defer func() { _ = c.Close() }()
	if err := c.Start(ctx); err != nil {
		return nil
	}
	var init mcp.InitializeRequest
	init.Params.ClientInfo = mcp.Implementation{Name: "toolgrant", Version: "1"}
	if _, err := c.Initialize(ctx, init); err != nil {
		return nil
	}
	var all []mcp.Tool
	var req mcp.ListToolsRequest
	for range maxPages {
		page, err := c.ListToolsByPage(ctx, req)
		if err != nil {
			break
		}
		all = append(all, page.Tools...)
		if page.NextCursor == "" || page.NextCursor == req.Params.Cursor || len(all) >= maxTools {
			break
		}
		req.Params.Cursor = page.NextCursor
	}
	return all[:min(len(all), maxTools)]
}
