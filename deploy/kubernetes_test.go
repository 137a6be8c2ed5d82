package deploy_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const folder = "kubernetes"

// objects reads the files that kustomization.yaml names.
func objects(t *testing.T) (all []map[string]any) {
	t.Helper()
	for _, name := range kustomization(t).Resources {
		f, err := os.Open(filepath.Join(folder, name))
		must(t, err)
		defer f.Close()
		for decoder := yaml.NewDecoder(f); ; {
			object := map[string]any{}
			if err = decoder.Decode(&object); errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			all = append(all, object)
		}
	}
	return all
}

// A kustomize is kustomization.yaml, as far as it is used; anything else is an error.
type kustomize struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Namespace  string   `yaml:"namespace"`
	Resources  []string `yaml:"resources"`
	ConfigMaps []struct {
		Name  string   `yaml:"name"`
		Files []string `yaml:"files"`
	} `yaml:"configMapGenerator"`
	Secrets []struct {
		Name string   `yaml:"name"`
		Envs []string `yaml:"envs"`
	} `yaml:"secretGenerator"`
}

func kustomization(t *testing.T) (k kustomize) {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, "kustomization.yaml"))
	must(t, err)
	defer f.Close()
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	must(t, decoder.Decode(&k))
	return k
}

// at looks into an object: keys of maps, with dots between them.
func at(object any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		m, _ := object.(map[string]any)
		object = m[key]
	}
	return object
}

func list(v any) []any { l, _ := v.([]any); return l }

func TestSchema(t *testing.T) {
	for _, object := range objects(t) {
		if err := validate(t, object); err != nil {
			t.Errorf("%v %v: %v", object["kind"], at(object, "metadata.name"), err)
		}
	}
	for name, change := range map[string]func(map[string]any){ // the schema notices
		"a misspelt key": func(o map[string]any) { at(o, "spec").(map[string]any)["replica"] = 3 },
		"a wrong type":   func(o map[string]any) { at(o, "spec").(map[string]any)["replicas"] = "three" },
		"a missing key":  func(o map[string]any) { delete(at(o, "spec").(map[string]any), "template") },
	} {
		for _, object := range objects(t) {
			if object["kind"] == "Deployment" {
				change(object)
				if validate(t, object) == nil {
					t.Errorf("%s is not noticed", name)
				}
			}
		}
	}
}

// TestHardened is what the namespace's label asks for, and more: every container has little rights, limits and probes.
func TestHardened(t *testing.T) {
	pods := 0
	for _, object := range objects(t) {
		pod := at(object, "spec.template.spec")
		if pod == nil {
			continue
		}
		pods++
		name := at(object, "metadata.name").(string)
		for path, want := range map[string]any{
			"automountServiceAccountToken": false, "securityContext.runAsNonRoot": true, "securityContext.seccompProfile.type": "RuntimeDefault",
		} {
			if got := at(pod, path); got != want {
				t.Errorf("%s: %s is %v", name, path, got)
			}
		}
		for _, c := range list(at(pod, "containers")) {
			for path, want := range map[string]any{
				"securityContext.allowPrivilegeEscalation": false, "securityContext.readOnlyRootFilesystem": true,
			} {
				if got := at(c, path); got != want {
					t.Errorf("%s: %s is %v", name, path, got)
				}
			}
			for _, path := range []string{
				"livenessProbe", "readinessProbe", "resources.limits.memory", "resources.requests.cpu", "resources.requests.memory",
			} {
				if at(c, path) == nil {
					t.Errorf("%s has no %s", name, path)
				}
			}
			if drop := list(at(c, "securityContext.capabilities.drop")); !slices.Contains(drop, any("ALL")) {
				t.Errorf("%s drops %v", name, drop)
			}
		}
	}
	if pods != 3 {
		t.Errorf("%d kinds of pods", pods)
	}
}

// TestFits: what refers to something finds it.
func TestFits(t *testing.T) {
	pods, budgets, policies := map[any]any{}, map[any]bool{}, map[any]bool{}
	for _, object := range objects(t) {
		app := at(object, "spec.template.metadata.labels.app")
		if app == nil {
			continue
		}
		pods[app] = object
		if selected := at(object, "spec.selector.matchLabels.app"); selected != app {
			t.Errorf("%v selects %v", app, selected)
		}
		mounts, volumes := map[any]bool{}, map[any]bool{}
		for _, v := range slices.Concat(list(at(object, "spec.template.spec.volumes")), list(at(object, "spec.volumeClaimTemplates"))) {
			name := at(v, "name")
			if name == nil {
				name = at(v, "metadata.name")
			}
			volumes[name] = true
		}
		for _, c := range list(at(object, "spec.template.spec.containers")) {
			for _, m := range list(at(c, "volumeMounts")) {
				mounts[at(m, "name")] = true
			}
		}
		if diff := cmp.Diff(volumes, mounts); diff != "" {
			t.Errorf("%v: (-volumes +mounts) %s", app, diff)
		}
	}
	for _, object := range objects(t) {
		switch object["kind"] {
		case "Service":
			if app := at(object, "spec.selector.app"); pods[app] == nil {
				t.Errorf("service %v is of no pods", app)
			}
		case "PodDisruptionBudget":
			budgets[at(object, "spec.selector.matchLabels.app")] = true
		case "NetworkPolicy":
			policies[at(object, "spec.podSelector.matchLabels.app")] = true
		}
	}
	for app, pod := range pods {
		if !policies[app] || at(pod, "spec.replicas") != 1 && !budgets[app] {
			t.Errorf("%v has no network policy or disruption budget", app)
		}
	}
}

// TestSecrets: each secret that is used is asked for, and the other way round; none has a value here.
func TestSecrets(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(folder, "secrets.env.example"))
	must(t, err)
	asked := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^[^#\n].*$`).FindAllString(string(text), -1) {
		name, value, ok := strings.Cut(line, "=")
		if asked[name] = true; !ok || value != "" {
			t.Errorf("secrets.env.example has %q", line)
		}
	}
	used := map[string]bool{}
	for _, name := range kustomization(t).Resources {
		text, err := os.ReadFile(filepath.Join(folder, name))
		must(t, err)
		names := regexp.MustCompile(`secretKeyRef: \{ name: secrets, key: ([a-z-]+) |: /secrets/([a-z-]+)`)
		for _, found := range names.FindAllStringSubmatch(string(text), -1) {
			used[found[1]+found[2]] = true
		}
	}
	if diff := cmp.Diff(asked, used); diff != "" {
		t.Error("(-asked for +used)", diff)
	}
}

// TestCopies: kustomize takes no file from outside of its folder.
func TestCopies(t *testing.T) {
	for _, source := range []string{
		"../examples/cluster/nats.conf", "../examples/compose/mosquitto/mosquitto.conf", "../examples/compose/mosquitto/acl",
		"../examples/compose/mosquitto/start.sh",
	} {
		want, err := os.ReadFile(source)
		must(t, err)
		got, err := os.ReadFile(filepath.Join(folder, "files", filepath.Base(source)))
		must(t, err)
		if string(got) != string(want) {
			t.Errorf("%s is another in %s/files", source, folder)
		}
	}
	for _, m := range kustomization(t).ConfigMaps {
		for _, file := range m.Files {
			_, err := os.Stat(filepath.Join(folder, file))
			must(t, err)
		}
	}
}
