package policy_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the exported names of packages to api/")

// renew tells how to update the golden files after an intended change.
const renew = "If this is intended, run\n\n\tgo test ./internal/policy -run API -update\n"

// public returns the packages that other modules can import.
func public(t *testing.T) []listed {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(packages(t)), func(p listed) bool {
		return p.Name == "main" || slices.Contains(strings.Split(p.room(), "/"), "internal")
	})
}

// A surface is the exported API of a package, one line for each name, method
// and field.
type surface struct {
	lines []string
	names map[string]bool // at package level
	free  map[string]bool // names that do not count: enumeration constants, and the catalogue's provider functions with their options
}

// count returns the number of names that count.
func (s *surface) count() int {
	n := 0
	for name := range s.names {
		if !s.free[name] {
			n++
		}
	}
	return n
}

var space = regexp.MustCompile(`\s+`)

// text formats a piece of a declaration on one line.
func text(node any) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
		return err.Error()
	}
	return space.ReplaceAllString(b.String(), " ")
}

func (s *surface) addf(format string, args ...any) {
	s.lines = append(s.lines, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

// surfaceOf parses a package's files.
func surfaceOf(t *testing.T, p listed) *surface {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, f)
	}
	d, err := doc.NewFromFiles(fset, files, p.ImportPath)
	require.NoError(t, err)
	s := &surface{names: map[string]bool{}, free: map[string]bool{}}
	s.values(d.Consts)
	s.values(d.Vars)
	s.funcs(d.Funcs)
	for _, typ := range d.Types {
		s.values(typ.Consts)
		s.values(typ.Vars)
		s.funcs(typ.Funcs)
		s.typ(typ)
	}
	slices.Sort(s.lines)
	return s
}

// values adds constants with their values, and variables.
func (s *surface) values(all []*doc.Value) {
	for _, v := range all {
		for _, spec := range v.Decl.Specs {
			spec := spec.(*ast.ValueSpec)
			for i, name := range spec.Names {
				if !name.IsExported() {
					continue
				}
				s.names[name.Name] = true
				typ, value := "", ""
				if spec.Type != nil {
					typ = " " + text(spec.Type)
					s.free[name.Name] = v.Decl.Tok == token.CONST && ast.IsExported(text(spec.Type))
				}
				if v.Decl.Tok == token.CONST && i < len(spec.Values) {
					value = " = " + text(spec.Values[i])
				}
				s.addf("%s %s%s%s", v.Decl.Tok, name, typ, value)
			}
		}
	}
}

func (s *surface) funcs(all []*doc.Func) {
	for _, f := range all {
		s.names[f.Name] = true
		if r := f.Decl.Type.Results; r != nil && len(r.List) == 1 && text(r.List[0].Type) == "Provider" {
			s.free[f.Name] = true
			for _, param := range f.Decl.Type.Params.List {
				s.free[strings.TrimPrefix(text(param.Type), "*")] = true
			}
		}
		s.addf("func %s%s", f.Name, signature(f.Decl.Type))
	}
}

func signature(f *ast.FuncType) string { return strings.TrimPrefix(text(f), "func") }

func (s *surface) typ(typ *doc.Type) {
	s.names[typ.Name] = true
	for _, m := range typ.Methods {
		s.addf("method (%s) %s%s", m.Recv, m.Name, signature(m.Decl.Type))
	}
	spec := typ.Decl.Specs[0].(*ast.TypeSpec)
	name := typ.Name
	if spec.TypeParams != nil {
		name += "[" + strings.Trim(text(spec.TypeParams), "()") + "]"
	}
	switch x := spec.Type.(type) {
	case *ast.StructType:
		s.addf("type %s struct", name)
		s.members("field", typ.Name, x.Fields)
	case *ast.InterfaceType:
		sealed := ""
		if x.Incomplete {
			sealed = " (sealed)"
		}
		s.addf("type %s interface%s", name, sealed)
		s.members("method", typ.Name, x.Methods)
	default:
		equals := ""
		if spec.Assign.IsValid() {
			equals = "= "
		}
		s.addf("type %s %s%s", name, equals, text(x))
	}
}

// members adds the fields of a struct, or the methods of an interface.
func (s *surface) members(kind, owner string, list *ast.FieldList) {
	for _, f := range list.List {
		what, tag := " "+text(f.Type), ""
		if m, ok := f.Type.(*ast.FuncType); ok && kind == "method" {
			what = signature(m)
		}
		if f.Tag != nil {
			tag = " " + f.Tag.Value
		}
		if len(f.Names) == 0 {
			s.addf("embed %s.%s", owner, text(f.Type))
		}
		for _, name := range f.Names {
			s.addf("%s %s.%s%s%s", kind, owner, name, what, tag)
		}
	}
}

// TestAPIMatchesTheGoldenFiles compares the exports of the public packages with
// the files of the folder api, so that no change goes unnoticed.
func TestAPIMatchesTheGoldenFiles(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(root, "api")
	stale := map[string]bool{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			stale[path] = true
		}
		return err
	})
	if !*update {
		require.NoError(t, err)
	}
	for _, p := range public(t) {
		file := filepath.Join(folder, filepath.FromSlash(p.room())+".txt")
		delete(stale, file)
		have := strings.Join(surfaceOf(t, p).lines, "\n") + "\n"
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
			require.NoError(t, os.WriteFile(file, []byte(have), 0o600))
			continue
		}
		want, err := os.ReadFile(file)
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		if have != string(want) {
			t.Errorf("the exports of %s have changed:\n%s%s", p.room(), changes(string(want), have), renew)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(stale)) {
		if *update {
			require.NoError(t, os.Remove(file))
			continue
		}
		t.Errorf("%s has no package. %s", file, renew)
	}
}

// changes lists the lines that only one of the texts has.
func changes(before, after string) string {
	var b strings.Builder
	for _, side := range []struct{ sign, has, lacks string }{{"-", before, after}, {"+", after, before}} {
		other := strings.Split(side.lacks, "\n")
		for line := range strings.SplitSeq(side.has, "\n") {
			if !slices.Contains(other, line) {
				fmt.Fprintln(&b, side.sign, line)
			}
		}
	}
	return b.String()
}

// maxNames is the maximum number of exported names of a package, without
// enumeration constants.
const maxNames = 35

// ceilings are the exact counts of the largest packages. They may only
// decrease.
var ceilings = map[string]int{
	"mcptools":         25,
	"mcptools/session": 18,
	"oauthstore":       35,
}

func TestSurfacesAreSmall(t *testing.T) {
	t.Parallel()
	for _, p := range public(t) {
		names := surfaceOf(t, p).count()
		most, ok := ceilings[p.room()]
		switch {
		case !ok && names > maxNames:
			t.Errorf("%s exports %d names, the maximum is %d: unexport or move some", p.room(), names, maxNames)
		case ok && names > most:
			t.Errorf("%s exports %d names, more than its %d before: unexport or move some", p.room(), names, most)
		case ok && names < most:
			t.Errorf("%s exports only %d names now: lower its ceiling of %d", p.room(), names, most)
		}
	}
}
