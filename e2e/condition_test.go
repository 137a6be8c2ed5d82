package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// A condition is what a message must have at a place: PATH=VALUE, with a string
// as it is and everything else as compact JSON, or PATH~REGEXP; PATH= also means
// that there is nothing. The path's elements
// are keys, array indexes, or len for an array's length, with dots between them; the
// empty path is the whole message.
type condition struct {
	text    string
	path    string
	want    string
	pattern *regexp.Regexp
}

type conditions []condition

func parseConditions(args []string) (conditions, error) {
	var conds conditions
	for _, arg := range args {
		at := strings.IndexAny(arg, "=~")
		if at < 0 {
			return nil, fmt.Errorf("%s is not PATH=VALUE or PATH~REGEXP", arg)
		}
		c := condition{text: arg, path: arg[:at], want: arg[at+1:]}
		if arg[at] == '~' {
			var err error
			if c.pattern, err = regexp.Compile(c.want); err != nil {
				return nil, err
			}
		}
		conds = append(conds, c)
	}
	return conds, nil
}

func (cs conditions) hold(payload []byte) bool {
	for _, c := range cs {
		got, err := lookUp(payload, c.path)
		missing := err != nil
		switch {
		case missing && (c.pattern != nil || c.want != ""),
			c.pattern == nil && got != c.want,
			c.pattern != nil && !c.pattern.MatchString(got):
			return false
		}
	}
	return true
}

func (cs conditions) String() string {
	var texts []string
	for _, c := range cs {
		texts = append(texts, c.text)
	}
	return "[" + strings.Join(texts, " ") + "]"
}

// lookUp returns what a JSON document has at a path.
func lookUp(document []byte, path string) (string, error) {
	if path == "" {
		return string(document), nil
	}
	var value any
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return "", err
	}
	for key := range strings.SplitSeq(path, ".") {
		var ok bool
		if value, ok = step(value, key); !ok {
			return "", fmt.Errorf("there is no %s", path)
		}
	}
	if text, ok := value.(string); ok {
		return text, nil
	}
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return strings.TrimSuffix(text.String(), "\n"), err
}

func step(value any, key string) (any, bool) {
	switch v := value.(type) {
	case map[string]any:
		inner, ok := v[key]
		return inner, ok
	case []any:
		if key == "len" {
			return json.Number(strconv.Itoa(len(v))), true
		}
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(v) {
			return v[i], true
		}
	}
	return nil, false
}

// save writes the payload of the message that was found last to a file.
func (e *env) save(ts *testscript.TestScript, args []string) {
	if len(args) != 1 {
		ts.Fatalf("the argument is FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), e.last.Payload, 0o600))
}

// let makes a variable of the script out of the message that was found last.
func (e *env) let(ts *testscript.TestScript, args []string) {
	name, path := two(ts, args, "VARIABLE", "PATH")
	value, err := lookUp(e.last.Payload, path)
	ts.Check(err)
	ts.Setenv(name, value)
}
