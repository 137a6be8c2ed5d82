package daemon

import (
	"context"
	"errors"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/mirror"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/cmd/gphotos2mqtt/catalog"
	"gphotos2mqtt/mqttapi/broker"
)

// revokeLimit is how long Google may take to be told that the link of a removed entry ends.
const revokeLimit = 10 * time.Second

// A remover takes away entries for good.
type remover struct {
	process  *process
	store    *store.Store
	media    *media.Folders
	status   *bridge.Status
	links    *links
	sessions *sessions
	catalog  *catalog.Catalog
}

// remove takes away all that there is of an entry that does not run, unless uploads are waiting that nobody has given up. A stop on the way
// has it gone through again from its beginning; what is gone by then is found gone.
func (r *remover) remove(ctx context.Context, e catalog.Entry) error {
	if err := r.sessions.await(ctx, e.Name); err != nil || ctx.Err() != nil {
		return err
	}
	asked, log := e.Removal(), r.process.log.WithField("entry", e.Name)
	if !asked.Force && !asked.Keep {
		if uploads, err := waiting(ctx, r.store, e.Name); err != nil {
			return err
		} else if uploads > 0 {
			return r.catalog.Refuse(ctx, e, uploads)
		}
	}
	r.sessions.empty(ctx, e.Name, r.process.config.Topic)
	var err error
	r.sessions.as(ctx, e.Name, true, nil, func(ctx context.Context, conn *broker.Conn) { // the broker forgets a session when a clean one begins
		err = r.status.ClearEntry(ctx, e.Name, conn.Clear) // which albums were listed is in the store until then
	})
	if ctx.Err() != nil {
		return nil //nolint:nilerr // a stop
	}
	if err == nil && !asked.Keep {
		r.endLink(ctx, e, asked.Revoke)
		r.finishFiles(ctx, e.Name)
		if err := mirror.Clear(ctx, mirror.Config{Entry: e.Name, Store: r.store, Media: r.media, Log: log}); err != nil && ctx.Err() == nil {
			log.WithError(err).Warn("mirrored files of a removed entry are left")
		}
		err = r.store.Forget(ctx, e.Name)
	}
	if err == nil {
		err = r.status.SessionEnded(ctx, e.Name)
	}
	if err == nil {
		err = r.catalog.Removed(ctx, e)
	}
	if err == nil {
		log.Info("entry removed")
	}
	return err
}

// waiting is how many uploads have no result yet that the broker has.
func waiting(ctx context.Context, s *store.Store, entry string) (n int, err error) {
	jobs, err := s.Jobs(ctx, entry)
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

// endLink has Google told that the link ends, if that is wanted and can be done soon. What is stored of it goes with the rest.
func (r *remover) endLink(ctx context.Context, e catalog.Entry, revoke bool) {
	ctx, cancel := context.WithTimeout(ctx, revokeLimit)
	defer cancel()
	sealed, err := r.store.Links().Load(ctx, e.Name)
	if err == nil && sealed != nil {
		var link *auth.Link
		if link, err = r.links.open(ctx, e.Entry); err == nil {
			err = link.Unlink(ctx, revoke)
		}
	}
	if err != nil {
		r.process.log.WithError(err).WithFields(map[string]any{"entry": e.Name, "op": "unlink"}).
			Warn("google was not told that a removed entry has no access any more: end it at https://myaccount.google.com/permissions")
	}
}

// finishFiles deletes or moves the files that were put aside for that after their upload: under their hidden names nobody would find them.
func (r *remover) finishFiles(ctx context.Context, entry string) {
	jobs, _ := r.store.Jobs(ctx, entry) // of a damaged one nothing is known
	for _, j := range jobs {
		for _, f := range j.Files {
			if f.Status != store.FileMade || f.After == nil || f.After.Aside == "" {
				continue
			}
			if _, err := r.media.Do(ctx, media.After{
				Folder: f.After.Folder, Seen: media.Seen(f.After.Seen), Sum: f.SHA256, Skip: f.After.Skip, Aside: f.After.Aside, Target: f.After.Target,
			}, func(media.After) error { return nil }); err != nil {
				r.process.log.WithError(err).WithFields(map[string]any{"entry": entry, "file": f.After.Aside}).
					Warn("uploaded file of a removed entry stays under a hidden name")
			}
		}
	}
}
