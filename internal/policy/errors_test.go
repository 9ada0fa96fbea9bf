package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plainErrors are the rooms below package oauthstore and of the helpers, whose
// errors the packages above wrap.
var plainErrors = []string{
	"oauthstore/backend", "oauthstore/filestore", "oauthstore/memstore", "oauthstore/pgstore", "oauthstore/redisstore", "oauthstore/sqlitestore",
	"oauthstore/storeotel", "internal/conformance/...", "internal/mcpprobe", "internal/safehttp", "internal/secret", "mcptools/mcpgo",
}

// prefixed returns the calls of errors.New and fmt.Errorf in a file whose text
// begins with the name of its package.
func prefixed(t *testing.T, file string, src []byte) (wrong []string) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		fun, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, _ := fun.X.(*ast.Ident)
		if pkg == nil || pkg.Name+"."+fun.Sel.Name != "errors.New" && pkg.Name+"."+fun.Sel.Name != "fmt.Errorf" {
			return true
		}
		first := call.Args[0]
		for sum, ok := first.(*ast.BinaryExpr); ok; sum, ok = first.(*ast.BinaryExpr) {
			first = sum.X
		}
		if lit, ok := first.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && strings.HasPrefix(text, f.Name.Name+": ") {
				wrong = append(wrong, fset.Position(n.Pos()).String())
			}
		}
		return true
	})
	return wrong
}

func TestErrorsWithAPackageNameCanBeReadWithoutIt(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || fitsAny(path.Dir(file), plainErrors) {
			continue
		}
		if src := read(t, file); src != nil {
			assert.Empty(t, prefixed(t, file, src), "use internal/errtext")
		}
	}
	src := `package x
import ("errors"; "fmt")
var _, _ = errors.New("x: a"), fmt.Errorf("x: "+"%w", errors.New("other: b"))`
	assert.Len(t, prefixed(t, "x.go", []byte(src)), 2)
}
