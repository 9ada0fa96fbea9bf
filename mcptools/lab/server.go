package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// A Server is one MCP server of the world.
type Server struct {
	// Name is part of its URLs and of the names of its faults. Required.
	Name string

	// Confidential: its tokens come from the authorization server that knows
	// one client only, made beforehand and with a secret, and that keeps its
	// refresh tokens: it names none in the answer to a refresh. Default: false,
	// anyone may register, and refresh tokens rotate.
	Confidential bool

	// Anonymous: it lists its tools for anyone, and wants a token for calls
	// only. Default: false.
	Anonymous bool

	// Legacy: it knows MCP 2025-11-25 and older, with a handshake and sessions.
	// Default: false, it knows 2026-07-28 too.
	Legacy bool

	// Tools are what it offers. Default: search, wait and whoami, which read
	// only; write and fail, which do not; plain, which has no annotations.
	Tools []Tool
}

// A Tool is one tool of an MCP server.
type Tool struct {
	Name        string
	Description string
	ReadOnly    bool            // readOnlyHint
	Bare        bool            // it has no annotations at all
	Schema      json.RawMessage // its inputSchema; nil: an object with anything in it

	// Handle answers a call with a text. An error is a result that says so
	// (isError), which the model sees. Subject returns on whose behalf it is.
	Handle func(ctx context.Context, arguments map[string]any) (string, error)
}

// DefaultServers returns what a world has if nothing else is said: "tasks",
// whose tokens only a registered application gets, and "notes", which anyone
// can connect to.
func DefaultServers() []Server {
	return []Server{
		{Name: "tasks", Confidential: true},
		{Name: "notes"},
	}
}

var serverName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// reserved are names of parts and paths that a server can't have.
var reserved = []string{"auth", "appauth", "mcp", "openai", "none", "v1"}

func checkServers(servers []Server) error {
	if len(servers) == 0 {
		return errors.New("lab: a world needs a server")
	}
	seen := map[string]bool{}
	for _, s := range servers {
		switch {
		case !serverName.MatchString(s.Name):
			return fmt.Errorf("lab: server name %q: a letter, then letters, digits, '-' and '_'", s.Name)
		case slices.Contains(reserved, s.Name):
			return fmt.Errorf("lab: server name %q is taken by a part of the lab", s.Name)
		case seen[s.Name]:
			return fmt.Errorf("lab: two servers are called %q", s.Name)
		}
		seen[s.Name] = true
		for _, t := range s.Tools {
			if t.Name == "" || t.Handle == nil {
				return fmt.Errorf("lab: a tool of %q lacks its name or its Handle", s.Name)
			}
		}
	}
	return nil
}

type subjectKey struct{}

// Subject returns on whose behalf a tool is called, within [Tool].Handle.
func Subject(ctx context.Context) string {
	s, _ := ctx.Value(subjectKey{}).(string)
	return s
}
