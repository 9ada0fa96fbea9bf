package policy_test

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	// saysErrors finds what a function that returns an error says of it: a name of an
	// error, when it fails, or whose contract it implements.
	saysErrors = regexp.MustCompile(`\b[Ee]rrors?\b|\b(Err|Kind)[A-Z]\w+|\bfails?\b|\brefuse[sd]?\b|\bimplements \[|\breturns (ctx's|nil)\b`)
	// saysDefault finds the default of an option.
	saysDefault = regexp.MustCompile(`\b(If|if) (zero|nil|empty|false|negative)\b|\b[Rr]equired\b`)
	// saysConcurrency finds whether a type is safe for concurrent use.
	saysConcurrency = regexp.MustCompile(`\bconcurrent(ly)?\b|\bimmutable\b|\bone goroutine\b`)
	// isOptions finds the types whose fields are options.
	isOptions = regexp.MustCompile(`Options$|^Need$|^Ask$`)
)

// line joins the lines of a comment.
func line(groups ...*ast.CommentGroup) string {
	var b strings.Builder
	for _, g := range groups {
		b.WriteString(g.Text() + " ")
	}
	return strings.TrimSpace(space.ReplaceAllString(b.String(), " "))
}

// wrongComments returns a sentence for each exported name of a package whose comment
// lacks what its users need to know.
func wrongComments(t *testing.T, room string, fset *token.FileSet, files []*ast.File) (wrong []string) {
	t.Helper()
	d, err := doc.NewFromFiles(fset, files, module+"/"+room)
	require.NoError(t, err)
	addf := func(format string, args ...any) { wrong = append(wrong, room+": "+fmt.Sprintf(format, args...)) }
	function := func(f *doc.Func) {
		name := f.Name
		if f.Recv != "" {
			name = strings.TrimPrefix(f.Recv, "*") + "." + name
		}
		if r := f.Decl.Type.Results; r != nil && text(r.List[len(r.List)-1].Type) == "error" && f.Name != "Unwrap" && !saysErrors.MatchString(f.Doc) {
			addf("%s returns an error: say which, or when it fails", name)
		}
	}
	values := func(all []*doc.Value) {
		for _, v := range all {
			for _, spec := range v.Decl.Specs {
				s, _ := spec.(*ast.ValueSpec)
				if len(v.Decl.Specs) > 1 && s.Names[0].IsExported() && line(s.Doc, s.Comment) == "" {
					addf("%s: say what it means", s.Names[0].Name)
				}
			}
		}
	}
	values(d.Consts)
	values(d.Vars)
	for _, f := range d.Funcs {
		function(f)
	}
	for _, typ := range d.Types {
		values(typ.Consts)
		values(typ.Vars)
		for _, f := range typ.Funcs {
			function(f)
		}
		shared := false // the methods of a shared value may change it
		for _, m := range typ.Methods {
			function(m)
			shared = shared || strings.HasPrefix(m.Recv, "*") && !strings.HasPrefix(m.Name, "Unmarshal")
		}
		spec, _ := typ.Decl.Specs[0].(*ast.TypeSpec)
		_, isInterface := spec.Type.(*ast.InterfaceType)
		if (shared || isInterface) && !saysConcurrency.MatchString(typ.Doc) {
			addf("%s: say whether it is safe for concurrent use", typ.Name)
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			fields(typ.Name, s, addf)
		}
	}
	return wrong
}

// fields checks the comments of a struct's fields. A field needs none if the name
// of its type contains its own, or if the comment above an earlier field names it too.
func fields(typ string, s *ast.StructType, addf func(string, ...any)) {
	above := ""
	for _, f := range s.Fields.List {
		comment := line(f.Doc, f.Comment)
		if f.Doc != nil {
			above = comment
		}
		for _, name := range f.Names {
			named := regexp.MustCompile(`\b` + name.Name + `\b`).MatchString
			switch id := typ + "." + name.Name; {
			case isOptions.MatchString(typ):
				if !saysDefault.MatchString(comment) {
					addf("%s: end its comment with its default", id)
				}
			case comment == "" && !strings.Contains(text(f.Type), name.Name) && !named(above):
				addf("%s: say what it is, its unit, and what zero means", id)
			}
		}
	}
}

func TestCommentsSayWhatUsersNeedToKnow(t *testing.T) {
	t.Parallel()
	for _, p := range reference(t) {
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			require.NoError(t, err)
			files = append(files, f)
		}
		assert.Empty(t, wrongComments(t, p.room(), fset, files))
	}
}

var (
	// qualified finds a name with its package, and linked one of the same package.
	qualified = regexp.MustCompile(`\b([a-z]\w*)\.([A-Z]\w*)`)
	linked    = regexp.MustCompile(`(?:^|[^\w])\[\*?([A-Z]\w*)(?:\.[A-Z]\w*)?\]`)
)

// variables are code in comments in which the word before the dot is a variable.
var variables = []string{"backend.Close"}

// unknownNames returns the names in a file's comments that their package does not
// export. names has the exported names of packages, by package name.
func unknownNames(names map[string]map[string]bool, f *ast.File) (unknown []string) {
	for _, group := range f.Comments {
		for _, m := range qualified.FindAllStringSubmatch(group.Text(), -1) {
			if exported := names[m[1]]; exported != nil && !exported[m[2]] && !slices.Contains(variables, m[0]) {
				unknown = append(unknown, m[0])
			}
		}
		for _, m := range linked.FindAllStringSubmatch(group.Text(), -1) {
			if exported := names[f.Name.Name]; exported != nil && !exported[m[1]] {
				unknown = append(unknown, m[1])
			}
		}
	}
	return unknown
}

func TestCommentsNameWhatIsExported(t *testing.T) {
	t.Parallel()
	names := map[string]map[string]bool{}
	for _, p := range reference(t) {
		names[p.Name] = surfaceOf(t, p).names
	}
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			require.NoError(t, err)
			assert.Empty(t, unknownNames(names, f), "%s/%s names what its package does not export", p.room(), name)
		}
	}
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x

// F is like [G] and [H], other.F and other.G, but not unheard.Of.
func F() {}
`, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	assert.Equal(t, []string{"other.G", "H"}, unknownNames(map[string]map[string]bool{"x": {"F": true, "G": true}, "other": {"F": true}}, f))
}

func TestCommentsThatSayTooLittleAreDetected(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "x.go", `// Package x is a test.
package x

// Numbers.
const (
	One = 1
	Two = 2 // twice as much
)

// Open opens.
func Open() error { return nil }

// Close closes. It never fails.
func Close() error { return nil }

// A T has a lock.
type T struct{}

// M does something.
func (*T) M() {}

// A U is safe for concurrent use.
type U struct{}

// M does something.
func (*U) M() {}

// A V is a value.
type V struct{}

// M does something.
func (V) M() {}

// An I is an interface.
type I interface{ M() }

// Options are options.
type Options struct {
	// A is a number.
	A int
	// B is a number. If zero, 7.
	B int
	C int // required
}

// A W has times.
type W struct {
	Delay time.Duration
	Wait  time.Duration // of the call; 0: unknown
	T T
	// F and G are texts.
	F string
	G string
}
`, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"x: One: say what it means",
		"x: Open returns an error: say which, or when it fails",
		"x: I: say whether it is safe for concurrent use",
		"x: Options.A: end its comment with its default",
		"x: T: say whether it is safe for concurrent use",
		"x: W.Delay: say what it is, its unit, and what zero means",
	}, wrongComments(t, "x", fset, []*ast.File{f}))
}
