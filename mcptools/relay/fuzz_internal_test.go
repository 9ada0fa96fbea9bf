package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// strictParse is an independent parser: it builds values from the tokens of
// encoding/json and refuses duplicate names, invalid UTF-8 and trailing data.
func strictParse(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := strictValue(d)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("trailing data")
		}
	}
	return v, err
}

func strictValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := make(map[string]any)
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, _ := name.(string)
			if _, twice := o[key]; twice {
				return nil, errors.New("duplicate name")
			}
			if o[key], err = strictValue(d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		a := []any{}
		for d.More() {
			v, err := strictValue(d)
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
		_, err = d.Token()
		return a, err
	}
	return token, nil
}

// lax is how encoding/json reads a message: any case, the last of duplicates.
type lax struct {
	Method string
	ID     json.RawMessage
	Params struct{ Name string }
	Result struct{ Tools []struct{ Name string } }
}

// withoutSamplingIn removes the members that the relay removes.
func withoutSamplingIn(v any) {
	drop := func(capabilities any) {
		c, _ := capabilities.(map[string]any)
		delete(c, "sampling")
		tasks, _ := c["tasks"].(map[string]any)
		requests, _ := tasks["requests"].(map[string]any)
		delete(requests, "sampling")
	}
	m, _ := v.(map[string]any)
	params, _ := m["params"].(map[string]any)
	if m["method"] == methodInitialize {
		drop(params["capabilities"])
	}
	meta, _ := params["_meta"].(map[string]any)
	drop(meta[metaCapabilities])
}

func FuzzForwardedMessageIsWhatWasJudged(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"A":1,"a":[1.0,{"b":null}]}}}`,
		`{"jsonrpc":"2.0","id":"x","method":"initialize","params":{"capabilities":{"sampling":{},"tasks":{"requests":{"sampling":{}}}}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}}`,
		`{"jsonrpc":"2.0","id":1,"m\u0065thod":"ping","Method":"tools/call","params":{"name":"write"}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled"}`, `{"jsonrpc":"2.0","id":1,"result":{}}`, `[{}]`, `{"jsonrpc":"2.0","id":1,"method":"ping"}{}`,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"param\u017f\":{\"name\":\"write\"}}",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\ud800","name":"\ud801"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, refused := parseMessage(data, http.Header{})
		if refused != nil {
			require.True(t, json.Valid(refused.body))
			return
		}
		in, err := strictParse(data)
		require.NoError(t, err, "%q", data)
		out, err := strictParse(m.body)
		require.NoError(t, err, "%q", m.body)
		withoutSamplingIn(in)
		require.Equal(t, in, out)
		var read lax
		if json.Unmarshal(m.body, &read) == nil { //nolint:musttag // in any case of letters
			require.Equal(t, m.method, read.Method)
			if m.method == methodCall && !strings.ContainsRune(read.Params.Name, utf8.RuneError) {
				require.Equal(t, m.tool, read.Params.Name)
			}
		}
	})
}

func FuzzFilteredListHasNoWithheldTool(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"search","annotations":{"readOnlyHint":true}},{"name":"write"}]}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"tools":[],"Tools":[{"name":"search"}]}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"search","Name":"write"}]},"RESULT":{}}`,
		`{"jsonrpc":"2.0","id":1,"method":"x","result":{"tools":[{"n\u0061me":"write"}]}}`,
		`{"result":{"tools":[{"name":"search","annotations":{"readOnlyHint":true,"readonlyhint":false}}]}}`,
		`{"re\u017fult":{"tools":[{"name":"write"}]}}`, `[{"result":{"tools":[{"name":"write"}]}}]`, `{"result":{"tools":{"name":"write"}}}`,
	} {
		f.Add([]byte(seed))
	}
	p := newPolicies(nil, PinOff, nil)
	allowed := p.rules(policyKey, []string{"search"}, false, nil)
	readOnly := p.rules(policyKey, nil, true, nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, r := range []*rules{allowed, readOnly} {
			out := r.filter(context.Background(), data)
			require.True(t, json.Valid(out), "%q", out)
			// As encoding/json reads it, which is the laxest of the common parsers.
			var read struct {
				Result struct{ Tools json.RawMessage }
			}
			var tools []struct {
				Name        any
				Annotations json.RawMessage
			}
			if json.Unmarshal(out, &read) != nil || json.Unmarshal(read.Result.Tools, &tools) != nil { //nolint:musttag // in any case of letters
				continue
			}
			for _, tool := range tools {
				var annotations struct{ ReadOnlyHint any }
				_ = json.Unmarshal(tool.Annotations, &annotations) //nolint:musttag // in any case of letters
				if r == allowed {
					require.Equal(t, "search", tool.Name)
				} else {
					require.Equal(t, true, annotations.ReadOnlyHint)
				}
			}
		}
	})
}
