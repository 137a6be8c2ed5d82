package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A guide is the examples of docs/mqtt-api.md in their order, and how many of them
// have been published on each topic.
type guide struct {
	examples  []message
	published map[string]int
}

var exampleBlock = regexp.MustCompile("(?s)```text\n(\\S+)\n(.*?)```")

func readGuide() (*guide, error) {
	text, err := os.ReadFile("../docs/mqtt-api.md")
	if err != nil {
		return nil, err
	}
	g := &guide{published: map[string]int{}}
	for _, block := range exampleBlock.FindAllStringSubmatch(string(text), -1) {
		g.examples = append(g.examples, message{topic: block[1], payload: []byte(strings.TrimSuffix(block[2], "\n"))})
	}
	return g, nil
}

// on returns the examples on a topic.
func (g *guide) on(topic string) []message {
	var found []message
	for _, m := range g.examples {
		if m.topic == topic {
			found = append(found, m)
		}
	}
	return found
}

// example publishes the guide's next command on a topic, with OLD=>NEW replaced, and
// waits for its answer, which has to look like the one in the guide.
func (w *world) example(ts *testscript.TestScript, args []string) {
	if len(args) == 0 {
		ts.Fatalf("the arguments are TOPIC [OLD=>NEW...]")
	}
	if w.guide == nil {
		var err error
		w.guide, err = readGuide()
		ts.Check(err)
	}
	topic := fullTopic(args[0])
	commands, n := w.guide.on(topic), w.guide.published[topic]
	if n >= len(commands) {
		ts.Fatalf("the guide has only %d commands on %s", n, topic)
	}
	w.guide.published[topic]++
	payload := string(commands[n].payload)
	for _, arg := range args[1:] {
		before, after, _ := strings.Cut(arg, "=>")
		if !strings.Contains(payload, before) {
			ts.Fatalf("there is no %s in %s", before, payload)
		}
		payload = strings.ReplaceAll(payload, before, after)
	}
	w.pub(ts, []string{args[0], payload})
	if !strings.Contains(topic, "/request/") {
		w.answered(ts, topic+"/result", payload, w.guide.on(topic+"/result"))
		w.answered(ts, topic+"/result", payload, w.guide.on(topic+"/result"))
		return
	}
	topic = strings.Replace(topic, "/request/", "/response/", 1)
	w.answered(ts, topic, payload, w.guide.on(topic))
}

// answered waits for an answer that looks like one of those in the guide with the same status.
func (w *world) answered(ts *testscript.TestScript, topic, command string, documented []message) {
	ctx, cancel := w.deadline(ts)
	defer cancel()
	var err error
	w.last, err = w.inbox.take(ctx, topic, nil)
	ts.Check(err)
	var asked, got map[string]any
	_ = json.Unmarshal([]byte(command), &asked) // or it is no JSON
	ts.Check(json.Unmarshal(w.last.payload, &got))
	if !reflect.DeepEqual(got["transaction"], asked["transaction"]) {
		ts.Fatalf("the answer to %s has another transaction: %s", command, w.last)
	}
	errs := []error{fmt.Errorf("nothing like the answer to %s is in the guide: %s", command, w.last)}
	for _, m := range documented {
		var want map[string]any
		ts.Check(json.Unmarshal(m.payload, &want))
		if want["status"] != got["status"] {
			continue
		}
		err := sameShape("", want, got)
		if err == nil {
			return
		}
		errs = append(errs, err)
	}
	ts.Fatalf("%v", errors.Join(errs...))
}

// everyExample is for the end of a script: each command of the guide was published.
func (w *world) everyExample(ts *testscript.TestScript, args []string) {
	if len(args) != 0 {
		ts.Fatalf("there are no arguments")
	}
	command := regexp.MustCompile(`^gphotos/home/(upload|request/.*)$`)
	for _, m := range w.guide.examples {
		if all := len(w.guide.on(m.topic)); command.MatchString(m.topic) && w.guide.published[m.topic] != all {
			ts.Fatalf("of %d commands on %s only %d were published", all, m.topic, w.guide.published[m.topic])
		}
	}
}

// optional are the keys that only some answers have; all others are always there.
var optional = []string{"album_id", "error", "media_item_id", "path", "product_url", "truncated"}

// sameShape compares keys and types. null stands for a value that is not there, and
// of arrays each element has to look like one of those in the guide.
func sameShape(at string, want, got any) error {
	if want == nil || got == nil {
		return nil
	}
	if reflect.TypeOf(want) != reflect.TypeOf(got) {
		return fmt.Errorf("%s is %T, in the guide %T", at, got, want)
	}
	switch want := want.(type) {
	case map[string]any:
		got := got.(map[string]any)
		for key := range got {
			if _, ok := want[key]; !ok && !slices.Contains(optional, key) {
				return fmt.Errorf("%s.%s is not in the guide", at, key)
			}
		}
		for key, value := range want {
			inner, ok := got[key]
			if !ok && !slices.Contains(optional, key) {
				return fmt.Errorf("%s.%s is only in the guide", at, key)
			}
			if key == "transaction" {
				continue // whatever the command had
			}
			if err := sameShape(at+"."+key, value, inner); err != nil {
				return err
			}
		}
	case []any:
		for _, element := range got.([]any) {
			like := func(one any) bool { return sameShape(at, one, element) == nil }
			if !slices.ContainsFunc(want, like) && len(want) > 0 {
				return fmt.Errorf("%s has %v, which looks like none of %v", at, element, want)
			}
		}
	case string:
		if _, err := time.Parse(time.RFC3339, want); err == nil {
			if _, err := time.Parse(time.RFC3339, got.(string)); err != nil {
				return fmt.Errorf("%s is no time: %w", at, err)
			}
		}
	}
	return nil
}
