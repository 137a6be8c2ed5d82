package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
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

const (
	askFor    = 2 * time.Second  // for the other processes to answer
	seekEvery = 5 * time.Second  // between two questions for a file of an entry
	settled   = 10 * time.Second // how long an entry has been here before it moves for a file: what is here comes first
	inUseFor  = 10 * time.Second // for reading the links of all other entries
)

// joinFleet connects this process to those that share the cluster's entries.
func (d *Daemon) joinFleet(ctx context.Context) (*cluster.Engine, error) {
	d.process = rand.Text()[:12]
	d.log = d.log.WithField("process", d.process)
	host, err := os.Hostname()
	if d.machine = cmp.Or(d.config.Machine, host); d.machine == "" {
		return nil, fmt.Errorf("this machine has no name: set %sMACHINE: %w", config.Prefix, err)
	}
	settings := d.config.Cluster
	settings.Log = d.log
	conn, err := cluster.Connect(ctx, settings)
	if err != nil {
		return nil, err
	}
	d.closers = append(d.closers, func() error { conn.Close(); return nil })
	engine := conn.Engine()
	d.fleet = fleet.New(conn.Shared(), engine, fleet.Config{
		Process: d.process, Group: groupOf(d.config.Entries), Idle: d.idle, Report: func() any { return d.status.Report() }, Log: d.log,
	})
	d.entries, d.failing = d.fleet, conn.Failing
	d.google.DialContext = d.guardedDial(d.google.DialContext)
	d.voice.pass = func(topic string, payload []byte) { d.tell(subjectLog, passed{topic, payload}) }
	close(d.ready)
	close(d.opened)
	for _, subject := range []string{subjectFile, subjectProject, subjectLog, subjectBirth, subjectStanding} {
		d.work("answer the fleet", func(ctx context.Context) error {
			return d.fleet.Serve(ctx, subject, func(ctx context.Context, text []byte) []byte { return d.hear(ctx, subject, text) })
		})
	}
	return engine, nil
}

// holds is whether this process may act for an entry right now.
func (d *Daemon) holds(entry string) func() bool {
	if d.fleet == nil {
		return func() bool { return true }
	}
	return func() bool { return d.fleet.Holds(entry) }
}

// idle reports whether nothing of an entry is on its way, neither an upload nor a person who links it.
func (d *Daemon) idle(entry string) bool {
	uploads := slices.ContainsFunc(d.hosted.All(), func(h *hosted) bool { return h.name == entry && !h.Idle() })
	return !uploads && !slices.ContainsFunc(d.links.All(), func(l *auth.Link) bool { return l.Entry() == entry && !l.State().Expires.IsZero() })
}

type (
	passed struct {
		Topic   string `json:"topic"`
		Payload []byte `json:"payload"`
	}
	toldProject struct {
		ID    string `json:"id"`
		State []byte `json:"state"`
	}
	foundFile struct {
		Machine string       `json:"machine"` // on which it was seen
		Seen    store.Source `json:"seen"`
	}
)

// tell says something to all other processes, if there are any; what is lost is said again sooner or later.
func (d *Daemon) tell(subject string, what any) {
	if d.fleet == nil {
		return
	}
	text, err := json.Marshal(what)
	if err == nil {
		err = d.fleet.Tell(subject, text)
	}
	if err != nil {
		d.log.WithError(err).WithField("op", subject).Debug("the fleet is not told")
	}
}

// hear takes what another process says or asks.
func (d *Daemon) hear(ctx context.Context, subject string, text []byte) []byte {
	switch subject {
	case subjectStanding:
		var entries []string
		if json.Unmarshal(text, &entries) == nil {
			answer, _ := json.Marshal(d.standingHere(entries)) //nolint:errchkjson // of texts alone
			return answer
		}
	case subjectBirth:
		d.refreshAll()
	case subjectLog:
		var m passed
		if conn := d.voice.now(); conn != nil && json.Unmarshal(text, &m) == nil {
			_ = conn.Send(ctx, m.Topic, m.Payload) // a line that is lost here is in the log
		}
	case subjectProject:
		var told toldProject
		if json.Unmarshal(text, &told) != nil || d.opening.Lock(ctx) != nil {
			return nil
		}
		project := d.projects[told.ID]
		d.opening.Unlock()
		if project != nil {
			project.Learn(told.State)
		}
	case subjectFile:
		var f foundFile
		if json.Unmarshal(text, &f) == nil && d.hasFile(ctx, f) {
			return []byte(d.machine)
		}
	}
	return nil
}

// hasFile reports whether a file is here: as it was seen, or on the machine on which it was, whatever has become of it there.
func (d *Daemon) hasFile(ctx context.Context, f foundFile) bool {
	file, err := d.media.Open(ctx, f.Seen.Path)
	if err != nil {
		return false
	}
	defer file.Close() //nolint:errcheck // only looked at
	return f.Machine == d.machine || media.Seen(f.Seen).Same(file.Seen)
}

// seekFiles moves an entry to a process that has a file which is not here, until ctx ends. Each move brings a file to Google, as nothing that
// is to be sent from here is left.
func (d *Daemon) seekFiles(h *hosted) task.Task {
	return task.Task{Name: "seek files", Run: func(ctx context.Context) error {
		began := time.Now()
		for {
			select {
			case <-ctx.Done():
				return nil
			case f := <-h.sought:
				text, err := json.Marshal(f)
				if err != nil {
					return err
				}
				if time.Since(began) > settled && !h.NeedsMachine() {
					d.moveTo(ctx, h.name, text)
				}
			}
			if wake.Sleep(ctx, nil, seekEvery) != nil {
				return nil //nolint:nilerr // a stop
			}
		}
	}}
}

func (d *Daemon) moveTo(ctx context.Context, entry string, file []byte) {
	asking, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	to := ""
	_, _ = d.fleet.Ask(asking, subjectFile, file, func(process string, answer []byte) bool { // who does not answer is asked again
		if len(answer) > 0 {
			to = process
		}
		return to != ""
	})
	if to != "" {
		d.log.WithField("entry", entry).WithField("to", to).Info("entry moves to where a file is")
		d.fleet.Move(entry, to)
	}
}

// inUse reports whether another entry has the account, wherever that runs. What cannot be found out counts as in use.
func (d *Daemon) inUse(name, account string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), inUseFor)
	defer cancel()
	here := map[string]bool{name: true}
	for _, l := range d.links.All() {
		if here[l.Entry()] = true; l.Entry() != name && l.State().Account.ID == account {
			return true
		}
	}
	return d.fleet != nil && slices.ContainsFunc(d.status.Names(), func(entry string) bool {
		if here[entry] {
			return false
		}
		other, err := auth.LinkedAccount(ctx, d.key, d.store.Links(), entry)
		return err != nil || other == account
	})
}

// askPages is a linkpage.Ask.
func (d *Daemon) askPages(ctx context.Context, visit []byte, found func(answer []byte) bool) bool {
	all, err := d.fleet.Ask(ctx, subjectPages, visit, func(_ string, answer []byte) bool { return found(answer) })
	if err != nil {
		d.log.WithError(err).WithField("op", "link").Warn("not all processes have answered a visitor of the linking pages")
	}
	return all && !d.moving()
}

// moving reports whether an entry runs in no process just now, as far as this one knows: then nobody can say that an address is unknown.
func (d *Daemon) moving() bool {
	here := map[string]bool{}
	for _, l := range d.links.All() {
		here[l.Entry()] = true
	}
	return slices.ContainsFunc(d.status.Names(), func(entry string) bool {
		holder := d.fleet.Holder(entry)
		return holder == "" || holder == d.process && !here[entry]
	})
}

// processes are all of the fleet, as bridge/health shows them.
func (d *Daemon) processes() map[string]bridge.Report {
	all := map[string]bridge.Report{}
	for id, p := range d.fleet.Processes() {
		var r bridge.Report
		_ = json.Unmarshal(p.Report, &r) // of a process of another version it may say less
		r.Leads, r.Leaving = p.Leads, p.Leaving
		all[id] = r
	}
	return all
}

// healthy says whether this process takes part in the fleet, for probes; nil: it is alone.
func (d *Daemon) healthy(next http.Handler) http.Handler {
	if d.fleet == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != HealthPath:
			next.ServeHTTP(w, r)
		case d.fleet.Alive():
			_, _ = fmt.Fprintln(w, "healthy")
		default:
			http.Error(w, "The lease of this process is not renewed. "+d.failing(), http.StatusServiceUnavailable)
		}
	})
}

// HealthPath is where a process of a fleet says whether it takes part.
const HealthPath = "/health"

// A guardedConn sends nothing once this process has no lease, whatever was on its way to it.
type guardedConn struct {
	net.Conn

	alive func() bool
}

func (c guardedConn) Write(p []byte) (int, error) {
	if !c.alive() {
		return 0, store.ErrLost
	}
	return c.Conn.Write(p)
}

type dialContext = func(ctx context.Context, network, address string) (net.Conn, error)

func (d *Daemon) guardedDial(dial dialContext) dialContext {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return guardedConn{conn, d.fleet.Alive}, nil
	}
}

// attempts are what a link's Attempts are kept in; nil: this process is alone.
func (d *Daemon) attempts() auth.Vault {
	if d.fleet == nil {
		return nil
	}
	return attempts{d.store}
}

// attempts keeps the sealed attempts to link an entry in its record "linking".
type attempts struct{ store *store.Store }

const attemptsRecord = "linking"

func (a attempts) Load(ctx context.Context, entry string) (sealed []byte, err error) {
	_, err = a.store.LoadState(ctx, entry, attemptsRecord, &sealed)
	return sealed, err
}

func (a attempts) Save(ctx context.Context, entry string, sealed []byte) error {
	return a.store.SaveState(ctx, entry, attemptsRecord, sealed)
}

func (a attempts) Delete(ctx context.Context, entry string) error {
	return a.store.DeleteState(ctx, entry, attemptsRecord)
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
