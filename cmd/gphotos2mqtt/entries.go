package main

import (
	"context"
	"errors"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/mirror"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cmd/gphotos2mqtt/catalog"
)

// revokeLimit is how long Google may take to be told that the link of a removed entry ends.
const revokeLimit = 10 * time.Second

func (d *daemon) openCatalog(ctx context.Context) (err error) {
	d.catalog, err = catalog.Open(ctx, catalog.Config{
		Settings: d.config, Store: d.store, Most: d.config.MaxEntries, Log: d.log, Follow: d.follow, Waiting: d.waiting, Standing: d.standing,
	})
	if err != nil {
		return err
	}
	names := d.catalog.Names()
	for _, name := range names {
		d.toOpen[name] = true
	}
	if len(names) == 0 {
		close(d.opened)
		d.log.Warnf("there is no entry yet: publish one to %s/bridge/request/entry/add", d.config.Topic)
	}
	return d.follow(ctx)
}

// follow lets all know which entries there are now.
func (d *daemon) follow(ctx context.Context) error {
	if err := d.status.Know(ctx, d.catalog.Staying()); err != nil {
		return err
	}
	d.solo.Want(d.catalog.Names())
	return nil
}

// waiting is how many uploads have no result yet that the broker has.
func (d *daemon) waiting(ctx context.Context, entry string) (n int, err error) {
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

// standing is how the entries do that run here.
func (d *daemon) standing(_ context.Context, entries []string) map[string]catalog.Standing {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]catalog.Standing{}
	for _, name := range entries {
		s := catalog.Standing{Problem: d.failures[name]}
		if h := d.hosted[name]; h != nil {
			connection := d.status.Connection(name)
			s.Online, s.Problem, s.Link = connection.Connected, connection.Problem, string(h.link.State().Status)
		}
		all[name] = s
	}
	return all
}

// removeEntry takes away all that there is of an entry that does not run, unless uploads are waiting that nobody has given up. A stop on
// the way has it gone through again from its beginning; what is gone by then is found gone.
func (d *daemon) removeEntry(ctx context.Context, e catalog.Entry) error {
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
	d.asEntry(ctx, e.Name, true, nil, func(context.Context) {})
	if ctx.Err() != nil {
		return nil //nolint:nilerr // a stop
	}
	err := d.status.ClearRemoved(ctx) // it is none of those that stay; which albums were listed is in the store until then
	if err == nil && !r.Keep {
		d.endLink(ctx, e, r.Revoke)
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

// endLink has Google told that the link ends, if that is wanted and can be done soon. What is stored of it goes with the rest.
func (d *daemon) endLink(ctx context.Context, e catalog.Entry, revoke bool) {
	ctx, cancel := context.WithTimeout(ctx, revokeLimit)
	defer cancel()
	sealed, err := d.store.Links().Load(ctx, e.Name)
	if err == nil && sealed != nil {
		var link *auth.Link
		if link, err = d.openLink(ctx, e.Entry); err == nil {
			err = link.Unlink(ctx, revoke)
		}
	}
	if err != nil {
		d.log.WithError(err).WithFields(map[string]any{"entry": e.Name, "op": "unlink"}).
			Warn("google was not told that a removed entry has no access any more: end it at https://myaccount.google.com/permissions")
	}
}
