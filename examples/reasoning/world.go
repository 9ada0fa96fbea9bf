package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/providers"
)

// tokenTTL is the lifetime of access tokens, short enough to see one expire.
const tokenTTL = 3 * time.Second

// startWorld starts two vendors: Tasks is like Asana, whose MCP server accepts
// tokens of registered applications but not those of the REST API; Notes has
// open registration, and its refresh tokens rotate.
func startWorld() (*lab.World, error) {
	script, err := lab.ParseScript([]byte(modelScript))
	if err != nil {
		return nil, err
	}
	return lab.Start(&lab.Options{
		TokenTTL: tokenTTL,
		Script:   script,
		Servers: []lab.Server{
			{Name: "tasks", Confidential: true, Tools: []lab.Tool{{
				Name: "list_tasks", Description: "Lists the user's open tasks.", ReadOnly: true,
				Schema: json.RawMessage(`{"type":"object","properties":{"due":{"type":"string"}},"required":["due"]}`),
				Handle: func(_ context.Context, args map[string]any) (string, error) {
					due, _ := args["due"].(string)
					return strings.Join(openTasks[due], ", "), nil
				},
			}, {
				Name: "complete_task", Description: "Marks a task as done.",
				Handle: func(context.Context, map[string]any) (string, error) { return "done", nil },
			}}},
			{Name: "notes", Tools: []lab.Tool{{
				Name: "search", Description: "Searches the user's notes.", ReadOnly: true,
				Schema: json.RawMessage(`{"type":"object","properties":{"query":{"type":"string"}},"required":["query"]}`),
				Handle: func(ctx context.Context, _ map[string]any) (string, error) {
					return fmt.Sprintf("a note of %s: the figures are in the finance folder", lab.Subject(ctx)), nil
				},
			}}},
		},
	})
}

var openTasks = map[string][]string{
	"today":     {"Quarterly report", "Printer paper"},
	"this week": {"Team offsite"},
}

// modelScript defines the model's reactions to Mia's messages.
const modelScript = `{"turns": [
  {"when": "first today", "steps": [
    {"call": {"server_label": "tasks", "tool": "list_tasks", "arguments": {"due": "today"}}},
    {"call": {"server_label": "notes", "tool": "search", "arguments": {"query": "Quarterly report"}}},
    {"say": "The quarterly report: it is due today, and by your note the figures are in the finance folder. The printer paper can wait."}]},
  {"when": "else this week", "steps": [
    {"call": {"server_label": "tasks", "tool": "list_tasks", "arguments": {"due": "this week"}}},
    {"say": "Only one thing: {{last}}."}]},
  {"when": "Good morning", "steps": [
    {"call": {"server_label": "notes", "tool": "search", "arguments": {"query": "today"}}},
    {"call": {"server_label": "tasks", "tool": "list_tasks", "arguments": {"due": "today"}}},
    {"say": "Good morning! On your list for today: {{last}}."}]}
]}`

// tasksProvider and notesProvider describe the two servers. Servers of the
// catalogue, such as providers.Asana(), need no description.
func tasksProvider(s lab.ServerInfo) providers.Provider {
	p := providers.Custom("tasks", s.MCPURL, &providers.CustomOptions{
		Name: "Tasks",
		Ways: []providers.Way{{
			ID: "oauth", Kind: providers.WayOAuth, Name: "OAuth",
			Obtain: "the user connects Tasks through an application that is registered for MCP.",
		}},
	})
	p.RESTToken = providers.No
	return p
}

func notesProvider(s lab.ServerInfo) providers.Provider {
	return providers.Custom("notes", s.MCPURL, &providers.CustomOptions{Name: "Notes"})
}
