package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A kind of record that is forgotten here would be missing in every backup.
func TestKinds(t *testing.T) {
	source, err := parser.ParseFile(token.NewFileSet(), "store.go", nil, 0)
	must(t, err)
	found := 0
	ast.Inspect(source, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "kind") {
			return true
		}
		found++
		kind, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		must(t, err)
		if !slices.Contains(Kinds(), kind) {
			t.Errorf("%s is not in Kinds", kind)
		}
		return true
	})
	if found != len(Kinds()) {
		t.Errorf("%d kinds of %d", found, len(Kinds()))
	}
}
