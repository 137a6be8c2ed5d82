package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const readme = "../../../README.md"

// variable finds the names of settings that the comments of Config mention.
var variable = regexp.MustCompile(`GPHOTOS_[A-Z_]*[A-Z]`)

// The tables of settings in README.md are made from Config and Entry:
// `go test ./cmd/gphotos2mqtt/config -run README -update` writes them anew.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	source, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	got = replaceTable(t, got, "settings", table(t, source, "Config", Prefix))
	got = replaceTable(t, got, "project settings", table(t, source, "Project", Prefix+"PROJECT_<NAME>_"))
	got = replaceTable(t, got, "entry settings", table(t, source, "Entry", Prefix+"ENTRY_<NAME>_"))
	if *update {
		writeFile(t, readme, []byte(got))
		return
	}
	if diff := cmp.Diff(string(text), got); diff != "" {
		t.Error("run with -update (-README +Config)", diff)
	}
}

// The files that come with the program set variables that exist.
func TestExamplesNameSettings(t *testing.T) {
	for _, file := range []string{
		"Dockerfile", "compose.yaml", "compose.bridge.yaml", "compose.cluster.yaml", ".env.example", "README.md",
		"deploy/kubernetes/settings.yaml", "deploy/kubernetes/bridge.yaml", "packaging/gphotos2mqtt.env", "packaging/gphotos2mqtt.service",
	} {
		text, err := os.ReadFile("../../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		environ := minimal()
		for _, name := range variable.FindAllString(string(text), -1) {
			switch name {
			case Prefix + "MQTT_LISTEN": // does nothing beside MQTT_URL
			case Prefix + "ENTRIES": // home by default, as in the examples
			case Prefix + "ENTRY", Prefix + "PROJECT": // of GPHOTOS_ENTRY_<NAME>_…
			default:
				environ = append(environ, name+"=set")
			}
		}
		if _, warnings, _ := Read(environ); len(warnings) > 0 {
			t.Errorf("%s: %q", file, warnings)
		}
	}
}

// replaceTable puts a table between the two comments that name it.
func replaceTable(t *testing.T, text, name, table string) string {
	t.Helper()
	before, rest, ok := strings.Cut(text, "<!-- "+name+" -->\n")
	_, after, closed := strings.Cut(rest, "<!-- /"+name+" -->\n")
	if !ok || !closed {
		t.Fatalf("README.md has no place for the table of %s", name)
	}
	return before + "<!-- " + name + " -->\n" + table + "<!-- /" + name + " -->\n" + after
}

// table is the manual that the fields of a struct are.
func table(t *testing.T, source *ast.File, name, prefix string) string {
	t.Helper()
	out := "| variable | default | meaning |\n| --- | --- | --- |\n"
	for _, field := range structFields(source, name) {
		tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`"))
		if tag.Get("env") == "-" {
			continue
		}
		if field.Doc == nil {
			t.Errorf("%s has no comment, which is its manual", field.Names[0])
		}
		key := "`" + prefix + tag.Get("env") + "`"
		if tag.Get("file") == "true" {
			key += " or `…_FILE`"
		}
		value := tag.Get("default")
		if value != "" {
			value = "`" + value + "`"
		}
		meaning := strings.ReplaceAll(strings.TrimSpace(field.Doc.Text()), "\n", " ")
		out += "| " + key + " | " + value + " | " + variable.ReplaceAllString(meaning, "`$0`") + " |\n"
	}
	return out
}

func structFields(source *ast.File, name string) []*ast.Field {
	var fields []*ast.Field
	ast.Inspect(source, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == name {
			fields = spec.Type.(*ast.StructType).Fields.List
		}
		return true
	})
	return fields
}
