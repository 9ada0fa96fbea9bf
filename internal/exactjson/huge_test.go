package exactjson_test

import (
	"bytes"
	"encoding/json"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/exactjson"
)

// object returns an object with n members, each with the value, and no longer than
// it must be.
func object(n int, value string) []byte {
	b := []byte{'{'}
	for i := range n {
		b = strconv.AppendInt(append(b, '"'), int64(i), 36)
		b = append(append(b, `":`...), value...)
		b = append(b, ',')
	}
	b[len(b)-1] = '}'
	return b
}

// with returns the object with one more member, which is named IN.
func with(object, value []byte) []byte {
	return slices.Concat(object[:len(object)-1], []byte(`,"IN":`), value, []byte("}"))
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

const many = 500_000

func TestTextsOfManyMembersCostLittle(t *testing.T) { //nolint:paralleltest // measures the process
	members, zeros := object(many, "0"), []byte("["+strings.Repeat("0,", 4*many)+"0]")
	inArray := append(append([]byte("["), members...), ']')
	deep := []byte("0")
	for range 60 {
		deep = with(object(9000, "0"), deep)
	}
	for name, tc := range map[string]struct {
		text  []byte
		limit float64 // in lengths of the text
		read  func([]byte) error
		want  error
	}{
		"an object is checked":   {members, 4, exactjson.Check, nil},
		"an array is checked":    {inArray, 4, exactjson.Check, nil},
		"an object is read":      {members, 0.1, func(b []byte) error { _, err := exactjson.Read(b); return err }, exactjson.ErrMany},
		"an object is parsed":    {members, 4, func(b []byte) error { _, err := exactjson.Parse(b); return err }, exactjson.ErrMany},
		"elements are read":      {zeros, 0.1, func(b []byte) error { _, err := exactjson.Elements(b, 1000); return err }, exactjson.ErrMany},
		"leaves are visited":     {members, 0.1, func(b []byte) error { exactjson.Leaves(b, func(json.RawMessage) {}); return nil }, nil},
		"an array is normalized": {zeros, 3, canonical, nil},
		"an object is not":       {members, 1, canonical, exactjson.ErrMany},
		"one in an array is not": {inArray, 3, canonical, exactjson.ErrMany},
		"one in objects is not":  {deep, 1, canonical, exactjson.ErrMany},
	} {
		var err error
		cost := allocated(func() { err = tc.read(tc.text) })
		require.ErrorIs(t, err, tc.want, name)
		t.Logf("%s: %.2f", name, float64(cost)/float64(len(tc.text)))
		assert.Less(t, float64(cost)/float64(len(tc.text)), tc.limit, name)
	}
}

func canonical(text []byte) error {
	_, err := exactjson.Canonical(text)
	return err
}

func TestDuplicateIsFoundAmongManyNames(t *testing.T) {
	t.Parallel()
	names := object(20_000, `{"a":[{}]}`)
	require.NoError(t, exactjson.Check(names))
	for _, name := range []string{`"a"`, `"ff"`, `"fff"`, `"\u0066ff"`, `"ffe"`} {
		twice := slices.Concat(names[:len(names)-1], []byte(","+name+":0}"))
		require.ErrorIs(t, exactjson.Check(twice), exactjson.ErrDuplicate, name)
		require.ErrorIs(t, exactjson.Check(with(names, twice)), exactjson.ErrDuplicate, name)
	}
	require.NoError(t, exactjson.Check(with(names, names)), "the same names at another depth")
}

func TestObjectsOfAProtocolAreLimitedAndTheirContentsAreNot(t *testing.T) {
	t.Parallel()
	full := with(object(999, "1"), object(5000, "1"))
	o, err := exactjson.Parse(full)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(full, o.Encode()))
	_, err = o.Object("IN")
	require.ErrorIs(t, err, exactjson.ErrMany)
	_, err = exactjson.Read(object(1001, "1"))
	require.ErrorIs(t, err, exactjson.ErrMany)

	schema := []byte(`{"type":"object","properties":` + string(object(5000, `{"type":"string","enum":["a"]}`)) + `,"$defs":` + string(object(5000, "{}")) + "}")
	require.NoError(t, canonical(schema))
	require.NoError(t, canonical(object(10_000, "{}")))
	require.ErrorIs(t, canonical(object(10_001, "{}")), exactjson.ErrMany)
	require.ErrorIs(t, canonical(with(object(4999, "1"), object(5001, "1"))), exactjson.ErrMany)
}

func TestOnlyTheFirstElementsAreRead(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]error{2: exactjson.ErrMany, 3: nil, 4: nil} {
		all, err := exactjson.Elements([]byte(` [ 1, {"a":[2]} ,"]"]`), limit)
		require.ErrorIs(t, err, want)
		texts := []string{}
		for _, element := range all {
			texts = append(texts, string(element))
		}
		assert.Equal(t, []string{"1", `{"a":[2]}`, `"]"`}[:min(limit, 3)], texts)
	}
	for _, other := range []string{"", "{}", "null", `"[]"`} {
		_, err := exactjson.Elements([]byte(other), 1)
		require.ErrorIs(t, err, exactjson.ErrKind, other)
	}
}

func TestLeavesAreThoseOutsideOfArrays(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]string{
		` {"a" : 1.0, "b":{"c":{"d":"\"}","e":null},"f":[{"g":2}]}, "h": true } `: {"1.0", `"\"}"`, "null", "true"},
		`[1]`: {}, `"a"`: {`"a"`}, ` 7 `: {"7"}, ``: {},
	} {
		leaves := []string{}
		exactjson.Leaves([]byte(value), func(leaf json.RawMessage) { leaves = append(leaves, string(leaf)) })
		assert.Equal(t, want, leaves, value)
	}
}
