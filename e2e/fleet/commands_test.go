package fleet

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// What the commands say of a process of several, with its cluster and without.
func TestCommands(t *testing.T) {
	w := newWorld(t, "home")
	run := func(at *bridge, code int, command string, want ...string) {
		t.Helper()
		settings := append([]string{"GPHOTOS_HTTP_LISTEN=" + at.pages}, w.common...)
		p := e2etest.Start(t, e2etest.Command{Name: command, Path: "gphotos2mqtt", Args: []string{command}, Env: settings})
		for _, line := range want {
			p.Expect(line)
		}
		p.Exited(code)
	}
	nobody := &bridge{pages: "127.0.0.1:" + e2etest.Port(t)}
	run(nobody, 0, "check", `^note +replicas +nothing is kept there yet`)
	run(nobody, 1, "health", `^unhealthy: .*connection refused`)
	one, two := w.start("one"), w.start("two")
	w.online()
	w.link(two)
	run(one, 0, "check",
		`^ok +cluster +n0 answers, NATS 2\.\S+ with JetStream; 1 server is known`, `^ok +replicas +all records are on 1 server`,
		`^note +sync +the servers do not tell this user`, `^ok +entry home +online and linked`, `All is well`)
	for _, b := range []*bridge{one, two} { // one of them has no entry
		run(b, 0, "health", "^healthy")
	}
	own := w.common
	w.common = append(slices.Clone(own), "GPHOTOS_SECRET_KEY="+strings.Repeat("5e", 32))
	run(one, 1, "check", `^BAD +key +GPHOTOS_SECRET_KEY is not that of the processes of this cluster`)
	other := e2etest.Start(t, e2etest.Command{
		Name: "another key", Path: "gphotos2mqtt", Env: append([]string{"GPHOTOS_HTTP_LISTEN=127.0.0.1:0"}, w.common...),
	})
	other.Expect(`set GPHOTOS_SECRET_KEY to that of the other processes of this cluster`)
	other.Exited(1)
	w.common = own
	w.nats.Kill(0)
	run(one, 1, "check", `^BAD +cluster +no NATS server answers`)
	e2etest.Until(w, "the lease to be over", func() bool {
		answer, err := browser.Get("http://" + one.pages + "/health")
		if err == nil {
			err = answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusServiceUnavailable
	})
	run(one, 1, "health", `^unhealthy: The lease of this process is not renewed\. No server of the NATS cluster can be reached`)
	w.nats.Run(0)
	w.online()
	e2etest.Until(w, "the entry to be back", func() bool { return one.holds("home") || two.holds("home") })
}
