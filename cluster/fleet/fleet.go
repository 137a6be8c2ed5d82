// Package fleet lets several processes share the entries of a cluster, each entry in one of them at a time, and one of them lead.
//
// A process has a lease, a key that it renews and whose end the others see. It stops what it runs before its lease can end, whatever keeps it
// from renewing; an entry's owner record, changed by compare-and-set, says who has it, and its revision is the fence of all that is written
// for the entry. So two processes never both may act for one, and what a former one still has in hand is refused. No clock but a process's
// own is relied on: others bury it, also by compare-and-set, when they have seen nothing of it for as long as a lease lasts.
//
//	what                              when again, and until when
//	renewal of the lease              after a tenth of the time between two, for as long as the process runs
//	an entry that cannot be taken     after 1 s, or when its owner record changes
//	what is watched                   after a fifth of the time between two renewals, or anew once a lease was not renewed in time
//	a process that is silent          looked at again when its lease may have ended
package fleet

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cluster"
)

// Leading is the name under which one process of the fleet leads: it is held as an entry is, and no entry can bear it.
const Leading = "bridge"

const (
	claimsAtOnce = 16              // how many entries are taken and loaded at a time
	claimPause   = time.Second     // after an entry could not be taken
	recordLimit  = 5 * time.Second // for one change of an owner record
)

// Config says how a process takes part in a fleet.
type Config struct {
	Process string // its id, another one at each start; needed
	// Group is the same in processes that want the same entries by their settings: those share them evenly. Of another group, as while
	// settings are being changed, none is relied on to take what this process leaves, since it may not want it.
	Group string
	Renew time.Duration // between two renewals of its lease; default a third of the lease's time to live (cluster.Config)
	Stop  time.Duration // after it has sent its last renewal, until its own entries are stopped; default four fifths of the same
	Pace  time.Duration // between two entries that it gives back to a process that has fewer; default 1 s
	// Idle reports whether an entry has nothing to do just now: those are given back first. nil: all are alike.
	Idle   func(entry string) bool
	Report func() any // what the others see of this process, as JSON, with each renewal; nil: nothing
	// Seen is called with what a process, also this one, has reported, and with nil when it is gone. nil: nobody cares.
	Seen func(process string, report []byte)
	Log  *logrus.Entry // needed
}

// A Fleet is this process among those that share a cluster. At any time each entry runs in one of them at most. All methods may be called
// from several goroutines.
type Fleet struct {
	cfg     Config
	shared  cluster.Shared
	entries *cluster.Engine
	began   time.Time

	urgent   wake.Flag // the lease is to be renewed now
	news     wake.Flag // it is to be renewed soon, for what it reports
	extended wake.Flag // deadline has changed
	again    wake.Flag // what is watched is to be read anew
	changed  wake.Flag // entries may be to be taken or given back

	mu       sync.Mutex    // guards all below; nothing is called while it is held
	deadline time.Duration // by now: until then the lease surely lasts
	lease    uint64        // the revision of this process's key; 0 = it is not there
	checked  uint64        // what that was when it was last looked whether it was seen
	checking time.Duration // when that was, by now
	leaving  bool
	known    bool // members and owners are complete
	members  map[string]member
	owners   map[string]owner // by entry
	want     map[string]bool
	runs     map[string]*run
	given    time.Duration // when an entry was given back last
}

// New makes this process one of those that share the entries of a cluster. What there is of its entries, the engine claims.
func New(shared cluster.Shared, engine *cluster.Engine, cfg Config) *Fleet {
	ttl := shared.Lease
	cfg.Renew, cfg.Stop, cfg.Pace = cmp.Or(cfg.Renew, ttl/3), cmp.Or(cfg.Stop, ttl/5*4), cmp.Or(cfg.Pace, time.Second)
	return &Fleet{
		cfg: cfg, shared: shared, entries: engine, began: time.Now(),
		urgent: wake.NewFlag(), news: wake.NewFlag(), extended: wake.NewFlag(), again: wake.NewFlag(), changed: wake.NewFlag(),
		members: map[string]member{}, owners: map[string]owner{}, runs: map[string]*run{},
	}
}

// Want says which entries there are now, in place of what it was told before. Those that are gone are stopped.
func (f *Fleet) Want(entries []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.want = map[string]bool{}
	for _, entry := range entries {
		f.want[entry] = true
	}
	for entry, r := range f.runs {
		if !f.wanted(entry) {
			r.cancel(errUnwanted)
		}
	}
	f.changed.Set()
}

// wanted reports whether an entry is to run. The caller holds mu.
func (f *Fleet) wanted(entry string) bool { return entry == Leading || f.want[entry] }

// Holds reports whether this process may act for the entry, or lead, right now. From the moment at which it may not, it has to be silent.
func (f *Fleet) Holds(entry string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runs[entry]
	return r != nil && r.fence != 0 && !r.lost && f.now() < f.deadline
}

// Alive reports whether this process may act for any entry right now.
func (f *Fleet) Alive() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now() < f.deadline
}

// Run takes part in the fleet until ctx ends: it runs the entries that it holds, each once at a time, with a context that ends when it is to
// stop, by engine.ErrLost when it was lost. At the end all are handed over. An error of run ends Run, but ErrLost, which ends that entry alone.
func (f *Fleet) Run(ctx context.Context, runEntry func(ctx context.Context, entry string) error) error {
	g, ctx := errgroup.WithContext(ctx)
	lasting, end := context.WithCancel(context.WithoutCancel(ctx)) // the lease outlasts the entries
	var fleet errgroup.Group
	fleet.Go(func() error { return f.keepLease(lasting) })
	fleet.Go(func() error { return f.renewEarly(lasting) })
	fleet.Go(func() error { return f.stopInTime(lasting) })
	fleet.Go(func() error { return f.watch(lasting) })
	g.Go(func() error { return f.tend(ctx, g, runEntry) })
	<-ctx.Done()
	f.mu.Lock()
	f.leaving = true
	f.mu.Unlock()
	f.urgent.Set()
	err := g.Wait()
	end()
	return errors.Join(err, fleet.Wait())
}

// tend takes and gives back entries until ctx ends.
func (f *Fleet) tend(ctx context.Context, g *errgroup.Group, runEntry func(ctx context.Context, entry string) error) error {
	slots := make(chan struct{}, claimsAtOnce)
	for ctx.Err() == nil {
		next := f.bury(ctx)
		take, wait := f.plan()
		for entry, at := range take {
			r := f.begin(ctx, entry)
			if r == nil {
				continue
			}
			g.Go(func() error {
				defer f.changed.Set()
				return f.hold(r, entry, at, slots, runEntry)
			})
		}
		if wait == 0 || next > 0 && next < wait {
			wait = next
		}
		_ = wake.Sleep(ctx, f.changed, wait)
	}
	return nil
}

// plan says which entries to take now, at which record each. When there are too many, it gives one back, and says how long until the next.
func (f *Fleet) plan() (take map[string]owner, wait time.Duration) {
	f.mu.Lock()
	holder, live, ready := f.view()
	if !ready {
		f.mu.Unlock()
		return nil, 0
	}
	chosen, surplus := spread(live, holder, f.cfg.Process)
	if leads := f.owners[Leading].Process; leads == f.cfg.Process || !f.lives(leads) {
		chosen = append(chosen, Leading)
	}
	settled := true
	var may []string // be given back
	for entry, process := range holder {
		r := f.runs[entry]
		switch settled = settled && process != ""; {
		case process == f.cfg.Process && r == nil: // an earlier run has left it, or it is sent to us
			chosen = append(chosen, entry)
		case r != nil && r.ctx.Err() != nil:
			surplus-- // it is just being given back
		case r != nil && r.fence != 0 && !r.moved:
			may = append(may, entry)
		}
	}
	take = map[string]owner{}
	for _, entry := range chosen {
		if f.runs[entry] == nil {
			take[entry] = f.owners[entry]
		}
	}
	next := f.given + f.cfg.Pace
	wait = next - f.now()
	f.mu.Unlock()
	if surplus <= 0 || !settled || len(may) == 0 {
		return take, 0
	}
	if next > f.cfg.Pace && wait > 0 {
		return take, wait
	}
	slices.Sort(may)
	if i := slices.IndexFunc(may, func(entry string) bool { return f.cfg.Idle != nil && f.cfg.Idle(entry) }); i > 0 {
		may[0] = may[i]
	}
	f.Move(may[0], "")
	return take, f.cfg.Pace
}

// view is what this process knows of the fleet: who has which entry, and who of its group takes more. The caller holds mu.
func (f *Fleet) view() (holder map[string]string, live []string, ready bool) {
	if !f.known || f.leaving || f.now() >= f.deadline {
		return nil, nil, false
	}
	live, takers := []string{f.cfg.Process}, map[string]bool{f.cfg.Process: true}
	for id, m := range f.members {
		if id != f.cfg.Process && f.lives(id) && m.revision != 0 && !m.lease.Leaving {
			if takers[id] = true; m.lease.Group == f.cfg.Group {
				live = append(live, id)
			}
		}
	}
	holder = map[string]string{}
	for entry := range f.want {
		switch o := f.owners[entry]; {
		case o.Process == f.cfg.Process, o.Process != "" && f.lives(o.Process):
			holder[entry] = o.Process
		case o.Process == "" && takers[o.To]:
			holder[entry] = o.To
		default:
			holder[entry] = ""
		}
	}
	return holder, live, true
}

// Move gives an entry that this process runs to another one, "" = to whom it falls. It stops in order first.
func (f *Fleet) Move(entry, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.runs[entry]; r != nil && r.ctx.Err() == nil {
		r.to, f.given = to, f.now()
		r.cancel(errMoved)
	}
}
