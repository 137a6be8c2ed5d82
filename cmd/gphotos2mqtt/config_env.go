package main

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"gphotos2mqtt/auth"
)

// prefix starts the name of every variable that is ours.
const prefix = "GPHOTOS_"

// secretFileMax bounds a file that a _FILE variable points to; keys and
// passwords are far shorter.
const secretFileMax = 64 << 10

// ReadConfig reads the settings from an environment. The error joins one line
// for each variable that must change, with what to write instead; the warnings
// are sentences about variables that do nothing. Beside the environment only the
// files and folders that it names are looked at.
func ReadConfig(environ map[string]string) (Config, []string, error) {
	r := reader{env: make(map[string]string), faults: make(map[string]error), hidden: make(map[string]bool)}
	maps.Copy(r.env, environ) // never nil, for which env would take the process's own
	maps.DeleteFunc(r.env, func(_, value string) bool { return value == "" })

	var c Config
	r.read(&c, prefix)
	c.Entries = r.readEntries(c.EntryNames)
	r.check(&c)
	return c, r.warnings(c), r.err()
}

// reader gathers everything that is wrong with the settings, so that a person
// has to start the program only once to learn it.
type reader struct {
	env    map[string]string
	known  []string         // every variable that means something, in the order of Config
	hidden map[string]bool  // variables whose value is a secret
	faults map[string]error // by variable, at most one each
}

// read fills a struct of settings from the variables that start with prefix.
func (r *reader) read(into any, prefix string) {
	fields := make(map[string]reflect.StructField)
	for field := range settings(into) {
		key := prefix + field.Tag.Get("env")
		fields[field.Name] = field
		r.known = append(r.known, key)
		if field.Tag.Get("file") == "true" {
			r.known = append(r.known, key+"_FILE")
			r.hidden[key] = field.Type == reflect.TypeFor[auth.Secret]()
			r.readFile(key)
		}
	}
	err := env.ParseWithOptions(into, env.Options{Environment: r.env, Prefix: prefix})
	all, _ := errors.AsType[env.AggregateError](err)
	for _, err := range all.Errors {
		wrong, ok := errors.AsType[env.ParseError](err)
		if !ok {
			panic(err) // a tag of Config is wrong
		}
		r.fail(prefix+fields[wrong.Name].Tag.Get("env"), parseAdvice(wrong))
	}
}

// settings yields the fields of a struct that are read from the environment.
func settings(of any) iter.Seq[reflect.StructField] {
	return func(yield func(reflect.StructField) bool) {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(of).Elem()) {
			if tag := field.Tag.Get("env"); tag != "" && tag != "-" && !yield(field) {
				return
			}
		}
	}
}

// readFile puts the content of the file that key_FILE names under key.
func (r *reader) readFile(key string) {
	path := r.env[key+"_FILE"]
	if path == "" {
		return
	}
	if r.env[key] != "" {
		r.faults[key] = fmt.Errorf("%s and %s_FILE are both set: keep one of them", key, key)
		return
	}
	content, err := readSecretFile(path)
	if err != nil {
		r.fail(key, err.Error()+"; write the path of a readable file that holds the value")
		return
	}
	r.env[key] = content
}

func readSecretFile(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", errors.New(reason(err))
	case !info.Mode().IsRegular():
		return "", errors.New("this is not a regular file")
	case info.Size() > secretFileMax:
		return "", fmt.Errorf("the file is larger than %d bytes", secretFileMax)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", errors.New(reason(err))
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		return "", errors.New("the file is empty")
	}
	return text, nil
}

// reason is an error without the path, which stands in the message already.
func reason(err error) string {
	if onPath, ok := errors.AsType[*fs.PathError](err); ok {
		return onPath.Err.Error()
	}
	return err.Error()
}

// fail notes that a variable must change; the advice says what to write. Of
// several faults of one variable the first stays.
func (r *reader) fail(key, advice string) {
	if r.faults[key] != nil {
		return
	}
	value, path := r.env[key], r.env[key+"_FILE"]
	switch {
	case path != "":
		r.faults[key] = fmt.Errorf("%s_FILE=%q: %s", key, path, advice)
	case value == "":
		r.faults[key] = fmt.Errorf("%s is not set: %s", key, advice)
	case r.hidden[key]:
		r.faults[key] = fmt.Errorf("%s: %s", key, advice)
	default:
		r.faults[key] = fmt.Errorf("%s=%q: %s", key, shown(value), advice)
	}
}

// err joins the faults in the order of Config.
func (r *reader) err() error {
	var errs []error
	for _, key := range r.known {
		errs = append(errs, r.faults[key])
	}
	return errors.Join(errs...)
}

// shown is a value fit for a message: without the user and password of an
// address, and not longer than a line.
func shown(value string) string {
	if scheme, rest, ok := strings.Cut(value, "://"); ok {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			value = scheme + "://…@" + rest[at+1:]
		}
	}
	if r := []rune(value); len(r) > 80 {
		value = string(r[:80]) + "…"
	}
	return value
}

func parseAdvice(wrong env.ParseError) string {
	switch wrong.Type {
	case reflect.TypeFor[Size]():
		return "write a size such as 256KiB, 20MB or 2GiB, or a number of bytes"
	case reflect.TypeFor[time.Duration]():
		return "write a duration such as 90s, 50m or 168h"
	case reflect.TypeFor[bool]():
		return "write true or false"
	case reflect.TypeFor[int]():
		return "write a whole number"
	default:
		return wrong.Err.Error() // the type's own UnmarshalText gives advice
	}
}

// warnings are the variables that do nothing, sorted by name.
func (r *reader) warnings(c Config) []string {
	var out []string
	if c.MQTTURL != "" && r.env[prefix+"MQTT_LISTEN"] != "" {
		out = append(out, prefix+"MQTT_LISTEN does nothing because "+prefix+"MQTT_URL names a broker")
	}
	for _, key := range slices.Sorted(maps.Keys(r.env)) {
		if strings.HasPrefix(key, prefix) && !slices.Contains(r.known, key) {
			out = append(out, unknown(key, r.known))
		}
	}
	return out
}
