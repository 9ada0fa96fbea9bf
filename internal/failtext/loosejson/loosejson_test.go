package loosejson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// plain turns a value into what encoding/json would give, with numbers as
// texts and strings that were cut off marked by "…".
func plain(v loosejson.Value) any {
	switch v := v.(type) {
	case *loosejson.Object:
		m := map[string]any{}
		for _, key := range v.Keys {
			m[key] = plain(v.Get(key))
		}
		return m
	case loosejson.Array:
		list := []any{}
		for _, item := range v.Items {
			list = append(list, plain(item))
		}
		return list
	case loosejson.Number:
		return "#" + string(v)
	case loosejson.Partial:
		return string(v) + "…"
	}
	return v
}

func find(text string) []any {
	budget := 64*len(text) + 1<<10
	var all []any
	for _, f := range loosejson.Find(text, &budget) {
		all = append(all, plain(f.Value))
	}
	return all
}

func TestFindReadsWhatLogsHold(t *testing.T) {
	t.Parallel()
	object := func(key string, value any) map[string]any { return map[string]any{key: value} }
	for name, c := range map[string]struct {
		text string
		want []any
	}{
		"JSON":                     {`{"a":[1,-2.5e3,true,null,"x"]}`, []any{object("a", []any{"#1", "#-2.5e3", true, nil, "x"})}},
		"escapes":                  {`{"a":"\"\u0027\n\ud83d\ude00\/"}`, []any{object("a", "\"'\n😀/")}},
		"half a surrogate":         {`{"a":"\ud83dx"}`, []any{object("a", "\ufffdx")}},
		"no escape":                {`{"a":"\q\u12"}`, []any{object("a", `\q\u12`)}},
		"Python":                   {`{'a': None, "b'c": (True, False), u'd': b'e\x41', 'f': <Response [424]>}`, []any{map[string]any{"a": nil, "b'c": []any{true, false}, "d": "eA", "f": "<Response [424]>"}}},
		"Ruby":                     {`{:a=>{"b"=>nil}}`, []any{object("a", object("b", nil))}},
		"JavaScript":               {"{ a: 'x', headers: Headers { b: [Array] }, c: undefined, }", []any{map[string]any{"a": "x", "headers": object("b", []any{"Array"}), "c": nil}}},
		"comments":                 {"{\"a\": [] // none\n, /* two */ \"b\": 1 }", []any{map[string]any{"a": []any{}, "b": "#1"}}},
		"line breaks in a string":  {"{'a': 'x\n   y'}", []any{object("a", "x\n   y")}},
		"several":                  {`x {"a":1} y {bad} [{"b":2}] {`, []any{object("a", "#1"), []any{object("b", "#2")}, map[string]any{}}},
		"cut in a string":          {`{"a":{"b":"xy`, []any{object("a", object("b", "xy…"))}},
		"cut in a number":          {`{"a":32`, []any{object("a", nil)}},
		"cut behind a key":         {`{"a":1,"b"`, []any{object("a", "#1")}},
		"cut behind a colon":       {`{"a":1,"b":`, []any{object("a", "#1")}},
		"cut in a list":            {`[{"a":1},`, []any{[]any{object("a", "#1")}}},
		"cut in an escape":         {`{"a":"x\`, []any{object("a", `x\…`)}},
		"a key twice":              {`{"a":1,"a":2}`, []any{object("a", "#2")}},
		"quotes that do not match": {`{'a': 'it's'}`, nil},
		"a sentence":               {`see {the docs} and f(x) [sic]`, []any{[]any{"sic"}}},
		"a time":                   {`[2026-03-02T10:11:12Z] up`, nil},
		"too deep":                 {strings.Repeat(`{"a":`, 100) + "1 ", []any{nest(63)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, find(c.text))
		})
	}
}

// nest returns maps in maps, as deep as they may be.
func nest(depth int) any {
	if depth == 0 {
		return map[string]any{"a": "#1"}
	}
	return map[string]any{"a": nest(depth - 1)}
}

func TestTheBudgetEndsTheSearch(t *testing.T) {
	t.Parallel()
	budget := 10
	assert.Empty(t, loosejson.Find(strings.Repeat(" ", 100)+strings.Repeat(`{"a":`, 1000), &budget))
	assert.LessOrEqual(t, budget, 0)
}

func TestParseWantsTheWholeText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{` {"a":1} `: true, `"x"`: true, `{"a":1} x`: false, `x y`: false, ``: false, `{"a"`: true} {
		budget := 1 << 10
		_, ok := loosejson.Parse(text, &budget)
		assert.Equal(t, want, ok, text)
	}
}

func TestIntTakesWholeNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[loosejson.Number]int{"32600": 32600, "-32602": -32602, "424.0": 424, "4e2": 400} {
		got, ok := text.Int()
		require.True(t, ok, text)
		assert.Equal(t, want, got)
	}
	for _, text := range []loosejson.Number{"", "x", "1.5", "1e99", "1e700", "-"} {
		_, ok := text.Int()
		assert.False(t, ok, text)
	}
	assert.Equal(t, loosejson.Number("-7"), loosejson.NumberOf(-7))
}

// FuzzFind holds that any text is read within its budget, and that JSON is read
// as encoding/json reads it.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":null}],"c":"\u00e9"}`, `{'a': None}`, `{a:<`, `{"a":"\`, "[[[[{", `{"a":1e5}`, `{"":"\ud800"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		budget := 64*len(text) + 1<<10
		found := loosejson.Find(text, &budget)
		end := 0
		for _, v := range found {
			require.GreaterOrEqual(t, v.Start, end)
			require.Greater(t, v.End, v.Start)
			require.LessOrEqual(t, v.End, len(text))
			end = v.End
		}
		var want map[string]any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if decoder.Decode(&want) != nil || want == nil || !json.Valid([]byte(text)) || len(text) > 256 {
			return
		}
		require.Len(t, found, 1)
		got, ok := found[0].Value.(*loosejson.Object)
		require.True(t, ok)
		for key, value := range want {
			if s, ok := value.(string); ok && !strings.ContainsAny(s, "\ufffd\b\f\x00") && !strings.Contains(key, "\ufffd") {
				assert.Equal(t, s, got.Get(key))
			}
		}
	})
}
