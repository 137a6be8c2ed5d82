package mqttapi

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"slices"
	"strconv"
	"testing"
)

// TestCodes proves that every constant of type Code is listed once and has a sentence of its own.
func TestCodes(t *testing.T) {
	source, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var constants []Code
	ast.Inspect(source, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Code" {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				constants = append(constants, Code(value))
			}
		}
		return true
	})
	listed := Codes()
	slices.Sort(constants)
	slices.Sort(listed)
	if !slices.Equal(constants, listed) || len(slices.Compact(listed)) != len(constants) {
		t.Errorf("constants %q\nlisted %q", constants, listed)
	}
	seen := map[string]Code{}
	for _, code := range listed {
		refusedWith(t, NewError(code))
		if other, ok := seen[code.Sentence()]; ok {
			t.Errorf("%s and %s have the same sentence", code, other)
		}
		seen[code.Sentence()] = code
	}
	if len(sentences) != len(constants) {
		t.Errorf("%d sentences for %d codes", len(sentences), len(constants))
	}
	if got := Code("made_up").Sentence(); got != CodeInternal.Sentence() {
		t.Errorf("an unknown code says %q", got)
	}
}

func TestCodeOf(t *testing.T) {
	refused := Errorf(CodeBusy, "%d files wait.", 3)
	for _, tt := range []struct {
		err  error
		want Code
	}{
		{nil, ""},
		{refused, CodeBusy},
		{fmt.Errorf("take files: %w", refused), CodeBusy},
		{errors.Join(io.EOF, refused), CodeBusy},
		{io.EOF, CodeInternal},
	} {
		if got := CodeOf(tt.err); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
	if got := refused.Error(); got != "busy: 3 files wait." {
		t.Errorf("got %q", got)
	}
}
