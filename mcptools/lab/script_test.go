package lab_test

import (
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

func TestScriptIsFollowedTurnByTurn(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Script: script(t, `{"turns":[
		{"steps":[
			{"call":{"server_label":"notes","tool":"whoami"}},
			{"call":{"server_label":"elsewhere","tool":"whoami"}},
			{"call":{"server_label":"notes","tool":"nothing"}},
			{"say":"You are {{last}}."}]},
		{"steps":[{"say":"Second."}]},
		{"when":"weather","steps":[{"say":"It rains."}]}]}`)})
	c := openaiClient(t, w)
	tool := entry(w, "notes", w.Key("notes", "mia"))
	say := func(message, after string) (string, string) {
		p := ask(message, tool)
		if after != "" {
			p.PreviousResponseID = param.NewOpt(after)
		}
		resp, err := c.Responses.New(t.Context(), p)
		require.NoError(t, err)
		return resp.OutputText(), resp.ID
	}
	text, id := say("who am I?", "")
	assert.Equal(t, "You are mia.", text)
	text, id = say("and then?", id)
	assert.Equal(t, "Second.", text)
	text, id = say("how is the weather?", id)
	assert.Equal(t, "It rains.", text)
	text, _ = say("and then?", id)
	assert.Equal(t, "Second.", text, "the last turn repeats")
	text, _ = say("who am I?", "")
	assert.Equal(t, "You are mia.", text, "a new conversation starts from the beginning")
	assert.Equal(t, 2, w.Count("notes", "tools/call"))

	require.NoError(t, w.SetScript(nil))
	text, _ = say("report", "")
	assert.Contains(t, text, "notes/search: ")
	require.Error(t, w.SetScript(&lab.Script{}))
}

func TestATextHasOutputsOrItsDefault(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Script: script(t, `{"turns":[{"steps":[
		{"call":{"server_label":"notes","tool":"whoami"}},
		{"call":{"server_label":"notes","tool":"search","arguments":{"query":"x"}}},
		{"say":"{{outputs|nothing}} ({{last|none}}, {{other}})"}]}]}`)})
	say := func(tools ...responses.ToolUnionParam) string {
		resp, err := openaiClient(t, w).Responses.New(t.Context(), ask("hello", tools...))
		require.NoError(t, err)
		return resp.OutputText()
	}
	const found = `2 notes of mia: "Quarterly report" and "Printer paper"`
	tool := entry(w, "notes", w.Key("notes", "mia"))
	assert.Equal(t, "mia\n"+found+" ("+found+", {{other}})", say(tool))
	assert.Equal(t, "nothing (none, {{other}})", say())
	require.NoError(t, w.Fault("notes:call_500"))
	assert.Equal(t, "nothing (none, {{other}})", say(tool), "failed calls have no output")
}

func TestAScriptCallsFunctionsOfTheClient(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Script: script(t, `{"turns":[{"steps":[
		{"call":{"tool":"unknown"}},
		{"call":{"tool":"add","arguments":{"a":1}}},
		{"call":{"server_label":"notes","tool":"whoami"}},
		{"say":"{{all}}"}]}]}`)})
	c := openaiClient(t, w)
	p := ask("count", entry(w, "notes", w.Key("notes", "mia")))
	p.Tools = append(p.Tools, responses.ToolParamOfFunction("add", map[string]any{"type": "object"}, false))
	resp, err := c.Responses.New(t.Context(), p)
	require.NoError(t, err)
	call := resp.Output[len(resp.Output)-1].AsFunctionCall()
	assert.Equal(t, "add", call.Name)
	assert.JSONEq(t, `{"a":1}`, call.Arguments)

	p = ask("never mind", p.Tools...)
	p.PreviousResponseID = param.NewOpt(resp.ID)
	_, err = c.Responses.New(t.Context(), p)
	var refused *openai.Error
	require.ErrorAs(t, err, &refused)
	assert.Contains(t, refused.RawJSON(), "No tool output found for function call "+call.CallID)

	p.Input.OfString = param.Opt[string]{}
	p.Input.OfInputItemList = responses.ResponseInputParam{{OfFunctionCallOutput: &responses.ResponseInputItemFunctionCallOutputParam{
		CallID: param.NewOpt(call.CallID), Output: responses.ResponseInputItemFunctionCallOutputOutputUnionParam{OfString: param.NewOpt("2")},
	}}}
	resp, err = c.Responses.New(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, "add: 2\nnotes/whoami: mia", resp.OutputText())
}

func TestInvalidScriptsAreRejected(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		``, `[]`, `{}`, `{"turns":[]}`, `{"turns":[{"steps":[{}]}]}`, `{"turns":[{"steps":[{"say":"x","call":{"server_label":"a","tool":"b"}}]}]}`,
		`{"turns":[{"steps":[{"call":{"server_label":"a"}}]}]}`, `{"turns":[{"steps":[{"calls":[{"server_label":"a"}]}]}]}`,
		`{"turns":[{"steps":[{"call":{"server_label":"a","tool":"b","arguments":[1]}}]}]}`, `{"turns":[{"steps":[{"sing":"x"}]}]}`,
		`{"turns":[{"steps":[{"say":"x"}]}]} {}`,
	} {
		_, err := lab.ParseScript([]byte(bad))
		assert.Error(t, err, bad)
	}
}

func FuzzParseScript(f *testing.F) {
	f.Add([]byte(twoWrites))
	f.Add([]byte(`{"turns":[{"when":"x","steps":[{"say":"{{last}}"}]}]}`))
	f.Add([]byte(`{"turns":[{"steps":[{"call":{"server_label":"a","tool":"b","arguments":null}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := lab.ParseScript(data)
		if err != nil {
			assert.Nil(t, s)
			return
		}
		assert.NotEmpty(t, s.Turns)
	})
}
