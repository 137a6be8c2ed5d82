package cluster_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// A broker is a Mosquitto that keeps what it has over an orderly restart, and says who
// connects.
type broker struct {
	tb testing.TB
	*site
	dir     string
	process *e2etest.Process
	before  string // what those printed that ran before
}

func startBroker(tb testing.TB, n *network) *broker {
	tb.Helper()
	b := &broker{tb: tb, site: n.site("broker"), dir: tb.TempDir()}
	b.start()
	return b
}

// start starts it again.
// Source: https://mosquitto.org/man/mosquitto-conf-5.html
func (b *broker) start() {
	b.tb.Helper()
	if b.process != nil {
		b.before += b.process.Output()
	}
	b.addr("mqtt")
	config := filepath.Join(b.dir, "mosquitto.conf")
	text := fmt.Sprintf(`listener %s %s
allow_anonymous true
user root
log_dest stderr
log_timestamp_format %%Y-%%m-%%dT%%H:%%M:%%SZ
set_tcp_nodelay true
max_queued_messages 0
persistence true
persistence_location %s/
`, b.ports["mqtt"], b.host, b.dir)
	e2etest.Must(b.tb, os.WriteFile(config, []byte(text), 0o600))
	b.in(func() {
		b.process = e2etest.Start(b.tb, e2etest.Command{Name: "broker", Path: "mosquitto", Args: []string{"-c", config}, Dir: b.dir})
	})
	b.process.Expect(`mosquitto version \S+ running`)
}

// printed is all that it has said, over its restarts.
func (b *broker) printed() string { return b.before + b.process.Output() }
