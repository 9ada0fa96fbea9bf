package main

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// An interruption is what happens while the model's first call of a run is being
// made. Safe for concurrent use.
type interruption struct {
	mu   sync.Mutex
	next func()
}

// plan makes f happen in the next run.
func (i *interruption) plan(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.next = f
}

func (i *interruption) happen() {
	i.mu.Lock()
	f := i.next
	i.next = nil
	i.mu.Unlock()
	if f != nil {
		f()
	}
}

// startWorld starts two vendors, Tasks and Notes, and a model that uses both.
// during happens while Tasks answers a call.
func startWorld(during *interruption) (*lab.World, error) {
	script, err := lab.ParseScript([]byte(modelScript))
	if err != nil {
		return nil, err
	}
	return lab.Start(&lab.Options{
		Script: script,
		Servers: []lab.Server{
			{Name: "tasks", Tools: []lab.Tool{{
				Name: "list_tasks", Description: "Lists the user's open tasks.", ReadOnly: true,
				Handle: func(context.Context, map[string]any) (string, error) {
					during.happen()
					return strings.Join([]string{"Quarterly report", "Printer paper"}, ", "), nil
				},
			}, {
				Name: "complete_task", Description: "Marks a task as done.",
				Handle: func(context.Context, map[string]any) (string, error) { return "done", nil },
			}}},
			{Name: "notes", Tools: []lab.Tool{{
				Name: "search", Description: "Searches the user's notes.", ReadOnly: true,
				Schema: json.RawMessage(`{"type":"object","properties":{"query":{"type":"string"}},"required":["query"]}`),
				Handle: func(context.Context, map[string]any) (string, error) {
					return "the figures are in the finance folder", nil
				},
			}}},
		},
	})
}

// modelScript defines the model's reactions to Mia's messages.
const modelScript = `{"turns": [
  {"when": "first today", "steps": [
    {"call": {"server_label": "tasks", "tool": "list_tasks"}},
    {"call": {"server_label": "notes", "tool": "search", "arguments": {"query": "Quarterly report"}}},
    {"say": "The quarterly report: by your note the figures are in the finance folder."}]},
  {"when": "offsite", "steps": [
    {"call": {"server_label": "tasks", "tool": "list_tasks"}},
    {"call": {"server_label": "notes", "tool": "search", "arguments": {"query": "offsite"}}},
    {"say": "I found your tasks, but I could not read your notes."}]},
  {"when": "again", "steps": [
    {"say": "I can complete tasks, but I have no tool that lists them."}]}
]}`
