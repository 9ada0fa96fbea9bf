package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// script is what the model of the local world does. Words of the message select
// the turn; the last one answers all others.
const script = `{"turns": [
	{"when": "order", "steps": [{"call": {"tool": "open_orders"}}, {"say": "{{last}}"}]},
	{"when": "note", "steps": [
		{"call": {"server_label": "notes", "tool": "add_note", "arguments": {"text": "Buy printer paper"}}}, {"say": "{{last|I added nothing.}}"}]},
	{"when": "task", "steps": [
		{"call": {"server_label": "tasks", "tool": "add_task", "arguments": {"title": "Print the report", "due": "Thursday"}}}, {"say": "{{last|I added nothing.}}"}]},
	{"steps": [
		{"call": {"server_label": "calendar", "tool": "list_events", "arguments": {"day": "Thursday"}}},
		{"call": {"server_label": "tasks", "tool": "list_tasks", "arguments": {"due": "Thursday"}}},
		{"call": {"server_label": "notes", "tool": "search_notes", "arguments": {"query": "Thursday"}}},
		{"say": "{{outputs|I can't look that up without your services.}}"}]}]}`

// startWorld starts the local world, whose tools take pace for each call, so that
// people see them at work.
func startWorld(pace time.Duration) (*lab.World, error) {
	parsed, err := lab.ParseScript([]byte(script))
	if err != nil {
		return nil, err
	}
	tool := func(name, description, property string, readOnly bool, answer func(value any) string) lab.Tool {
		schema := fmt.Sprintf(`{"type": "object", "properties": {%q: {"type": "string"}}, "required": [%q]}`, property, property)
		return lab.Tool{
			Name: name, Description: description, ReadOnly: readOnly, Schema: json.RawMessage(schema),
			Handle: func(ctx context.Context, arguments map[string]any) (string, error) {
				select {
				case <-ctx.Done():
				case <-time.After(pace):
				}
				return answer(arguments[property]), ctx.Err()
			},
		}
	}
	says := func(text string) func(any) string { return func(any) string { return text } }
	return lab.Start(&lab.Options{Script: parsed, Servers: []lab.Server{
		{Name: "calendar", Tools: []lab.Tool{
			tool("list_events", "Lists the events of a day.", "day", true, says("On Thursday you meet Globex at 10:00, for an hour.")),
		}},
		{Name: "notes", Tools: []lab.Tool{
			tool("search_notes", "Finds notes by words.", "query", true, says("Your notes say: bring the quarterly report, and the printer is out of paper.")),
			tool("add_note", "Adds a note.", "text", false, func(text any) string { return fmt.Sprintf("I added the note “%v”.", text) }),
		}},
		{Name: "tasks", Confidential: true, Tools: []lab.Tool{
			tool("list_tasks", "Lists tasks that are due.", "due", true, says("Two tasks are due by then: send the offer, and book a room.")),
			tool("add_task", "Adds a task.", "title", false, func(title any) string { return fmt.Sprintf("I added the task “%v”.", title) }),
		}},
	}})
}

// ofWorld returns the servers of the local world. Tasks needs an application that
// is registered in advance; the others register any.
func ofWorld(world *lab.World) ([]providers.Provider, connect.Apps) {
	offered := func(name, id, description string) providers.Provider {
		return providers.Custom(id, world.Server(id).MCPURL, &providers.CustomOptions{Name: name, Description: description})
	}
	tasks := world.Server("tasks")
	services := []providers.Provider{
		offered("Notes", "notes", "Notes: find and add notes."),
		offered("Tasks", "tasks", "Tasks: what is due, and for whom."),
		offered("Calendar", "calendar", "Calendar: your events."),
	}
	return services, connect.Apps{{
		Issuer: tasks.Issuer, Servers: []string{tasks.MCPURL}, ID: tasks.ClientID, Secret: oauthstore.NewSecret(tasks.ClientSecret),
	}}
}

// A fault is a button of the panel. Its effect names the service that was chosen.
type fault struct{ ID, Button, Effect string }

// Faults of the local world. Those of one service have the lab's name.
var (
	serviceFaults = []fault{
		{"down", "Stop it", "%s is down."},
		{"500", "Answer 500", "%s answers each request with 500."},
		{"list_error", "Break its list", "%s can't list its tools."},
		{"call_500", "Fail each call", "%s lists its tools, and each call fails."},
		{"403", "Answer 403", "%s answers each request with 403."},
	}
	worldFaults = []fault{
		{"expire", "Expire tokens", "All access tokens have expired."},
		{"revoke", "Withdraw consents", "All consents have been withdrawn at the vendors."},
		{"overload", "Overload OpenAI", "OpenAI is overloaded."},
		{"repair", "Repair everything", "All servers work again."},
	}
)

// effect returns the sentence for a fault of the URL's query; "" if there is none.
func (a *app) effect(r *http.Request) string {
	for _, f := range worldFaults {
		if f.ID == r.FormValue("did") {
			return f.Effect
		}
	}
	for _, p := range a.offered {
		for _, f := range serviceFaults {
			if f.ID == r.FormValue("did") && p.ID == r.FormValue("service") {
				return fmt.Sprintf(f.Effect, p.Name)
			}
		}
	}
	return ""
}

// breakIt causes a fault in the local world.
func (a *app) breakIt(w http.ResponseWriter, r *http.Request) {
	if _, err := a.signedIn(r); err != nil {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	var err error
	switch do := r.PostFormValue("do"); do {
	case "expire":
		a.world.Expire() // an hour early
	case "revoke":
		a.world.Revoke("user") // the only user name there
	case "overload":
		err = a.world.Fault("openai:503")
	case "repair":
		a.world.Clear()
	default:
		err = a.world.Fault(r.PostFormValue("service") + ":" + do)
	}
	if err != nil {
		http.Error(w, "unknown fault", http.StatusBadRequest)
		return
	}
	back := url.Values{"chat": {r.PostFormValue("chat")}, "did": {r.PostFormValue("do")}, "service": {r.PostFormValue("service")}}
	http.Redirect(w, r, "/?"+back.Encode(), http.StatusSeeOther)
}
