package lab

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// A Server is one MCP server of the world.
type Server struct {
	// Name is part of its URLs and of the names of its faults. Required.
	Name string

	// Confidential selects the authorization server with a single registered
	// client, which has a secret. That server does not rotate refresh tokens and
	// does not repeat them in the response to a refresh. If false, registration is
	// open and refresh tokens rotate.
	Confidential bool

	// Anonymous makes the server list its tools without a token; calls still need
	// one. If false, listing needs a token too.
	Anonymous bool

	// Legacy restricts the server to MCP 2025-11-25 and older, with a handshake and
	// sessions. If false, it supports 2026-07-28 too.
	Legacy bool

	// Tools are the server's tools. If nil, search, wait and whoami, which are
	// read-only; write and fail, which are not; plain, which has no annotations.
	Tools []Tool
}

// A Tool is one tool of an MCP server.
type Tool struct {
	Name        string          // as the model calls it; required
	Description string          // for the model; "" for none
	ReadOnly    bool            // readOnlyHint
	Bare        bool            // the tool has no annotations
	Schema      json.RawMessage // inputSchema; nil: any object

	// Handle returns the text result of a call. An error becomes a result with
	// isError, which the model sees. Subject returns the user of the call.
	Handle func(ctx context.Context, arguments map[string]any) (string, error)
}

// DefaultServers returns the servers of a world without [Options].Servers:
// "tasks", which requires the registered application, and "notes", with open
// registration.
func DefaultServers() []Server {
	return []Server{
		{Name: "tasks", Confidential: true},
		{Name: "notes"},
	}
}

var serverName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// reserved are names of parts and paths that a server can't use.
var reserved = []string{"auth", "appauth", "mcp", "openai", "none", "v1"}

func checkServers(servers []Server) error {
	if len(servers) == 0 {
		return errtext.New("lab: a world needs a server")
	}
	seen := map[string]bool{}
	for _, s := range servers {
		switch {
		case !serverName.MatchString(s.Name):
			return errtext.Errorf("lab: server name %q: a letter, then letters, digits, '-' and '_'", s.Name)
		case slices.Contains(reserved, s.Name):
			return errtext.Errorf("lab: server name %q is taken by a part of the lab", s.Name)
		case seen[s.Name]:
			return errtext.Errorf("lab: two servers are called %q", s.Name)
		}
		seen[s.Name] = true
		for _, t := range s.Tools {
			if t.Name == "" || t.Handle == nil {
				return errtext.Errorf("lab: a tool of %q lacks its name or its Handle", s.Name)
			}
		}
	}
	return nil
}

type subjectKey struct{}

// Subject returns the user on whose behalf a tool is called, within
// [Tool].Handle.
func Subject(ctx context.Context) string {
	s, _ := ctx.Value(subjectKey{}).(string)
	return s
}
