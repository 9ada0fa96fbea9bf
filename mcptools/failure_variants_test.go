package mcptools_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
)

// python prints a JSON value as Python does.
func python(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		quote := "'"
		if strings.Contains(v, "'") && !strings.Contains(v, `"`) {
			quote = `"`
		}
		return quote + strings.NewReplacer(`\`, `\\`, "\n", `\n`, quote, `\`+quote).Replace(v) + quote
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = python(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, key := range sortedKeys(v) {
			parts = append(parts, python(key)+": "+python(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

func sortedKeys(m map[string]any) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// javascript prints a JSON value as Node's inspect does.
func javascript(v any, indent string) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return python(v)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = javascript(v[i], indent+"  ")
		}
		return "[ " + strings.Join(parts, ", ") + " ]"
	case map[string]any:
		var parts []string
		for _, key := range sortedKeys(v) {
			parts = append(parts, indent+"  "+key+": "+javascript(v[key], indent+"  "))
		}
		return "{\n" + strings.Join(parts, ",\n") + "\n" + indent + "}"
	}
	return fmt.Sprint(v)
}

func quotedJSON(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// wrappings are what logs, proxies and people do to a text that holds an error.
var wrappings = []struct {
	name string
	wrap func(raw string, value any) string // value is nil if the text is no JSON
}{
	{"indented", func(raw string, value any) string {
		var b bytes.Buffer
		if json.Indent(&b, []byte(raw), "", "\t") != nil {
			return raw
		}
		return "\r\n" + strings.ReplaceAll(b.String(), "\n", "\r\n") + "\r\n"
	}},
	{"Python exception", func(raw string, value any) string {
		if value == nil {
			return raw
		}
		return "Traceback (most recent call last):\n  File \"app.py\", line 401, in run\nopenai.APIStatusError: Error: " + python(value)
	}},
	{"Python bytes", func(raw string, value any) string { return "b'" + strings.Trim(strconv.QuoteToASCII(raw), `"`) + "'" }},
	{"Node's inspect", func(raw string, value any) string {
		if value == nil {
			return raw
		}
		return "Error\n    at listOnTimeout (node:internal/timers:581:17)\n  response: Body " + javascript(value, "  ")
	}},
	{"JSON log line", func(raw string, value any) string {
		return `{"time":"2026-03-02T10:11:12.404Z","level":"ERROR","msg":"request failed","took_ms":503,"body":` + quotedJSON(raw) + `}`
	}},
	{"JSON log line in a JSON log line", func(raw string, value any) string {
		return `{"ts":1772446272.429,"log":` + quotedJSON(`{"msg":"upstream said","resp":`+quotedJSON(raw)+`}`) + `,"stream":"stderr"}`
	}},
	{"slog's text handler", func(raw string, value any) string {
		return "time=2026-03-02T10:11:12.401Z level=ERROR msg=\"ask model\" attempt=2 duration=503ms err=" + strconv.Quote(raw)
	}},
	{"syslog", func(raw string, value any) string {
		return "Mar  2 10:11:12 web-404 app[403]: E0302 10:11:12.500 worker.go:429] " + raw
	}},
	{"colours", func(raw string, value any) string { return "\x1b[31mERROR\x1b[0m \x1b[2m[worker]\x1b[0m " + raw }},
	{"a list", func(raw string, value any) string {
		if value == nil {
			return raw
		}
		return "[" + raw + "]"
	}},
	{"a gateway's message", func(raw string, value any) string {
		return `{"error":{"message":` + quotedJSON(raw) + `,"type":"upstream_error","param":"","code":"bad_response"}}`
	}},
	{"a web page", func(raw string, value any) string {
		return "<pre>" + strings.NewReplacer("&", "&amp;", "'", "&#39;", `"`, "&quot;").Replace(raw) + "</pre>"
	}},
}

func TestWrappingAnErrorChangesNothing(t *testing.T) {
	t.Parallel()
	for _, x := range cases(t) {
		raw := string(x.raw())
		var value any
		_ = json.Unmarshal([]byte(raw), &value)
		if _, isText := value.(string); isText {
			value = nil
		}
		for _, w := range wrappings {
			t.Run(x.ID+"/"+w.name, func(t *testing.T) {
				t.Parallel()
				wrapped := w.wrap(raw, value)
				got := fields(t, mcptools.Classify([]byte(wrapped), x.options()))
				for field, want := range x.Expect {
					assert.True(t, matches(want, got[field]), "%s: want %v, got %v\n%s", field, want, got[field], wrapped)
				}
			})
		}
	}
}

// replaceLabel puts another label into an input, through all levels of JSON.
func replaceLabel(v any, from, to string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, from, to)
	case []any:
		for i := range v {
			v[i] = replaceLabel(v[i], from, to)
		}
	case map[string]any:
		for key := range v {
			v[key] = replaceLabel(v[key], from, to)
		}
	}
	return v
}

func TestEachValidLabelIsRecognized(t *testing.T) {
	t.Parallel()
	labels := []string{"x", "asana", "api-503", "my.mcp.example.com:8443", "O'Brien", "Http status code 404", "Sales (EU)", "日本語", "timeout_server", "none"}
	for _, x := range cases(t) {
		if len(x.SentLabels) != 1 || len(x.SentLabels[0]) < 4 || x.Expect["server_label"] != x.SentLabels[0] || x.Form == "log_text" {
			continue
		}
		for _, label := range labels {
			t.Run(x.ID+"/"+label, func(t *testing.T) {
				t.Parallel()
				var input any
				require.NoError(t, json.Unmarshal(x.Input, &input))
				if _, isText := input.(string); isText {
					return
				}
				raw, err := json.Marshal(replaceLabel(input, x.SentLabels[0], label))
				require.NoError(t, err)
				for name, sent := range map[string][]string{"sent": {"other", label}, "not known": nil} {
					opts := x.options()
					opts.Labels = sent
					got := fields(t, mcptools.Classify(raw, opts))
					for field, want := range x.Expect {
						if field == "server_label" {
							want = label
						}
						assert.True(t, matches(want, got[field]), "%s, labels %s: want %v, got %v\n%s", field, name, want, got[field], raw)
					}
				}
			})
		}
	}
}

func TestTruncatedTextIsNotGuessed(t *testing.T) {
	t.Parallel()
	for _, x := range cases(t) {
		t.Run(x.ID, func(t *testing.T) {
			t.Parallel()
			raw := x.raw()
			for n := len(x.ID) % 7; n < len(raw); n += 7 {
				got := fields(t, mcptools.Classify(raw[:n], x.options()))
				for field, want := range x.Expect {
					switch field {
					case "kind":
						if got["kind"] == "unknown" || got["kind"] == "upstream_unknown" {
							continue
						}
						if got["kind"] == "protocol" && x.Expect["rpc_code"] == got["rpc_code"] {
							continue // the words behind the code are cut off
						}
						if got["kind"] == "platform" && x.Form != "output_item" {
							continue // the sentence that says more is cut off
						}
					case "server_label", "server_url", "tool_index", "tool_name", "upstream_status", "rpc_code":
						if got[field] == nil {
							continue
						}
					default:
						continue
					}
					require.True(t, matches(want, got[field]), "%s: want %v, got %v\n%s", field, want, got[field], raw[:n])
				}
			}
		})
	}
}
