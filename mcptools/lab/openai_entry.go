package lab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// An entry is one mcp tool of a request.
type entry struct {
	label         string
	serverURL     string // "" for a tunnel or a connector, which the lab can't reach
	authorization string
	headers       map[string]string
	allowed       *toolFilter // nil: all
	approval      approval
	echo          map[string]any // as the response shows it

	tools []listedTool // what the model sees
	conn  *upstream    // open while the response is made
}

// A listedTool is a tool as an mcp_list_tools item shows it.
type listedTool struct {
	Name        string          `json:"name"`
	Description *string         `json:"description"`
	InputSchema json.RawMessage `json:"input_schema"`
	Annotations map[string]any  `json:"annotations"`
}

func (t listedTool) readOnly() bool { b, _ := t.Annotations["read_only"].(bool); return b }

// A toolFilter names tools. OpenAI does not say how its two keys combine; here
// a tool must fit both, and an empty filter fits none.
type toolFilter struct {
	ToolNames []string `json:"tool_names"`
	ReadOnly  *bool    `json:"read_only"`
}

func (f *toolFilter) fits(t listedTool) bool {
	switch {
	case f == nil:
		return false
	case f.ToolNames == nil && f.ReadOnly == nil:
		return false
	case f.ToolNames != nil && !slices.Contains(f.ToolNames, t.Name):
		return false
	}
	return f.ReadOnly == nil || *f.ReadOnly == t.readOnly()
}

// An approval determines which calls need approval. OpenAI does not document
// the case of a tool that is in neither list, or in both; here it needs
// approval.
type approval struct {
	Always *toolFilter `json:"always"`
	Never  *toolFilter `json:"never"`
	all    bool        // "always"
	none   bool        // "never"
}

func (a approval) needed(t listedTool) bool {
	switch {
	case a.all:
		return true
	case a.none:
		return false
	}
	return a.Always.fits(t) || !a.Never.fits(t)
}

// mayUse reports whether the entry allows the tool.
func (e *entry) mayUse(t listedTool) bool { return e.allowed == nil || e.allowed.fits(t) }

func (e *entry) tool(name string) (listedTool, bool) {
	i := slices.IndexFunc(e.tools, func(t listedTool) bool { return t.Name == name })
	if i < 0 {
		return listedTool{}, false
	}
	return e.tools[i], true
}

// upstreamHeader returns the headers for the MCP server.
func (e *entry) upstreamHeader() http.Header {
	h := http.Header{"User-Agent": {"openai-mcp/1.0.0"}}
	for name, value := range e.headers {
		h.Set(name, value)
	}
	if e.authorization != "" {
		h.Set("Authorization", "Bearer "+e.authorization)
	}
	return h
}

var (
	labelRule  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	tunnelRule = regexp.MustCompile(`^tunnel_[a-z0-9]{32}$`)
	connectors = []string{
		"connector_dropbox", "connector_gmail", "connector_googlecalendar", "connector_googledrive",
		"connector_microsoftteams", "connector_outlookcalendar", "connector_outlookemail", "connector_sharepoint",
	}
)

// rawEntry is an mcp tool as it comes.
type rawEntry struct {
	ServerLabel     *string         `json:"server_label"`
	ServerURL       *string         `json:"server_url"`
	ConnectorID     *string         `json:"connector_id"`
	TunnelID        *string         `json:"tunnel_id"`
	Authorization   *string         `json:"authorization"`
	Headers         json.RawMessage `json:"headers"`
	Description     *string         `json:"server_description"`
	AllowedTools    json.RawMessage `json:"allowed_tools"`
	AllowedCallers  json.RawMessage `json:"allowed_callers"`
	RequireApproval json.RawMessage `json:"require_approval"`
	DeferLoading    bool            `json:"defer_loading"`
}

// parseEntries reads the mcp tools of a request, and rejects those that OpenAI
// rejects. It ignores tools of other types.
func (o *openAI) parseEntries(tools []json.RawMessage) ([]*entry, *apiError) {
	var entries []*entry
	for i, raw := range tools {
		var kind struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(raw, &kind); err != nil {
			return nil, invalid(at(i, ""), "invalid_type", "Invalid type for '%s': expected an object.", at(i, ""))
		}
		if kind.Type == "" {
			return nil, missing(at(i, "type"))
		}
		if kind.Type != "mcp" {
			continue
		}
		raw, refused := o.dialect.adapt(i, raw)
		if refused != nil {
			return nil, refused
		}
		e, refused := parseEntry(i, raw)
		if refused == nil {
			refused = o.refuseEntry(i, e)
		}
		if refused != nil {
			return nil, refused
		}
		for _, other := range entries {
			if strings.EqualFold(other.label, e.label) {
				return nil, invalid("tools", nil, "Duplicate MCP server_label '%s' found in 'tools' parameter.", e.label)
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func at(i int, field string) string {
	if field == "" {
		return fmt.Sprintf("tools[%d]", i)
	}
	return fmt.Sprintf("tools[%d].%s", i, field)
}

func missing(param string) *apiError {
	return invalid(param, "missing_required_parameter", "Missing required parameter: '%s'.", param)
}

func parseEntry(i int, raw json.RawMessage) (*entry, *apiError) {
	var r rawEntry
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, invalid(at(i, ""), "invalid_type", "Invalid type for '%s'.", at(i, ""))
	}
	e := &entry{}
	if r.ServerLabel == nil {
		return nil, missing(at(i, "server_label"))
	}
	e.label = *r.ServerLabel
	if !labelRule.MatchString(e.label) {
		return nil, invalid("tools", nil, "Invalid input %s: 'server_label' must start with a letter and consist of only letters, digits, '-' and '_'", e.label)
	}
	if refused := e.readTarget(i, r); refused != nil {
		return nil, refused
	}
	if refused := e.readCredential(i, r); refused != nil {
		return nil, refused
	}
	if refused := e.readFilters(i, r); refused != nil {
		return nil, refused
	}
	e.echo = map[string]any{
		"type": "mcp", "server_label": e.label, "server_description": r.Description, "headers": nil,
		"allowed_tools": orNull(r.AllowedTools), "require_approval": json.RawMessage(`"always"`),
	}
	if !isNull(r.RequireApproval) {
		e.echo["require_approval"] = r.RequireApproval
	}
	for name, value := range map[string]*string{"server_url": r.ServerURL, "connector_id": r.ConnectorID, "tunnel_id": r.TunnelID} {
		if value != nil {
			e.echo[name] = *value
		}
	}
	return e, nil
}

func (e *entry) readTarget(i int, r rawEntry) *apiError {
	targets := 0
	for _, t := range []*string{r.ServerURL, r.ConnectorID, r.TunnelID} {
		if t != nil {
			targets++
		}
	}
	switch {
	case targets == 0:
		return invalid(at(i, ""), nil, "One of 'server_url', 'connector_id', or 'tunnel_id' must be provided.")
	case targets > 1:
		return invalid(at(i, ""), nil, "Only one of 'server_url', 'connector_id', or 'tunnel_id' can be provided.")
	case r.TunnelID != nil && !tunnelRule.MatchString(*r.TunnelID):
		return invalid(at(i, "tunnel_id"), "invalid_value", "Invalid '%s'.", at(i, "tunnel_id"))
	case r.ConnectorID != nil && !slices.Contains(connectors, *r.ConnectorID):
		return invalid(at(i, "connector_id"), "invalid_value", "Invalid value for '%s'.", at(i, "connector_id"))
	case r.ServerURL == nil:
		return nil
	}
	u, err := url.Parse(*r.ServerURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return invalid(at(i, "server_url"), "invalid_value", "Invalid '%s': expected a URL.", at(i, "server_url"))
	}
	e.serverURL = *r.ServerURL
	return nil
}

func (e *entry) readCredential(i int, r rawEntry) *apiError {
	if r.Authorization != nil {
		e.authorization = *r.Authorization
	}
	if isNull(r.Headers) {
		return nil
	}
	if err := json.Unmarshal(r.Headers, &e.headers); err != nil {
		return invalid(at(i, "headers"), "invalid_type", "Invalid type for '%s': expected an object with string values.", at(i, "headers"))
	}
	for name, value := range e.headers {
		switch {
		case strings.EqualFold(name, "Authorization") && r.Authorization != nil:
			return invalid("tools", nil, "Cannot specify both 'authorization' parameter and 'Authorization' header")
		case strings.EqualFold(name, "Authorization") && r.ConnectorID != nil:
			return invalid("tools", nil, "Cannot specify 'Authorization' header with a connector")
		case strings.EqualFold(name, "Content-Type"), strings.ContainsAny(name+value, "\r\n"):
			return invalid(at(i, "headers"), nil, "Failed to add header '%s'", name)
		}
	}
	return nil
}

func (e *entry) readFilters(i int, r rawEntry) *apiError {
	if !isNull(r.AllowedCallers) {
		var callers []string
		if err := json.Unmarshal(r.AllowedCallers, &callers); err != nil || len(callers) == 0 {
			return invalid(at(i, "allowed_callers"), "invalid_value", "Invalid '%s': expected an array with at least one element.", at(i, "allowed_callers"))
		}
		for _, c := range callers {
			if c != "direct" && c != "programmatic" {
				return invalid(at(i, "allowed_callers"), "invalid_value", "Invalid value: '%s'. Supported values are: 'direct' and 'programmatic'.", c)
			}
		}
	}
	if !isNull(r.AllowedTools) {
		e.allowed = &toolFilter{}
		if json.Unmarshal(r.AllowedTools, &e.allowed.ToolNames) != nil {
			if strict(r.AllowedTools, e.allowed) != nil {
				return invalid(at(i, "allowed_tools"), "invalid_type", "Invalid type for '%s': expected one of an array of strings or an object.", at(i, "allowed_tools"))
			}
		} else if e.allowed.ToolNames == nil {
			e.allowed.ToolNames = []string{}
		}
		if e.allowed.ToolNames == nil && e.allowed.ReadOnly == nil {
			e.allowed = nil // an empty filter excludes nothing
		}
	}
	if isNull(r.RequireApproval) {
		e.approval.all = true
		return nil
	}
	var word string
	switch err := json.Unmarshal(r.RequireApproval, &word); {
	case err == nil && word == "always":
		e.approval.all = true
	case err == nil && word == "never":
		e.approval.none = true
	case err == nil:
		return invalid(at(i, "require_approval"), "invalid_value", "Invalid value: '%s'. Supported values are: 'always' and 'never'.", word)
	case strict(r.RequireApproval, &e.approval) != nil:
		return invalid(at(i, "require_approval"), "invalid_type", "Invalid type for '%s': expected one of an object or a string.", at(i, "require_approval"))
	}
	return nil
}

// strict decodes an object that must hold known keys only.
func strict(raw json.RawMessage, into any) error {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func orNull(raw json.RawMessage) any {
	if isNull(raw) {
		return nil
	}
	return raw
}
