package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// statelessVersion is the first revision without sessions.
const statelessVersion = "2026-07-28"

// A session calls one MCP server by JSON-RPC over HTTP, like OpenAI's client
// with the given token.
type session struct {
	url     string
	version string // of the protocol
	http    *http.Client
	lastID  int
}

// A statusError is a response without a result.
type statusError struct {
	status int
	header http.Header
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the MCP server responded with %d", e.status)
}

// call sends one request. name is that of the tool, for tools/call.
func (s *session) call(ctx context.Context, token oauthstore.Secret, method, name string) error {
	s.lastID++
	params := map[string]any{}
	if name != "" {
		params["name"], params["arguments"] = name, map[string]any{}
	}
	if s.version >= statelessVersion {
		params["_meta"] = map[string]any{
			"io.modelcontextprotocol/protocolVersion":    s.version,
			"io.modelcontextprotocol/clientCapabilities": map[string]any{},
			"io.modelcontextprotocol/clientInfo":         map[string]any{"name": "toolgrant", "version": "1"},
		}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": s.lastID, "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body)) //nolint:gosec // the suite says where to
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("MCP-Protocol-Version", s.version)
	req.Header.Set("Mcp-Method", method)
	if name != "" {
		req.Header.Set("Mcp-Name", name)
	}
	if !token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+token.Expose())
	}
	resp, err := s.http.Do(req) //nolint:gosec // the suite says where to
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &statusError{status: resp.StatusCode, header: resp.Header}
	}
	return readAnswer(resp)
}

// readAnswer parses a response object, plain or as an event of a stream.
func readAnswer(resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		var last []byte
		for line := range bytes.Lines(data) {
			if text, ok := bytes.CutPrefix(line, []byte("data:")); ok {
				last = bytes.TrimSpace(text)
			}
		}
		data = last
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	switch err := json.Unmarshal(data, &answer); {
	case err != nil:
		return err
	case answer.Error != nil:
		return fmt.Errorf("the MCP server responded with error %d: %s", answer.Error.Code, answer.Error.Message)
	case answer.Result == nil:
		return errors.New("the MCP server's response has no result")
	}
	return nil
}
