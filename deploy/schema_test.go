// Package deploy_test checks the files for Kubernetes against Kubernetes' own schema, and that their parts fit each other.
package deploy_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the schema anew, from the module of this Kubernetes")

// The schema is what the API server of that version takes, of the kinds that are used here, without the texts.
// Source: https://github.com/kubernetes/kubernetes/blob/v1.35.0/api/openapi-spec/swagger.json
const (
	kubernetes = "k8s.io/kubernetes@v1.35.0"
	schemaFile = "testdata/schema.json"
)

// kinds are those that are used here, by what the manifests call them.
var kinds = map[string]string{
	"v1 Namespace": "io.k8s.api.core.v1.Namespace", "v1 ConfigMap": "io.k8s.api.core.v1.ConfigMap", "v1 Service": "io.k8s.api.core.v1.Service",
	"apps/v1 Deployment": "io.k8s.api.apps.v1.Deployment", "apps/v1 StatefulSet": "io.k8s.api.apps.v1.StatefulSet",
	"policy/v1 PodDisruptionBudget":      "io.k8s.api.policy.v1.PodDisruptionBudget",
	"networking.k8s.io/v1 NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
}

// validate tells whether an object is what its kind is, with no key that this does not have.
func validate(t *testing.T, object map[string]any) error {
	t.Helper()
	kind := object["apiVersion"].(string) + " " + object["kind"].(string)
	if kinds[kind] == "" {
		t.Fatalf("%s is not in kinds", kind)
	}
	text, err := os.ReadFile(schemaFile)
	must(t, err)
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	must(t, err)
	compiler := jsonschema.NewCompiler()
	must(t, compiler.AddResource("k8s.json", document))
	schema, err := compiler.Compile("k8s.json#/definitions/" + kinds[kind])
	must(t, err)
	return schema.Validate(plain(t, object))
}

// plain is an object as JSON has it.
func plain(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	v, err = jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	must(t, err)
	return v
}

// TestUpdateSchema writes the schema with -update: `go test ./deploy -run UpdateSchema -update`.
func TestUpdateSchema(t *testing.T) {
	if !*update {
		t.Skip("without -update it is taken as it is")
	}
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", kubernetes)
	cmd.Dir = t.TempDir() // outside of this module
	out, err := cmd.Output()
	must(t, err)
	var module struct{ Dir string }
	must(t, json.Unmarshal(out, &module))
	text, err := os.ReadFile(filepath.Join(module.Dir, "api", "openapi-spec", "swagger.json"))
	must(t, err)
	var api struct{ Definitions map[string]map[string]any }
	must(t, json.Unmarshal(text, &api))
	used := map[string]any{}
	for _, name := range kinds {
		collect(api.Definitions, name, used)
	}
	text, err = json.MarshalIndent(map[string]any{"source": kubernetes, "definitions": used}, "", " ")
	must(t, err)
	must(t, os.WriteFile(schemaFile, append(text, '\n'), 0o600))
}

const reference = "#/definitions/"

// collect adds a definition, without what is for people, and those that it refers to.
func collect(all map[string]map[string]any, name string, into map[string]any) {
	if into[name] != nil {
		return
	}
	d := all[name]
	into[name] = d
	switch {
	case strings.HasSuffix(name, ".Quantity"), d["format"] == "int-or-string":
		d["type"] = []string{"string", "number"}
	case d["properties"] != nil:
		d["additionalProperties"] = false // the API server refuses what it does not know when it is asked to be strict
	}
	strip(d)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if to, ok := v["$ref"].(string); ok {
				collect(all, strings.TrimPrefix(to, reference), into)
			}
			for _, child := range v {
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	walk(d)
}

// strip removes texts; a property may be called description, too.
func strip(d map[string]any) {
	for key, value := range d {
		_, isText := value.(string)
		if strings.HasPrefix(key, "x-") || isText && (key == "description" || key == "format") {
			delete(d, key)
		}
		if child, ok := value.(map[string]any); ok {
			strip(child)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
