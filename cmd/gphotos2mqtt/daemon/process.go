package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/cluster"
	"gphotos2mqtt/cluster/fleet"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// What the processes of a fleet say to each other, by subject.
const (
	subjectPages    = "pages"    // a visit to the linking pages; the answer of who has the link
	subjectFile     = "file"     // a foundFile that is sought; anything of who has it
	subjectProject  = "project"  // a toldProject
	subjectLog      = "log"      // a passed message, for the process that leads
	subjectBirth    = "birth"    // Home Assistant has started
	subjectStanding = "standing" // names of entries; how those do that run there
)

const askFor = 2 * time.Second // for the other processes to answer

// A process is this one: what it was started with, and, in a fleet, how it gets along with the others. One that is alone holds all entries.
type process struct {
	config      config.Config // with the ports that it got
	version     string
	log         *logrus.Entry
	id, machine string       // in a fleet
	fleet       *fleet.Fleet // nil = it is alone
	conn        *cluster.Conn
}

// join makes it one of a fleet, whose engine it returns.
func (p *process) join(ctx context.Context, as fleet.Config) (*cluster.Engine, error) {
	p.id = rand.Text()[:12]
	p.log = p.log.WithField("process", p.id)
	host, err := os.Hostname()
	if p.machine = cmp.Or(p.config.Machine, host); p.machine == "" {
		return nil, fmt.Errorf("this machine has no name: set %sMACHINE: %w", config.Prefix, err)
	}
	settings := p.config.Cluster
	settings.Log = p.log
	if p.conn, err = cluster.Connect(ctx, settings); err != nil {
		return nil, err
	}
	engine := p.conn.Engine()
	as.Process, as.Group, as.Log = p.id, groupOf(p.config.Entries), p.log
	p.fleet = fleet.New(p.conn.Shared(), engine, as)
	return engine, nil
}

// groupOf is the group of the processes with the same entries in their settings; what was added at run time is the same in all.
func groupOf(entries []config.Entry) string {
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	sum := sha256.Sum256([]byte(strings.Join(names, ",")))
	return hex.EncodeToString(sum[:6])
}

func (p *process) alone() bool { return p.fleet == nil }

// holds is whether this process may act for an entry right now.
func (p *process) holds(entry string) func() bool {
	if p.alone() {
		return func() bool { return true }
	}
	return func() bool { return p.fleet.Holds(entry) }
}

// tell says something to all other processes, if there are any; what is lost is said again sooner or later.
func (p *process) tell(subject string, what any) {
	if p.alone() {
		return
	}
	text, err := json.Marshal(what)
	if err == nil {
		err = p.fleet.Tell(subject, text)
	}
	if err != nil {
		p.log.WithError(err).WithField("op", subject).Debug("the fleet is not told")
	}
}

// ask asks all other processes, until one has given an answer that is enough. Who does not answer in time is not known.
func (p *process) ask(ctx context.Context, subject string, what any, took func(process string, answer []byte) (enough bool)) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	if text, err := json.Marshal(what); err == nil && !p.alone() {
		_, _ = p.fleet.Ask(ctx, subject, text, took)
	}
}

// answering is the task that takes what other processes say or ask about a subject.
func (p *process) answering(subject string, answer func(ctx context.Context, text []byte) []byte) task.Task {
	return task.Task{Name: "answer the fleet", Run: func(ctx context.Context) error { return p.fleet.Serve(ctx, subject, answer) }}
}

// processes are all of the fleet, as bridge/health shows them.
func (p *process) processes() map[string]bridge.Report {
	all := map[string]bridge.Report{}
	for id, other := range p.fleet.Processes() {
		var r bridge.Report
		_ = json.Unmarshal(other.Report, &r) // of a process of another version it may say less
		r.Leads, r.Leaving = other.Leads, other.Leaving
		all[id] = r
	}
	return all
}

// HealthPath is where a process of a fleet says whether it takes part.
const HealthPath = "/health"

// healthy adds to the pages whether this process takes part in the fleet, for probes.
func (p *process) healthy(pages http.Handler) http.Handler {
	if p.alone() {
		return pages
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != HealthPath:
			pages.ServeHTTP(w, r)
		case p.fleet.Alive():
			_, _ = fmt.Fprintln(w, "healthy")
		default:
			http.Error(w, "The lease of this process is not renewed. "+p.conn.Failing(), http.StatusServiceUnavailable)
		}
	})
}
