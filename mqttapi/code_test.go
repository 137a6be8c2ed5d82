package mqttapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// TestCodes proves that every code has a sentence of its own.
func TestCodes(t *testing.T) {
	listed := allCodes(t)
	seen := map[string]Code{}
	for _, code := range listed {
		_, sentence := refusedWith(t, NewError(code))
		if other, ok := seen[sentence]; ok {
			t.Errorf("%s and %s have the same sentence", code, other)
		}
		seen[sentence] = code
	}
	if len(sentences) != len(listed) {
		t.Errorf("%d sentences for %d codes", len(sentences), len(listed))
	}
	if got := NewError(Code("made_up")).Message; got != NewError(CodeInternal).Message {
		t.Errorf("an unknown code says %q", got)
	}
}

func TestError(t *testing.T) {
	if got := Errorf(CodeBusy, "%d files wait.", 3).Error(); got != "busy: 3 files wait." {
		t.Errorf("got %q", got)
	}
}

// codeOf returns the code that err has, "" for nil.
func codeOf(t *testing.T, err error) Code {
	t.Helper()
	if err == nil {
		return ""
	}
	code, _ := refusedWith(t, err)
	return code
}

// allCodes are the codes of the contract, in the order of their declaration.
func allCodes(t *testing.T) []Code {
	t.Helper()
	return constants[Code](t, "answer.go", "Code")
}

// constants returns the constants of a type of strings that a file declares.
func constants[S ~string](t *testing.T, file, name string) []S {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []S
	ast.Inspect(source, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == name {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, S(value))
			}
		}
		return true
	})
	return found
}
