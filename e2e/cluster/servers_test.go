package cluster_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/e2e/e2etest"
)

// The user of NATS that the bridges are.
const natsUser, natsPassword = "bridges", "of-the-servers"

// servers are a JetStream cluster, which syncs each write before it acknowledges it.
type servers struct {
	tb    testing.TB
	sites []*site
	dir   string

	processes []*e2etest.Process // nil while one is down
}

const serverCount = 3

func newServers(tb testing.TB, n *network) *servers {
	tb.Helper()
	s := &servers{tb: tb, dir: tb.TempDir(), processes: make([]*e2etest.Process, serverCount)}
	for i := range serverCount {
		s.sites = append(s.sites, n.site(fmt.Sprint("nats-", i)))
	}
	for i := range serverCount {
		s.start(i)
	}
	s.ready()
	return s
}

// start starts a server, or lets one that was down come back with what it had.
// Source: https://docs.nats.io/running-a-nats-service/configuration
func (s *servers) start(i int) {
	s.tb.Helper()
	at := s.sites[i]
	var routes []string
	for j, other := range s.sites {
		if j != i {
			routes = append(routes, fmt.Sprintf("%q", "nats://"+at.network.reach(at, other, "route")))
		}
	}
	advertise := ""
	if at.space == nil { // what others hear of a server's address would lead past the proxies
		advertise = `advertise: "127.0.0.1:1", no_advertise: true`
	}
	config := filepath.Join(s.dir, at.name+".conf")
	text := fmt.Sprintf(`
server_name: %[1]s
listen: %[2]q
http: %[3]q
authorization { user: %[8]s, password: %[9]s }
jetstream { store_dir: %[4]q, sync_interval: always }
cluster { name: gphotos, listen: %[5]q, routes: [%[6]s], %[7]s }
`, at.name, at.addr("client"), at.addr("monitor"), filepath.Join(s.dir, at.name), at.addr("route"), strings.Join(routes, ", "), advertise,
		natsUser, natsPassword)
	e2etest.Must(s.tb, os.WriteFile(config, []byte(text), 0o600))
	at.in(func() {
		s.processes[i] = e2etest.Start(s.tb, e2etest.Command{Name: at.name, Path: "nats-server", Args: []string{"-c", config}, Dir: s.dir})
	})
	s.processes[i].Expect("Server is ready")
}

// kill ends a server as a crash does.
func (s *servers) kill(i int) {
	s.tb.Helper()
	s.processes[i].Signal(syscall.SIGKILL)
}

// ready waits until every server that runs says that it is whole.
func (s *servers) ready() {
	s.tb.Helper()
	for i, p := range s.processes {
		if !p.Over() {
			e2etest.Until(s.tb, s.sites[i].name+" to be healthy", func() bool {
				answer, err := monitor.Get("http://" + s.sites[i].addr("monitor") + "/healthz")
				if err == nil {
					err = answer.Body.Close()
				}
				if err == nil && answer.StatusCode == http.StatusOK {
					return true
				}
				time.Sleep(50 * time.Millisecond) // it prints each answer that it is not
				return false
			})
		}
	}
}

var monitor = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// traffic is what clients have sent to a server that runs.
// Source: https://docs.nats.io/running-a-nats-service/nats_admin/monitoring
type traffic struct {
	Messages int64 `json:"in_client_msgs"`
	Bytes    int64 `json:"in_client_bytes"`
}

func (s *servers) traffic(i int) (t traffic) {
	s.tb.Helper()
	answer, err := monitor.Get("http://" + s.sites[i].addr("monitor") + "/varz")
	e2etest.Must(s.tb, err)
	defer answer.Body.Close()
	e2etest.Must(s.tb, json.NewDecoder(answer.Body).Decode(&t))
	return t
}

// urls are how a site reaches the servers.
func (s *servers) urls(from *site) string {
	s.tb.Helper()
	var urls []string
	for _, to := range s.sites {
		urls = append(urls, "nats://"+from.network.reach(from, to, "client"))
	}
	return strings.Join(urls, ",")
}

// connect is the test's own connection, past the proxies.
func (s *servers) connect() jetstream.JetStream {
	s.tb.Helper()
	var urls []string
	for _, to := range s.sites {
		urls = append(urls, "nats://"+to.addr("client"))
	}
	conn, err := nats.Connect(strings.Join(urls, ","), nats.UserInfo(natsUser, natsPassword), nats.MaxReconnects(-1),
		nats.ReconnectWait(100*time.Millisecond), nats.RetryOnFailedConnect(true), nats.Timeout(time.Second),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	e2etest.Must(s.tb, err)
	s.tb.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	e2etest.Must(s.tb, err)
	return js
}
