package exactjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/exactjson"
)

func TestCheckRefusesEverythingThatParsersReadDifferently(t *testing.T) {
	t.Parallel()
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf(`"n%d":%d`, i, i)
	}
	for text, want := range map[string]error{
		`{}`:                                            nil,
		` [1, {"a":{"b":[{}]}, "A":2} ] `:               nil,
		`{"a":{"a":{"a":1}},"b":{"a":1}}`:               nil,
		`[{"a":1},{"a":1}]`:                             nil,
		`1.0e400`:                                       nil,
		"{" + strings.Join(many, ",") + "}":             nil,
		`{"a":1,"a":1}`:                                 exactjson.ErrDuplicate,
		`{"a":1,"\u0061":1}`:                            exactjson.ErrDuplicate,
		`{"b":[0,{"a":1,"c":"\"}","a":1}]}`:             exactjson.ErrDuplicate,
		`{"a":{"b":{"x":1}},"c":1,"a":{}}`:              exactjson.ErrDuplicate,
		"{" + strings.Join(many, ",") + `,"n3":1}`:      exactjson.ErrDuplicate,
		"{" + strings.Join(many, ",") + `,"n39":1}`:     exactjson.ErrDuplicate,
		`{"o":{` + strings.Join(many, ",") + `},"o":1}`: exactjson.ErrDuplicate,
		`{} {}`:            exactjson.ErrTrailing,
		`{}]`:              exactjson.ErrTrailing,
		`{"a":1,}`:         exactjson.ErrSyntax,
		`{'a':1}`:          exactjson.ErrSyntax,
		``:                 exactjson.ErrSyntax,
		"\ufeff{}":         exactjson.ErrSyntax,
		"{\"a\":\"\xff\"}": exactjson.ErrSyntax,
		`NaN`:              exactjson.ErrSyntax,
		`{"a":01}`:         exactjson.ErrSyntax,
	} {
		require.ErrorIs(t, exactjson.Check([]byte(text)), want, "%s", text)
	}
}

func TestChangedObjectKeepsAllOtherMembersExactly(t *testing.T) {
	t.Parallel()
	const text = ` { "id" : 12345678901234567890.10 , "x" : [ 1e+2, "\ud800 <&> \u00e9", {"A":1,"a":2} ] , "n\u0061me":"old", "last":null}`
	o, err := exactjson.Read([]byte(text))
	require.NoError(t, err)
	name, ok := o.String("name")
	assert.True(t, ok)
	assert.Equal(t, "old", name)
	assert.True(t, o.Has("last"))
	o.Set("name", exactjson.Quote("<new>"))
	o.Delete("last")
	o.Delete("last")
	o.Set("added", json.RawMessage(" true "))
	assert.Equal(t, `{"id":12345678901234567890.10,"x":[1e+2,"\ud800 <&> \u00e9",{"A":1,"a":2}],"name":"<new>","added":true}`, string(o.Encode()))
}

func TestTextThatParsersReadDifferentlyIsNoText(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		`"a"`: true, `"\ud83d\ude00"`: true, `""`: true,
		`"\ud83d"`: false, `"\ude00\ud83d"`: false, `1`: false, `null`: false,
	} {
		o, err := exactjson.Read([]byte(`{ "v" : ` + value + ` }`))
		require.NoError(t, err)
		_, ok := o.String("v")
		assert.Equal(t, want, ok, "%s", value)
	}
	_, ok := exactjson.Object(nil).String("v")
	assert.False(t, ok)
}

func TestNamesThatDifferInCaseAreAmbiguous(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteByte('{')
	for i := range 20 {
		fmt.Fprintf(&b, `"n%d":%d,`, i, i)
	}
	many := b.String()
	for text, want := range map[string]bool{
		`{"method":1,"id":2,"other":3}`: false,
		`{"Method":1}`:                  true,
		`{"other":1,"OTHER":2}`:         true,
		`{"param\u017f":1}`:             true, // ſ folds to s
		`{"\u212aey":1}`:                true, // the Kelvin sign folds to k
		`{"straße":1,"stra\u1e9ee":2}`:  true,
		many + `"last":1}`:              false,
		many + `"N7":1}`:                true,
		many + `"METHOD":1}`:            true,
	} {
		o, err := exactjson.Read([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, want, o.Ambiguous("method", "params", "key"), "%s", text)
	}
}

func TestCanonicalFormIgnoresNotationOnly(t *testing.T) {
	t.Parallel()
	canonical := func(text string) string {
		c, err := exactjson.Canonical([]byte(text))
		require.NoError(t, err, "%s", text)
		return string(c)
	}
	assert.Equal(t, canonical(`{"b":[1,{"d":1,"c":"\u0041"}],"a":null}`), canonical(" {\"a\" : null, \"b\":[ 1,{\"c\":\"A\",\"d\":1}]}"))
	assert.NotEqual(t, canonical(`[1,2]`), canonical(`[2,1]`))
	assert.NotEqual(t, canonical(`9007199254740993`), canonical(`9007199254740992`))
	assert.NotEqual(t, canonical(`{"a":1}`), canonical(`{"a":"1"}`))
	_, err := exactjson.Canonical([]byte(`{"a":{"b":1,"b":1}}`))
	require.ErrorIs(t, err, exactjson.ErrDuplicate)
}

func TestDeepValueHasNoCanonicalForm(t *testing.T) {
	t.Parallel()
	nested := func(levels int) []byte {
		return []byte(strings.Repeat(`[{"a":`, levels/2) + `"` + strings.Repeat("x", 1<<20) + `"` + strings.Repeat("}]", levels/2))
	}
	_, err := exactjson.Canonical(nested(64))
	require.NoError(t, err)
	_, err = exactjson.Canonical(nested(66))
	require.ErrorIs(t, err, exactjson.ErrDepth, "time grows with depth times length")
}

// strict is an independent parser: the tokens of encoding/json, and a map of
// names for each object.
func strict(data []byte) error {
	if !utf8.Valid(data) {
		return exactjson.ErrSyntax
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := strictValue(d); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return exactjson.ErrTrailing
	}
	return nil
}

func strictValue(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	seen := make(map[string]bool)
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if seen[name.(string)] {
				return exactjson.ErrDuplicate
			}
			seen[name.(string)] = true
		}
		if err := strictValue(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func FuzzCheckAgreesWithAStrictParser(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,{"b":"\"","b\\":null}],"c":-1.5e3}`, `{"a":1,"\u0061":2}`, `[[[]],{},"",0]`, `{"a":1}{`, `"\ud800"`, "\xff", `{"x":{"y":1,"y":2}}`,
		`{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"10":0,"11":0,"12":0,"13":0,"12":0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		require.Equal(t, strict(data) == nil, exactjson.Check(data) == nil, "%q", data)
		o, err := exactjson.Read(data)
		if err != nil {
			return
		}
		var want, got map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(data, &want))
		require.NoError(t, json.Unmarshal(o.Encode(), &got))
		require.Len(t, got, len(want))
		for name, value := range want {
			var a bytes.Buffer
			require.NoError(t, json.Compact(&a, value))
			require.Equal(t, a.String(), string(got[name]))
		}
		if exactjson.Check(data) == nil {
			c, err := exactjson.Canonical(data)
			if errors.Is(err, exactjson.ErrDepth) {
				return
			}
			require.NoError(t, err)
			again, err := exactjson.Canonical(c)
			require.NoError(t, err)
			require.Equal(t, string(c), string(again))
		}
	})
}
