package failtext_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/failtext"
)

// lines reads a file of the repository's error fixtures into a slice.
func lines[T any](t *testing.T, name string) []T {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "fixtures", "errors", name))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	var all []T
	text := bufio.NewScanner(file)
	text.Buffer(nil, 1<<20)
	for text.Scan() {
		var x T
		require.NoError(t, json.Unmarshal(text.Bytes(), &x))
		all = append(all, x)
	}
	require.NoError(t, text.Err())
	return all
}

// A failure is a line of failures.jsonl.
type failure struct {
	ID         string          `json:"id"`
	Surface    string          `json:"surface"`
	HTTPStatus int             `json:"http_status"`
	Input      json.RawMessage `json:"input"`
	Form       string          `json:"form"`
	Expect     map[string]any  `json:"expect"`
}

// want returns the values that are right for a field; nil if it is not checked.
func (x failure) want(field string) []any {
	v, ok := x.Expect[field]
	if !ok {
		return nil
	}
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func (x failure) known() failtext.Known {
	k := failtext.Known{HTTPStatus: x.HTTPStatus, Surface: x.Surface}
	if x.Surface == "other" {
		k.Surface = ""
	}
	return k
}

// orNull returns nil for an empty value, as JSON does in the fixtures.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func (x failure) check(t *testing.T, got failtext.Finding) {
	t.Helper()
	status := any(nil)
	if got.Upstream != 0 {
		status = float64(got.Upstream)
	}
	for field, value := range map[string]any{
		"kind": string(got.Kind), "stage": string(got.Stage), "server_label": orNull(got.Label), "server_url": orNull(got.URL),
		"tool_name": orNull(got.Tool), "consent_url": orNull(got.Consent), "upstream_status": status,
	} {
		if want := x.want(field); want != nil {
			assert.True(t, slices.Contains(want, value), "%s: want %v, got %v\n%s", field, want, value, x.Input)
		}
	}
}

func TestTextsOfAllServicesAreRead(t *testing.T) {
	t.Parallel()
	all := lines[failure](t, "failures.jsonl")
	require.Greater(t, len(all), 100)
	for _, x := range all {
		t.Run(x.ID, func(t *testing.T) {
			t.Parallel()
			text := string(x.Input)
			var quoted string
			if json.Unmarshal(x.Input, &quoted) == nil {
				text = quoted
			}
			x.check(t, failtext.Text(text, x.known()))
		})
	}
}

// TestParsedJSONIsReadWithoutLogRules holds the readers of parsed JSON to the
// same answers as Text.
func TestParsedJSONIsReadWithoutLogRules(t *testing.T) {
	t.Parallel()
	readers := map[string]func(string, failtext.Known) failtext.Finding{
		"http_body": failtext.Body, "output_item": failtext.Item, "stream_event": failtext.Event,
	}
	for _, x := range lines[failure](t, "failures.jsonl") {
		read, ok := readers[x.Form]
		if !ok {
			continue
		}
		t.Run(x.ID, func(t *testing.T) {
			t.Parallel()
			x.check(t, read(string(x.Input), x.known()))
		})
	}
	// The words of a log line in a message are not read: only a text can be one.
	body := `{"error":{"message":"type=mcp_protocol_error code=-32602 message=x","type":"server_error"}}`
	assert.Equal(t, failtext.KindPlatform, failtext.Body(body, failtext.Known{HTTPStatus: 500, Surface: failtext.SurfaceResponses}).Kind)
	assert.Equal(t, failtext.KindProtocol, failtext.Text(`type=mcp_protocol_error code=-32602 message=x`, failtext.Known{}).Kind)
}

func TestOrdinaryTextsNeverGetAKindOfMCP(t *testing.T) {
	t.Parallel()
	type ordinary struct {
		ID          string `json:"id"`
		Text        string `json:"text"`
		UnknownOnly bool   `json:"unknown_surface_only"`
	}
	all := lines[ordinary](t, "ordinary.jsonl")
	require.GreaterOrEqual(t, len(all), 240)
	for _, x := range all {
		t.Run(x.ID, func(t *testing.T) {
			t.Parallel()
			for _, surface := range []string{"", failtext.SurfaceResponses, failtext.SurfaceAzure, "realtime"} {
				if x.UnknownOnly && surface != "" {
					continue
				}
				for _, status := range []int{0, 200, 400, 401, 424, 429, 500, 502} {
					known := failtext.Known{HTTPStatus: status, Surface: surface, Sent: []failtext.Sent{{Label: "acme", URL: "https://a.example/mcp"}}}
					for name, read := range map[string]func(string, failtext.Known) failtext.Finding{"text": failtext.Text, "body": failtext.Body, "event": failtext.Event} {
						kind := read(x.Text, known).Kind
						assert.True(t, kind == failtext.KindPlatform || kind == failtext.KindUnknown, "%s, %q, %d: %s\n%s", name, surface, status, kind, x.Text)
					}
				}
			}
		})
	}
}
