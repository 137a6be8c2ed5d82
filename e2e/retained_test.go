package e2e_test

import (
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gphotos2mqtt/e2e/e2etest"
)

// retained looks again and again until what is retained is as expected.
func (e *env) retained(ts *testscript.TestScript, args []string) {
	topic, conds := expected(ts, args)
	e.awaitRetained(topic, conds, nil)
}

// awaitRetained gives up when the program that is to publish it has ended.
func (e *env) awaitRetained(topic string, conds conditions, over <-chan struct{}) {
	limit := time.After(e2etest.Patience)
	again := time.NewTicker(20 * time.Millisecond) // broker and bridge are to have time for others
	defer again.Stop()
	for {
		if found, ok := e2etest.Retained(e, e.clientOptions(), topic, over); ok {
			e.last = found
			if conds.hold(found.Payload) {
				return
			}
		}
		select {
		case <-again.C:
		case <-limit:
			e.Fatalf("nothing with %s is retained on %s; the last message was:\n%s", conds, topic, e.last)
		}
	}
}

func (e *env) absent(ts *testscript.TestScript, args []string) {
	topic, _ := expected(ts, args)
	if found, ok := e2etest.Retained(e, e.clientOptions(), topic, nil); ok {
		ts.Fatalf("retained is: %s", found)
	}
}
