package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cmd/gphotos2mqtt/catalog"
)

const (
	openAgain  = time.Second // the first pause after which an entry that has failed is opened again, doubled with each failure
	openSeldom = time.Minute // the longest
)

// entries has the entries run that are this process's, each as the catalog says by then, and tells how they stand.
type entries struct {
	process *process
	status  *bridge.Status
	host    *host
	catalog *catalog.Catalog
	remover *remover

	mu        sync.Mutex        // guards all below
	failures  map[string]string // why an entry that is to run here does not
	revisions map[string]uint64 // how the entries that run here were when they were opened, see catalog.Standing
}

func newEntries(p *process, s *bridge.Status, h *host) *entries {
	return &entries{process: p, status: s, host: h, failures: map[string]string{}, revisions: map[string]uint64{}}
}

// run runs an entry until ctx ends: again when it has failed by itself, and anew when it has other settings. One that is to be removed is. The
// error is the store's.
func (s *entries) run(ctx context.Context, name string) error {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.revisions, name)
		delete(s.failures, name)
	}()
	if e, there := s.catalog.Get(name); !s.process.alone() && there && e.Added != nil { // what came while this process was cut off may be missed
		if err := s.catalog.Refresh(ctx, name, 0); err != nil && ctx.Err() == nil {
			return err
		}
	}
	for pause := openAgain; ctx.Err() == nil; {
		e, there := s.catalog.Get(name)
		own, stop := context.WithCancel(ctx)
		leave := s.catalog.OnChange(name, e, stop)
		began := time.Now()
		var err error
		switch {
		case !there || e.Problem != "" && e.Removal() == nil:
			s.fail(name, e.Problem)
			<-own.Done()
		case e.Removal() != nil:
			s.host.openedFirst(name)
			err = s.remover.remove(own, e)
		default:
			s.mu.Lock()
			s.revisions[name] = e.Added.Revision()
			s.mu.Unlock()
			err = s.host.runEntry(own, e.Entry, func() { s.fail(name, "") })
		}
		leave()
		changed := own.Err() != nil
		stop()
		if ctx.Err() != nil || errors.Is(err, store.ErrEngine) {
			return err
		}
		if changed || err == nil || time.Since(began) > openSeldom {
			pause = openAgain
		}
		if err == nil {
			s.host.sessions.awaitEnd(ctx)
			continue
		}
		s.process.log.WithError(err).WithFields(map[string]any{"entry": name, "wait": pause.String()}).Error("entry failed and is opened again")
		s.fail(name, "The entry has failed and is opened again: see the log of the bridge.")
		_ = wake.Sleep(ctx, nil, pause)
		pause = min(2*pause, openSeldom)
	}
	return nil
}

// fail notes why an entry does not run; "" = it does.
func (s *entries) fail(name, problem string) {
	s.host.openedFirst(name)
	s.mu.Lock()
	if s.failures[name] = problem; problem == "" {
		delete(s.failures, name)
	}
	s.mu.Unlock()
	s.catalog.News()
}

// standing tells how the entries do that run here, and in a fleet asks the other processes for theirs.
func (s *entries) standing(ctx context.Context, names []string) map[string]catalog.Standing {
	all := s.standingHere(names)
	if len(all) < len(names) {
		s.process.ask(ctx, subjectStanding, names, func(_ string, answer []byte) bool {
			var there map[string]catalog.Standing
			if json.Unmarshal(answer, &there) == nil {
				maps.Copy(all, there)
			}
			return len(all) == len(names)
		})
	}
	return all
}

// answer tells it another process.
func (s *entries) answer(_ context.Context, text []byte) []byte {
	var names []string
	if json.Unmarshal(text, &names) != nil {
		return nil
	}
	answer, _ := json.Marshal(s.standingHere(names)) //nolint:errchkjson // of texts alone
	return answer
}

func (s *entries) standingHere(names []string) map[string]catalog.Standing {
	all := map[string]catalog.Standing{}
	s.mu.Lock()
	for name, problem := range s.failures {
		all[name] = catalog.Standing{Problem: problem, Process: s.process.id}
	}
	revisions := maps.Clone(s.revisions)
	s.mu.Unlock()
	for _, h := range s.host.here.All() {
		c := s.status.Connection(h.name)
		all[h.name] = catalog.Standing{
			Online: c.Connected, Problem: c.Problem, Link: string(h.link.State().Status), Process: s.process.id, Revision: revisions[h.name],
		}
	}
	maps.DeleteFunc(all, func(name string, _ catalog.Standing) bool { return !slices.Contains(names, name) })
	return all
}
