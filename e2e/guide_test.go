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

	"gphotos2mqtt/e2e/e2etest"
)

// A guide is the examples of docs/mqtt-api.md in their order, and how many of them
// have been published on each topic.
type guide struct {
	examples  []e2etest.Message
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
		g.examples = append(g.examples, e2etest.Message{Topic: block[1], Payload: []byte(strings.TrimSuffix(block[2], "\n"))})
	}
	return g, nil
}

// on returns the examples on a topic.
func (g *guide) on(topic string) []e2etest.Message {
	var found []e2etest.Message
	for _, m := range g.examples {
		if m.Topic == topic {
			found = append(found, m)
		}
	}
	return found
}

// example publishes the guide's next command on a topic, with OLD=>NEW replaced, and
// waits for its answer, which has to look like the one in the guide.
func (e *env) example(ts *testscript.TestScript, args []string) {
	if len(args) == 0 {
		ts.Fatalf("the arguments are TOPIC [OLD=>NEW...]")
	}
	if e.guide == nil {
		var err error
		e.guide, err = readGuide()
		ts.Check(err)
	}
	topic := fullTopic(args[0])
	commands, n := e.guide.on(topic), e.guide.published[topic]
	if n >= len(commands) {
		ts.Fatalf("the guide has only %d commands on %s", n, topic)
	}
	e.guide.published[topic]++
	payload := string(commands[n].Payload)
	for _, arg := range args[1:] {
		before, after, _ := strings.Cut(arg, "=>")
		if !strings.Contains(payload, before) {
			ts.Fatalf("there is no %s in %s", before, payload)
		}
		payload = strings.ReplaceAll(payload, before, after)
	}
	e.pub(ts, []string{args[0], payload})
	if !strings.Contains(topic, "/request/") {
		e.answered(ts, topic+"/result", payload, e.guide.on(topic+"/result"))
		e.answered(ts, topic+"/result", payload, e.guide.on(topic+"/result"))
		return
	}
	topic = strings.Replace(topic, "/request/", "/response/", 1)
	e.answered(ts, topic, payload, e.guide.on(topic))
}

// answered waits for an answer that looks like one of those in the guide with the same status.
func (e *env) answered(ts *testscript.TestScript, topic, command string, documented []e2etest.Message) {
	e.last = e.messages.Expect(topic, "an answer", nil)
	var asked, got map[string]any
	_ = json.Unmarshal([]byte(command), &asked) // or it is no JSON
	ts.Check(json.Unmarshal(e.last.Payload, &got))
	if !reflect.DeepEqual(got["transaction"], asked["transaction"]) {
		ts.Fatalf("the answer to %s has another transaction: %s", command, e.last)
	}
	errs := []error{fmt.Errorf("nothing like the answer to %s is in the guide: %s", command, e.last)}
	for _, m := range documented {
		var want map[string]any
		ts.Check(json.Unmarshal(m.Payload, &want))
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
func (e *env) everyExample(ts *testscript.TestScript, args []string) {
	if len(args) != 0 {
		ts.Fatalf("there are no arguments")
	}
	command := regexp.MustCompile(`^gphotos/home/(upload|request/.*)$`)
	for _, m := range e.guide.examples {
		if all := len(e.guide.on(m.Topic)); command.MatchString(m.Topic) && e.guide.published[m.Topic] != all {
			ts.Fatalf("of %d commands on %s only %d were published", all, m.Topic, e.guide.published[m.Topic])
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
