package lab

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// A dialect is how another platform than OpenAI handles an mcp entry, as far as its
// schema, source code or documentation says. Where they don't, it does the worst: it
// ignores fields and asks for no approval. It is written without package platform,
// so that a mistake there shows.
type dialect struct {
	reads      []string // fields of an entry that have an effect; nil: those of OpenAI
	strict     bool     // other fields are refused, not ignored
	refuses    []string // fields that are refused in any case
	unasked    bool     // without require_approval, calls are made
	lists      bool     // the approval filter has lists of names
	noReadOnly []string // fields whose filter ignores read_only
	namesOnly  bool     // an allowed_tools filter must have tool_names
	listOnly   bool     // allowed_tools must be a list
	label      *regexp.Regexp
	most       int    // entries in a request; 0: any number
	header     string // that the request must have, with the value true
	protocol   string // value that server_protocol must have
	previous   string // "refused" or "ignored": previous_response_id
	textErrors bool   // the error of a response is a text
	callText   bool   // mcp_call.error is a text
	lenient    bool   // a failed server is left out if another one is left
	sse        bool   // it connects by HTTP+SSE only
}

var entryFields = []string{"type", "server_label", "server_url"}

// dialects are the platforms by id.
var dialects = map[string]*dialect{
	"openai": {},
	"azure":  {reads: []string{"headers", "allowed_tools", "require_approval"}},
	"foundry": {
		reads: []string{"headers", "allowed_tools", "require_approval", "project_connection_id"}, lists: true, listOnly: true,
	},
	"xai": {
		reads:   []string{"server_description", "authorization", "headers", "allowed_tools"},
		refuses: []string{"require_approval", "connector_id"}, listOnly: true, unasked: true, textErrors: true, callText: true,
	},
	"groq": {
		reads: []string{"server_description", "headers", "allowed_tools", "require_approval"}, unasked: true,
		noReadOnly: []string{"allowed_tools", "require_approval"}, previous: "refused",
	},
	"perplexity": {
		reads:    []string{"authorization", "headers", "allowed_tools", "defer_loading"},
		listOnly: true, unasked: true, label: regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`), most: 16, callText: true,
	},
	"openrouter": {
		reads:   []string{"server_description", "authorization", "headers", "allowed_tools", "require_approval", "connector_id"},
		unasked: true, noReadOnly: []string{"require_approval"}, previous: "refused",
	},
	"ark": {
		reads:   []string{"server_description", "headers", "allowed_tools", "require_approval"},
		unasked: true, noReadOnly: []string{"allowed_tools", "require_approval"}, header: "ark-beta-mcp",
	},
	"alibaba": {
		reads: []string{"server_description", "headers", "server_protocol"}, unasked: true, most: 10, protocol: "sse", sse: true,
	},
	"bedrock": {reads: []string{"server_description"}},
	"huggingface": {
		reads: []string{"headers", "allowed_tools", "require_approval"}, namesOnly: true,
		noReadOnly: []string{"require_approval"}, previous: "ignored", callText: true,
	},
	"ogx": {
		reads:   []string{"authorization", "headers", "allowed_tools", "require_approval", "connector_id"},
		unasked: true, lists: true, namesOnly: true,
	},
	"smg": {
		reads:   []string{"server_description", "authorization", "headers", "allowed_tools", "require_approval", "connector_id"},
		unasked: true, strict: true, lenient: true, callText: true,
	},
	"lmstudio": {reads: []string{"headers", "allowed_tools"}, unasked: true, noReadOnly: []string{"allowed_tools"}},
}

// checkRequest refuses a request that the platform refuses before it reads entries.
func (o *openAI) checkRequest(r *http.Request, tools []json.RawMessage) *apiError {
	n := 0
	for _, raw := range tools {
		var kind item
		if json.Unmarshal(raw, &kind) == nil && kind.is("mcp") {
			n++
		}
	}
	switch d := o.dialect; {
	case n == 0:
	case d.most > 0 && n > d.most:
		return invalid("tools", nil, "At most %d MCP servers can be used in a request.", d.most)
	case d.header != "" && r.Header.Get(d.header) != "true":
		return invalid("tools", nil, "The tool type 'mcp' needs the header %s: true.", d.header)
	}
	return nil
}

// adapt returns the entry as OpenAI would read what the platform reads of it.
func (d *dialect) adapt(i int, raw json.RawMessage) (json.RawMessage, *apiError) {
	var fields map[string]json.RawMessage
	if d.reads == nil || json.Unmarshal(raw, &fields) != nil {
		return raw, nil
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch {
		case slices.Contains(d.refuses, name):
			return nil, invalid(at(i, name), nil, "tools[%d]: %s is not supported", i, name)
		case slices.Contains(d.reads, name) || slices.Contains(entryFields, name):
		case d.strict:
			return nil, invalid(nil, nil, "Invalid request: unknown field `%s`, expected one of `type`, `server_label`, `server_url`", name)
		default:
			delete(fields, name)
		}
	}
	var label string
	_ = json.Unmarshal(fields["server_label"], &label) // parseEntry refuses another type
	if d.label != nil && !d.label.MatchString(label) {
		return nil, invalid(at(i, "server_label"), nil, "Invalid server_label.")
	}
	if d.protocol != "" && string(fields["server_protocol"]) != `"`+d.protocol+`"` {
		return nil, invalid(at(i, "server_protocol"), nil, "server_protocol must be '%s'.", d.protocol)
	}
	if refused := d.filters(i, fields); refused != nil {
		return nil, refused
	}
	if d.unasked && isNull(fields["require_approval"]) {
		fields["require_approval"] = json.RawMessage(`"never"`)
	}
	return encoded(fields), nil
}

// encoded returns an object that was decoded from JSON.
func encoded(fields map[string]json.RawMessage) json.RawMessage {
	raw, err := json.Marshal(fields)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}

// filters converts the filters of an entry.
func (d *dialect) filters(i int, fields map[string]json.RawMessage) *apiError {
	isObject := func(name string) bool { return strings.HasPrefix(string(fields[name]), "{") }
	if isObject("allowed_tools") {
		var f map[string]json.RawMessage
		_ = json.Unmarshal(fields["allowed_tools"], &f)
		if d.listOnly || d.namesOnly && isNull(f["tool_names"]) {
			return invalid(at(i, "allowed_tools"), "invalid_type", "Invalid input for '%s'.", at(i, "allowed_tools"))
		}
		if slices.Contains(d.noReadOnly, "allowed_tools") {
			delete(f, "read_only")
		}
		fields["allowed_tools"] = encoded(f)
	}
	if !isObject("require_approval") {
		return nil
	}
	var lists, objects map[string]json.RawMessage
	_ = json.Unmarshal(fields["require_approval"], &lists)
	objects = make(map[string]json.RawMessage)
	for name, value := range lists {
		switch isList := strings.HasPrefix(string(value), "["); {
		case isList != d.lists:
			return invalid(at(i, "require_approval"), "invalid_type", "Invalid input for '%s'.", at(i, "require_approval"))
		case isList:
			objects[name] = json.RawMessage(`{"tool_names":` + string(value) + `}`)
		case slices.Contains(d.noReadOnly, "require_approval"):
			var f map[string]json.RawMessage
			_ = json.Unmarshal(value, &f)
			delete(f, "read_only")
			objects[name] = encoded(f)
		default:
			objects[name] = value
		}
	}
	fields["require_approval"] = encoded(objects)
	return nil
}

// refuseEntry refuses an entry that the platform refuses for its values.
func (o *openAI) refuseEntry(i int, e *entry) *apiError {
	switch o.id {
	case "bedrock":
		return invalid(nil, nil, "MCP tool '%s' requires 'connector_id'. Note: server_url is not supported.", e.label)
	case "ogx":
		for name := range e.headers {
			if strings.EqualFold(name, "Authorization") {
				return invalid(at(i, "headers"), nil, "Authorization header cannot be passed via 'headers'. Please use the 'authorization' parameter instead.")
			}
		}
	case "foundry":
		for name := range e.headers {
			if sensitive.MatchString(name) {
				return invalid(at(i, "headers"), nil, "Headers that can include sensitive information are not allowed in the headers property for MCP tools. Use project_connection_id instead.")
			}
		}
	}
	return nil
}

var sensitive = regexp.MustCompile(`(?i)authorization|token|key|secret|cookie`)
