package packaging_test

import (
	"fmt"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The rules of Supervisor for what an app says of itself. What it does not know it drops without a word, so here it is an error; so is
// what it warns its users about.
//
// Source: https://github.com/home-assistant/supervisor/blob/main/supervisor/addons/validate.py and options.py
var (
	appKeys = map[string]func(any) error{
		"name": isText, "description": isText, "url": isURL, "panel_title": isText, "ingress_entry": isText, "panel_icon": matches(`^mdi:[a-z-]+$`),
		"version": matches(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`), "slug": matches(`^[-_.A-Za-z0-9]+$`),
		"image":   matches(`^([a-z0-9][a-z0-9.\-]*(:[0-9]+)?/)*?([a-z0-9{][a-z0-9.\-_{}]*/)*?([a-z0-9{][a-z0-9.\-_{}]*)$`),
		"startup": matches(`^(initialize|system|services|application|once)$`), "boot": matches(`^(auto|manual|manual_only)$`),
		"watchdog": matches(`^(?:https?|\[PROTO:\w+\]|tcp)://\[HOST\]:(\[PORT:\d+\]|\d+).*$`),
		"backup":   matches(`^(hot|cold)$`), "init": isBool, "ingress": isBool, "ingress_port": inRange(1, 65535), "timeout": inRange(10, 300),
		"arch": each(matches(`^(amd64|aarch64)$`)), "services": each(matches(`^(mqtt|mysql):(provide|want|need)$`)),
		"backup_exclude": each(isText), "map": each(isMapping), "ports": isMap, "ports_description": isMap, "options": isMap, "schema": isMap,
	}
	appRequired = []string{"name", "version", "slug", "description", "arch"}

	schemaElement = regexp.MustCompile(`^(?:|bool|email|url|port|device(?:\(subsystem=[a-z]+\))?|str(?:\(\d*,\d*\))?|password(?:\(\d*,\d*\))?` +
		`|int(?:\(\d*,\d*\))?|float(?:\([\d.]*,[\d.]*\))?|match\((.*)\)|list\((.+)\))\??$`)
)

func isText(v any) error { return matches(`\S`)(v) }
func isURL(v any) error  { return matches(`^https?://`)(v) }

func isBool(v any) error {
	if _, ok := v.(bool); !ok {
		return fmt.Errorf("%v is neither true nor false", v)
	}
	return nil
}

func isMap(v any) error {
	if _, ok := v.(map[string]any); !ok {
		return fmt.Errorf("%v is not a map", v)
	}
	return nil
}

func matches(form string) func(any) error {
	return func(v any) error {
		if text, ok := v.(string); !ok || !regexp.MustCompile(form).MatchString(text) {
			return fmt.Errorf("%v is not of the form %s", v, form)
		}
		return nil
	}
}

func inRange(from, to int) func(any) error {
	return func(v any) error {
		if n, ok := v.(int); !ok || n < from || n > to {
			return fmt.Errorf("%v is not from %d to %d", v, from, to)
		}
		return nil
	}
}

func each(one func(any) error) func(any) error {
	return func(v any) error {
		list, ok := v.([]any)
		if !ok || len(list) == 0 {
			return fmt.Errorf("%v is not a list", v)
		}
		for _, element := range list {
			if err := one(element); err != nil {
				return err
			}
		}
		return nil
	}
}

func isMapping(v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%v is of the old form", v)
	}
	for key := range m {
		if !slices.Contains([]string{"type", "read_only", "path"}, key) {
			return fmt.Errorf("unknown key %s", key)
		}
	}
	return matches(`^(data|ssl|addons|backup|share|media|homeassistant_config|all_addon_configs|addon_config)$`)(m["type"])
}

// fits says what is wrong with a value of the form by its schema, as Supervisor's options.py does.
func fits(schema, value any, where string) error {
	switch s := schema.(type) {
	case []any:
		list, ok := value.([]any)
		if !ok || len(s) != 1 {
			return fmt.Errorf("%s: not a list of one kind", where)
		}
		for _, element := range list {
			if err := fits(s[0], element, where); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		values, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: not a map", where)
		}
		return fitsAll(s, values, where)
	}
	kind, _ := schema.(string)
	m := schemaElement.FindStringSubmatch(kind)
	text := fmt.Sprint(value)
	switch {
	case m == nil:
		return fmt.Errorf("%s: %q is no type that Supervisor knows", where, schema)
	case strings.HasPrefix(kind, "match") && !regexp.MustCompile(m[1]).MatchString(text),
		strings.HasPrefix(kind, "list") && !slices.Contains(strings.Split(m[2], "|"), text),
		strings.HasPrefix(kind, "bool") && isBool(value) != nil:
		return fmt.Errorf("%s: %v is not a %s", where, value, kind)
	}
	return nil
}

func fitsAll(schema, values map[string]any, where string) error {
	for key, value := range values {
		if schema[key] == nil {
			return fmt.Errorf("%s.%s is not in the schema", where, key)
		}
		if err := fits(schema[key], value, where+"."+key); err != nil {
			return err
		}
	}
	for key, kind := range schema {
		if list, ok := kind.([]any); ok && len(list) > 0 {
			kind = list[0]
		}
		text, ok := kind.(string)
		if _, given := values[key]; !given && (!ok || !strings.HasSuffix(text, "?")) {
			return fmt.Errorf("%s.%s is needed and has no value to begin with", where, key)
		}
	}
	return nil
}

func TestAppConfig(t *testing.T) {
	c := readYAML(t, "../addon/config.yaml")
	for key, value := range c {
		if appKeys[key] == nil {
			t.Errorf("Supervisor does not know %s, or this test does not", key)
		} else if err := appKeys[key](value); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, key := range appRequired {
		if c[key] == nil {
			t.Errorf("%s is missing", key)
		}
	}
	schema := c["schema"].(map[string]any)
	if err := fitsAll(schema, c["options"].(map[string]any), "options"); err != nil {
		t.Error(err)
	}
	for name, wrong := range map[string]map[string]any{
		"a name in capitals": {"entries": []any{map[string]any{"name": "Home"}}}, "no such level": {"log_level": "loud"},
		"a misspelt option": {"client": "id"}, "not a setting": {"settings": []any{"MAX_AGE=1d"}},
	} {
		values := maps.Clone(c["options"].(map[string]any))
		maps.Copy(values, wrong)
		if fitsAll(schema, values, "options") == nil {
			t.Errorf("%s is let through", name)
		}
	}
	for _, gone := range []string{"../addon/build.yaml", "../addon/Dockerfile"} { // the first is warned about, the second is not used
		if _, err := os.Stat(gone); err == nil {
			t.Error(gone, "is there")
		}
	}
	for name, size := range map[string][2]int{"icon.png": {128, 128}, "logo.png": {250, 100}} {
		f, err := os.Open(filepath.Join("../addon", name))
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.DecodeConfig(f)
		if err != nil || picture.Width != size[0] || picture.Height != size[1] {
			t.Errorf("%s: %v, %d x %d", name, err, picture.Width, picture.Height)
		}
		_ = f.Close()
	}
	repository := readYAML(t, "../repository.yaml")
	for _, key := range []string{"name", "url", "maintainer"} {
		if isText(repository[key]) != nil {
			t.Errorf("repository.yaml has no %s", key)
		}
	}
}

// TestAppTranslations shows that each field has a name and a sentence in both languages, and nothing else has.
func TestAppTranslations(t *testing.T) {
	c := readYAML(t, "../addon/config.yaml")
	for _, language := range []string{"en", "de"} {
		told := readYAML(t, "../addon/translations/"+language+".yaml")
		sameFields(t, language, c["schema"].(map[string]any), told["configuration"].(map[string]any))
		for port := range c["ports"].(map[string]any) {
			if isText(told["network"].(map[string]any)[port]) != nil {
				t.Errorf("%s: port %s has no name", language, port)
			}
		}
	}
}

func sameFields(t *testing.T, where string, schema, told map[string]any) {
	t.Helper()
	for key := range told {
		if schema[key] == nil {
			t.Errorf("%s.%s is no field", where, key)
		}
	}
	for key, kind := range schema {
		words, _ := told[key].(map[string]any)
		if isText(words["name"]) != nil || isText(words["description"]) != nil {
			t.Errorf("%s.%s has no name or no description", where, key)
		}
		if list, ok := kind.([]any); ok {
			kind = list[0]
		}
		if below, ok := kind.(map[string]any); ok {
			fields, _ := words["fields"].(map[string]any)
			sameFields(t, where+"."+key, below, fields)
		}
	}
}

func readYAML(t *testing.T, path string) (out map[string]any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, path)), &out); err != nil {
		t.Fatal(path, err)
	}
	return out
}
