package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// A Script determines what the model does. A request with a new message of the
// user starts a turn: the first one whose When occurs in the message; otherwise
// the n-th turn without When for the n-th message of the conversation, or the
// last of them.
//
//	{"turns": [
//	  {"steps": [
//	    {"call": {"server_label": "notes", "tool": "search", "arguments": {"query": "report"}}},
//	    {"say": "I found this: {{last}}"}
//	  ]}
//	]}
//
// A call of a label or tool that the request does not offer is skipped, since a
// model would not see it.
type Script struct {
	Turns []Turn `json:"turns"` // at least one
}

// A Turn answers one message of the user.
type Turn struct {
	When  string `json:"when,omitempty"` // part of the message; "" matches any
	Steps []Step `json:"steps"`          // in their order
}

// A Step is one action of the model: a call, several concurrent calls, or a
// text.
type Step struct {
	Call  *Call  `json:"call,omitempty"`  // one call
	Calls []Call `json:"calls,omitempty"` // several concurrent calls

	// Say is a message. {{last}} in it stands for the output of the last call,
	// {{all}} for those of all calls of the turn with their names, a line each, and
	// {{outputs}} for the same without names and failed calls. After a bar comes what
	// to write if there is none: {{last|I added nothing.}}
	Say string `json:"say,omitempty"`
}

// A Call is one call of a tool. If ServerLabel is empty, Tool is a function in the
// request's tools, and the response ends with its call.
type Call struct {
	ServerLabel string          `json:"server_label,omitempty"` // of the entry; "" for a function of the program
	Tool        string          `json:"tool"`                   // name of the tool; required
	Arguments   json.RawMessage `json:"arguments,omitempty"`    // default: {}
}

// ParseScript reads a script as JSON. It returns an error for a script without turns,
// an unknown member, and a step that does not have exactly one of call, calls and say.
func ParseScript(data []byte) (*Script, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var s Script
	if err := dec.Decode(&s); err != nil {
		return nil, errtext.Errorf("lab: script: %w", err)
	}
	if dec.More() {
		return nil, errtext.New("lab: script: there is something after its end")
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return &s, nil
}

func (s *Script) check() error {
	if len(s.Turns) == 0 {
		return errtext.New("lab: script: it has no turns")
	}
	for i, t := range s.Turns {
		for j, step := range t.Steps {
			where := fmt.Sprintf("lab: script: turn %d, step %d", i+1, j+1)
			kinds := 0
			if step.Call != nil {
				kinds++
			}
			if step.Calls != nil {
				kinds++
			}
			if step.Say != "" {
				kinds++
			}
			if kinds != 1 {
				return errors.New(where + ": it must have one of call, calls and say")
			}
			for _, c := range step.calls() {
				if c.Tool == "" {
					return errors.New(where + ": a call needs a tool")
				}
				if c.Arguments != nil && !strings.HasPrefix(string(bytes.TrimSpace(c.Arguments)), "{") {
					return errors.New(where + ": arguments must be an object")
				}
			}
		}
	}
	return nil
}

func (s Step) calls() []Call {
	if s.Call != nil {
		return []Call{*s.Call}
	}
	return s.Calls
}

func (c Call) arguments() string {
	if c.Arguments == nil {
		return "{}"
	}
	var b bytes.Buffer
	if err := json.Compact(&b, c.Arguments); err != nil {
		return "{}"
	}
	return b.String()
}

// turn returns the steps for the n-th message (from 0) of a conversation, or nil
// if the script has none.
func (s *Script) turn(message string, n int) []Step {
	if s == nil {
		return nil
	}
	var plain []Turn
	for _, t := range s.Turns {
		if t.When == "" {
			plain = append(plain, t)
		} else if strings.Contains(message, t.When) {
			return t.Steps
		}
	}
	if len(plain) == 0 {
		return nil
	}
	return plain[min(n, len(plain)-1)].Steps
}

// defaultTurn calls the first read-only tool of each server, or its first tool
// if none is read-only, and summarizes.
func defaultTurn(message string, entries []*entry) []Step {
	var group []Call
	for _, e := range entries {
		if len(e.tools) == 0 {
			continue
		}
		tool := e.tools[0]
		for _, t := range e.tools {
			if t.readOnly() {
				tool = t
				break
			}
		}
		group = append(group, Call{ServerLabel: e.label, Tool: tool.Name, Arguments: tool.someArguments(message)})
	}
	if len(group) == 0 {
		return []Step{{Say: "I have no tools for that."}}
	}
	steps := make([]Step, 0, len(group)+1)
	for _, c := range group {
		steps = append(steps, Step{Call: &c})
	}
	return append(steps, Step{Say: "{{all}}"})
}

// someArguments returns arguments that satisfy the tool's schema.
func (t listedTool) someArguments(message string) json.RawMessage {
	var schema struct {
		Properties map[string]struct {
			Type string `json:"type"`
		} `json:"properties"`
		Required []string `json:"required"`
	}
	_ = json.Unmarshal(t.InputSchema, &schema) // without a schema: no arguments
	args := map[string]any{}
	for _, name := range schema.Required {
		switch schema.Properties[name].Type {
		case "number", "integer":
			args[name] = 1
		case "boolean":
			args[name] = false
		case "array":
			args[name] = []any{}
		case "object":
			args[name] = map[string]any{}
		default:
			args[name] = message
		}
	}
	data, err := json.Marshal(args)
	if err != nil {
		return json.RawMessage("{}")
	}
	return data
}
