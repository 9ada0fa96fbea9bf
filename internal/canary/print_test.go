package canary_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// around returns a value in all that it may be printed within.
func around(v reflect.Value) []any {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	value, pointer := v.Interface(), p.Interface()
	slice := reflect.MakeSlice(reflect.SliceOf(v.Type()), 0, 1)
	slice = reflect.Append(slice, v)
	byName := reflect.MakeMap(reflect.MapOf(reflect.TypeFor[string](), v.Type()))
	byName.SetMapIndex(reflect.ValueOf("name"), v)
	open := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "Open", Type: v.Type()}, {Name: "Pointer", Type: p.Type()},
	})).Elem()
	open.Field(0).Set(v)
	open.Field(1).Set(p)
	return []any{
		value, pointer, &pointer,
		struct{ hidden any }{value},
		&struct{ hidden any }{pointer},
		struct{ Open any }{value},
		struct{ err error }{wrapped{value}},
		[]any{value, pointer},
		map[string]any{"v": value},
		slice.Interface(), byName.Interface(), open.Interface(), open.Addr().Interface(),
		// A struct with an unexported field of the very type.
		hide(v, p),
	}
}

// hide returns a struct whose unexported fields hold v and a pointer to it, by
// their own types and not as interfaces.
func hide(v, p reflect.Value) any {
	typ := reflect.StructOf([]reflect.StructField{
		{Name: "value", PkgPath: module, Type: v.Type()}, {Name: "pointer", PkgPath: module, Type: p.Type()},
	})
	s := reflect.New(typ).Elem()
	set(s.Field(0), v)
	set(s.Field(1), p)
	return s.Interface()
}

// wrapped is an error around a value.
type wrapped struct{ inner any }

func (w wrapped) Error() string { return fmt.Sprintf("wrapped: %v", w.inner) }

// shown returns everything that printing, logging and encoding show of v, each
// line once.
func shown(v reflect.Value) string {
	var out bytes.Buffer
	for i, x := range around(v) {
		for _, verb := range verbs {
			for j, flag := range flags {
				if j >= plainFlags && i >= 2 || j > 0 && !strings.ContainsRune("vsqxXd", verb) {
					continue // the flags of these verbs only change numbers and spaces
				}
				fmt.Fprintf(&out, "%"+flag+string(verb)+"\n", x)
			}
		}
		fmt.Fprintln(&out, fmt.Sprint(x), fmt.Errorf("%w", wrapped{x}))
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).With("with", x).WithGroup("group").Info("shown", slog.Any("v", x), slog.Group("g", slog.Any("v", x)))
		}
		out.WriteString(encoded(x))
	}
	seen := map[string]bool{}
	var once strings.Builder
	for line := range strings.Lines(out.String()) {
		if !seen[line] {
			seen[line] = true
			once.WriteString(line)
		}
	}
	return once.String()
}

// encoded returns what package json makes of a value, if it can.
func encoded(v any) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint("JSON: ", r)
		}
	}()
	data, err := json.Marshal(v)
	return fmt.Sprintf("%s %v\n", data, err)
}

// leaks returns what of the planted secrets a text shows.
func (p *canaries) leaks(text string) []string {
	var found []string
	for form, what := range p.forms {
		if i := strings.Index(text, form); i >= 0 {
			found = append(found, fmt.Sprintf("%s as %.40q in %.160q", what, form, text[max(i-80, 0):min(i+80, len(text))]))
		}
	}
	return found
}

func TestNoExportedTypePrintsASecret(t *testing.T) {
	t.Parallel()
	all := newCanaries(t)
	for _, typ := range types {
		if slices.Contains(synthetic, typ) {
			continue
		}
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			v := reflect.New(typ).Elem()
			(&planter{canaries: all}).fill(v, typ.Name(), 0)
			leaks := all.leaks(shown(v))
			assert.Empty(t, leaks[:min(len(leaks), 3)])
		})
	}
}
