package relay

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/toolgrant/toolgrant/internal/exactjson"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

const (
	maxPages = 64      // of a tool list
	maxTools = 5000    // in a list
	maxList  = 8 << 20 // bytes of all pages
)

// errList reports that a server did not list its tools.
var errList = errors.New("the server did not list its tools")

// listID is the id of the relay's own requests. They have a response of their own,
// so it is never mistaken for a client's.
const listID = "toolgrant-list"

// list asks the server for all its tools, as the client of this request would. It is
// a [lister].
func (x *exchange) list(ctx context.Context) ([]json.RawMessage, error) {
	header := x.header.Clone()
	for name := range header {
		if strings.HasPrefix(name, headerParam) {
			header.Del(name)
		}
	}
	header.Del("Mcp-Name")
	header.Del(headerLastEvent)
	header.Set("Accept", typeJSON+", "+typeEvents)
	header.Set("Content-Type", typeJSON)
	if header.Get("Mcp-Method") != "" {
		header.Set("Mcp-Method", "tools/list")
	}
	pages := x.memory.buffer(min(maxList, x.relay.limits.answer))
	defer pages.free()
	var tools []json.RawMessage
	cursor := ""
	for range maxPages {
		page, next, err := x.page(ctx, header, cursor, pages)
		if err != nil {
			return nil, err
		}
		if tools = append(tools, page...); len(tools) > maxTools {
			return nil, errList
		}
		if next == "" || next == cursor {
			return tools, nil
		}
		cursor = next
	}
	return nil, errList
}

// page asks for one page, which it appends to pages.
func (x *exchange) page(ctx context.Context, header http.Header, cursor string, pages *buffer) (tools []json.RawMessage, next string, err error) {
	// MCP 2026-07-28 wants the client's version and capabilities in each request.
	var sent struct {
		Params struct {
			Meta map[string]json.RawMessage `json:"_meta"`
		} `json:"params"`
	}
	_ = json.Unmarshal(x.message.body, &sent) // it was parsed before
	delete(sent.Params.Meta, "progressToken")
	params := map[string]any{}
	if len(sent.Params.Meta) > 0 {
		params["_meta"] = sent.Params.Meta
	}
	if cursor != "" {
		params["cursor"] = cursor
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": listID, "method": "tools/list", "params": params})
	if err != nil {
		return nil, "", err
	}
	resp, err := x.ask(ctx, http.MethodPost, body, header)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, "", &statusError{resp.StatusCode}
	}
	data, err := x.response(resp, pages)
	if err != nil {
		return nil, "", err
	}
	return toolsIn(data)
}

// toolsIn returns the tools of a page and the cursor of the next one.
func toolsIn(page []byte) (tools []json.RawMessage, next string, err error) {
	var m struct {
		Result *struct {
			Tools      json.RawMessage `json:"tools"`
			NextCursor string          `json:"nextCursor"`
		} `json:"result"`
	}
	if json.Unmarshal(page, &m) != nil || m.Result == nil {
		return nil, "", errList
	}
	if raw := m.Result.Tools; raw != nil && string(raw) != "null" {
		if tools, err = exactjson.Elements(raw, maxTools); err != nil {
			return nil, "", errList
		}
	}
	return tools, m.Result.NextCursor, nil
}

// A statusError is a response to the relay's own request with another status than
// 200.
type statusError struct{ status int }

func (*statusError) Error() string { return errList.Error() }

// response appends the JSON-RPC response to the relay's own request to b, and returns
// it.
func (x *exchange) response(resp *http.Response, b *buffer) ([]byte, error) {
	begin := len(b.data)
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch mediaType {
	case typeJSON:
		err := b.readAll(resp.Body, resp.ContentLength)
		return b.data[begin:], err
	case typeEvents:
		in := eventReader{r: bufio.NewReader(resp.Body), mem: x.memory, max: b.max}
		for {
			ev, err := in.next()
			if errors.Is(err, io.EOF) {
				return nil, errList
			}
			if err != nil {
				return nil, err
			}
			var m struct {
				ID     string `json:"id"`
				Method string `json:"method"`
			}
			found := json.Unmarshal(ev.data.data, &m) == nil && m.ID == listID && m.Method == ""
			if found {
				err = b.append(ev.data.data)
			}
			ev.data.free()
			if found || err != nil {
				return b.data[begin:], err
			}
		}
	}
	return nil, errList
}

// unlisted returns the answer if a message could not be judged, because the server
// did not list its tools or the store could not be read.
func (x *exchange) unlisted(err error) *answer {
	if e, ok := errors.AsType[*statusError](err); ok {
		f := x.failureOf(kindOf(e.status), e.status)
		x.fail(f)
		return answerOf(f, 0)
	}
	if errors.Is(err, errList) {
		f := x.failureOf(mcptools.KindProtocol, 0)
		x.fail(f)
		return answerOf(f, 0)
	}
	if _, ok := errors.AsType[*oauthstore.Error](err); ok {
		return x.noToken(err)
	}
	return x.broken(err)
}
