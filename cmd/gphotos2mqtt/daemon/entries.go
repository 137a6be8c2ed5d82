package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/mirror"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cmd/gphotos2mqtt/catalog"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// revokeLimit is how long Google may take to be told that the link of a removed entry ends.
const revokeLimit = 10 * time.Second

func (d *Daemon) openCatalog(ctx context.Context) (err error) {
	d.catalog, err = catalog.Open(ctx, catalog.Config{
		Settings: d.config, Store: d.store, Most: d.config.MaxEntries, Log: d.log, Follow: d.follow, Waiting: d.waiting, Standing: d.standing,
		Shared: d.fleet != nil,
	})
	if err != nil {
		return err
	}
	d.work("added entries", d.catalog.Run)
	names := d.catalog.Names()
	if d.fleet == nil {
		for _, name := range names {
			d.toOpen[name] = true
		}
		if len(names) == 0 {
			close(d.opened)
		}
	}
	if len(names) == 0 {
		d.log.WithField("topic", mqttapi.Topics{Root: d.config.Topic}.Bridge("request/entry/add")).
			Warn("there is no entry: add one by a request, or name one in GPHOTOS_ENTRIES")
	}
	return d.follow(ctx)
}

// follow lets all know which entries there are now.
func (d *Daemon) follow(ctx context.Context) error {
	if err := d.status.Know(ctx, d.catalog.Staying()); err != nil {
		return err
	}
	names := d.catalog.Names()
	d.memory.limit(len(names))
	d.checkFiles(len(names))
	d.entries.Want(names)
	return nil
}

// waiting is how many uploads have no result yet that the broker has.
func (d *Daemon) waiting(ctx context.Context, entry string) (n int, err error) {
	jobs, err := d.store.Jobs(ctx, entry)
	if damaged, ok := errors.AsType[*store.DamagedError](err); ok {
		n, err = len(damaged.IDs), nil
	}
	for _, j := range jobs {
		if j.State != store.JobRetained {
			n++
		}
	}
	return n, err
}

// standing tells how the entries do that run here, and in a fleet asks the other processes for theirs.
func (d *Daemon) standing(ctx context.Context, entries []string) map[string]catalog.Standing {
	all := d.standingHere(entries)
	if d.fleet == nil || len(all) == len(entries) {
		return all
	}
	question, err := json.Marshal(entries)
	if err != nil {
		return all
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	_, _ = d.fleet.Ask(ctx, subjectStanding, question, func(_ string, answer []byte) bool { // who does not answer is not known
		var there map[string]catalog.Standing
		if json.Unmarshal(answer, &there) == nil {
			maps.Copy(all, there)
		}
		return len(all) == len(entries)
	})
	return all
}

func (d *Daemon) standingHere(entries []string) map[string]catalog.Standing {
	all := map[string]catalog.Standing{}
	d.mu.Lock()
	for name, problem := range d.failures {
		all[name] = catalog.Standing{Problem: problem, Process: d.process}
	}
	revisions := maps.Clone(d.revisions)
	d.mu.Unlock()
	for _, h := range d.hosted.All() {
		c := d.status.Connection(h.name)
		all[h.name] = catalog.Standing{
			Online: c.Connected, Problem: c.Problem, Link: string(h.link.State().Status), Process: d.process, Revision: revisions[h.name],
		}
	}
	maps.DeleteFunc(all, func(name string, _ catalog.Standing) bool { return !slices.Contains(entries, name) })
	return all
}

// removeEntry takes away all that there is of an entry that does not run, unless uploads are waiting that nobody has given up. A stop on
// the way has it gone through again from its beginning; what is gone by then is found gone.
func (d *Daemon) removeEntry(ctx context.Context, e catalog.Entry) error {
	if wake.Sleep(ctx, d.ready, 0) != nil {
		return nil //nolint:nilerr // a stop
	}
	r, log := e.Removal(), d.log.WithField("entry", e.Name)
	if !r.Force && !r.Keep {
		if uploads, err := d.waiting(ctx, e.Name); err != nil {
			return err
		} else if uploads > 0 {
			return d.catalog.Refuse(ctx, e, uploads)
		}
	}
	d.empty(ctx, e.Name, d.config.Topic)
	var err error
	d.asEntry(ctx, e.Name, true, nil, func(ctx context.Context, conn *broker.Conn) { // the broker forgets a session when a clean one begins
		err = d.status.ClearEntry(ctx, e.Name, conn.Clear) // which albums were listed is in the store until then
	})
	if ctx.Err() != nil {
		return nil //nolint:nilerr // a stop
	}
	if err == nil && !r.Keep {
		d.endLink(ctx, e, r.Revoke)
		d.finishFiles(ctx, e.Name)
		if err := mirror.Clear(ctx, mirror.Config{Entry: e.Name, Store: d.store, Media: d.media, Log: log}); err != nil && ctx.Err() == nil {
			log.WithError(err).Warn("mirrored files of a removed entry are left")
		}
		err = d.store.Forget(ctx, e.Name)
	}
	if err == nil {
		err = d.status.SessionEnded(ctx, e.Name)
	}
	if err == nil {
		err = d.catalog.Removed(ctx, e)
	}
	if err == nil {
		log.Info("entry removed")
	}
	return err
}

// finishFiles deletes or moves the files that were put aside for that after their upload: under their hidden names nobody would find them.
func (d *Daemon) finishFiles(ctx context.Context, entry string) {
	jobs, _ := d.store.Jobs(ctx, entry) // of a damaged one nothing is known
	for _, j := range jobs {
		for _, f := range j.Files {
			if f.Status != store.FileMade || f.After == nil || f.After.Aside == "" {
				continue
			}
			if _, err := d.media.Do(ctx, media.After{
				Folder: f.After.Folder, Seen: media.Seen(f.After.Seen), Sum: f.SHA256, Skip: f.After.Skip, Aside: f.After.Aside, Target: f.After.Target,
			}, func(media.After) error { return nil }); err != nil {
				d.log.WithError(err).WithFields(map[string]any{"entry": entry, "file": f.After.Aside}).
					Warn("uploaded file of a removed entry stays under a hidden name")
			}
		}
	}
}

// endLink has Google told that the link ends, if that is wanted and can be done soon. What is stored of it goes with the rest.
func (d *Daemon) endLink(ctx context.Context, e catalog.Entry, revoke bool) {
	ctx, cancel := context.WithTimeout(ctx, revokeLimit)
	defer cancel()
	sealed, err := d.store.Links().Load(ctx, e.Name)
	if err == nil && sealed != nil {
		var link *auth.Link
		if link, err = d.OpenLink(ctx, e.Entry); err == nil {
			err = link.Unlink(ctx, revoke)
		}
	}
	if err != nil {
		d.log.WithError(err).WithFields(map[string]any{"entry": e.Name, "op": "unlink"}).
			Warn("google was not told that a removed entry has no access any more: end it at https://myaccount.google.com/permissions")
	}
}
