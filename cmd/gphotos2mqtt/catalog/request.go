package catalog

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi"
)

const (
	answerWait = 20 * time.Second       // for an entry to be online, or gone, until that is answered as it is
	lookAgain  = 500 * time.Millisecond // at an entry of another process, of which no news come
)

// Request carries a request to the bridge out: its params are one of mqttapi's. Errors are *mqttapi.Error, the store's and ctx's.
func (c *Catalog) Request(ctx context.Context, params any) (any, error) {
	switch p := params.(type) {
	case mqttapi.AddEntry:
		return c.add(ctx, p)
	case mqttapi.RemoveEntry:
		return c.remove(ctx, p)
	case mqttapi.ListEntries:
		return c.list(ctx, p)
	}
	return nil, mqttapi.NewError(mqttapi.CodeUnknownCommand)
}

func (c *Catalog) add(ctx context.Context, p mqttapi.AddEntry) (any, error) {
	change, err := c.put(ctx, p)
	if err != nil {
		return nil, err
	}
	if change != mqttapi.EntrySame {
		c.cfg.Log.WithFields(map[string]any{"entry": p.Entry, "kind": change}).Info("entry was added or changed")
	}
	waiting, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	_, _ = wake.Until(waiting, &c.news, func() (none struct{}, ok bool, wait time.Duration) { // the answer says how it stands then
		stands := c.cfg.Standing(waiting, []string{p.Entry})[p.Entry]
		e, there := c.Get(p.Entry)
		return none, !there || stands.Online && stands.Revision == e.Added.Revision(), c.pause()
	})
	e, _ := c.Get(p.Entry)
	return mqttapi.AddedData{Change: change, Entry: c.info(e, c.cfg.Standing(ctx, []string{p.Entry})[p.Entry])}, ctx.Err()
}

// pause is how long no news can be relied on; 0 = for ever.
func (c *Catalog) pause() time.Duration {
	if c.cfg.Shared {
		return lookAgain
	}
	return 0
}

// put saves an entry as it shall be.
func (c *Catalog) put(ctx context.Context, p mqttapi.AddEntry) (mqttapi.EntryChange, error) {
	if err := c.saving.Lock(ctx); err != nil {
		return "", err
	}
	defer c.saving.Unlock()
	for {
		now, there := c.Get(p.Entry)
		switch {
		case there && now.Added == nil:
			return "", mqttapi.NewError(mqttapi.CodeEntryInSettings)
		case now.Removal() != nil:
			return "", mqttapi.Errorf(mqttapi.CodeBusy, "%s is just being removed: add it when that is over.", p.Entry)
		case !there && len(c.Names()) >= c.cfg.Most:
			return "", mqttapi.Errorf(mqttapi.CodeTooManyEntries, "The bridge serves no more than %d entries: remove one, or see "+
				"GPHOTOS_MAX_ENTRIES and what the built-in broker says at its start.", c.cfg.Most)
		}
		wanted := &store.Entry{Name: p.Entry}
		change := mqttapi.EntryAdded
		if there {
			change, wanted = mqttapi.EntryChanged, new(*now.Added) // with its revision
			if p.ClientSecret == "" && p.Settings["client_id"] != "" && p.Settings["client_id"] == now.Added.Settings["client_id"] {
				p.ClientSecret = now.Added.ClientSecret
			}
		}
		wanted.Settings, wanted.ClientSecret, wanted.Unreadable, wanted.Refusal = p.Settings, p.ClientSecret, false, nil
		e, err := c.cfg.Settings.ReadEntry(p.Entry, p.Settings, p.ClientSecret)
		if err != nil {
			return "", mqttapi.Errorf(mqttapi.CodeBadPayload, "%s", err)
		}
		if there && now.Problem == "" && reflect.DeepEqual(e, now.Entry) {
			return mqttapi.EntrySame, nil
		}
		// A stop before this save has added or changed nothing; after it the entry is as it was asked for.
		if err = c.note(ctx, p.Entry); err == nil {
			err = c.save(ctx, wanted)
		}
		if !errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrEngine) {
			return change, errors.Join(err, c.note(ctx, ""))
		}
	}
}

// note lets all know of an entry that is about to be saved.
func (c *Catalog) note(ctx context.Context, entry string) error {
	c.mu.Lock()
	same := c.adding == entry
	c.adding = entry
	c.mu.Unlock()
	if same {
		return nil
	}
	return c.cfg.Follow(ctx)
}

func (c *Catalog) remove(ctx context.Context, p mqttapi.RemoveEntry) (any, error) {
	if err := c.askRemoval(ctx, p); err != nil {
		return nil, err
	}
	c.cfg.Log.WithField("entry", p.Entry).Info("entry is being removed")
	waiting, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	refused, err := wake.Until(waiting, &c.news, func() (refused *store.Refusal, ok bool, wait time.Duration) {
		e, there := c.Get(p.Entry)
		if there && e.Added != nil && e.Removal() == nil {
			refused = e.Added.Refusal
		}
		return refused, !there || refused != nil, 0
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case refused != nil:
		return nil, waitingError(p.Entry, refused.Uploads)
	case err != nil:
		return mqttapi.RemovedData{Entry: p.Entry, Status: mqttapi.EntryRemoving}, nil
	}
	return mqttapi.RemovedData{Entry: p.Entry, Status: mqttapi.EntryRemoved}, nil
}

func waitingError(entry string, uploads int) error {
	return mqttapi.Errorf(mqttapi.CodeUploadsWaiting, "%d uploads of %s are still waiting: wait until they are over, or send \"force\": true, which drops them.",
		uploads, entry)
}

// askRemoval has an entry removed by whoever runs it.
func (c *Catalog) askRemoval(ctx context.Context, p mqttapi.RemoveEntry) error {
	if err := c.saving.Lock(ctx); err != nil {
		return err
	}
	defer c.saving.Unlock()
	for {
		now, there := c.Get(p.Entry)
		switch {
		case !there:
			return mqttapi.NewError(mqttapi.CodeUnknownEntry)
		case now.Added == nil:
			return mqttapi.NewError(mqttapi.CodeEntryInSettings)
		case now.Removal() != nil: // its end is waited for
			return nil
		}
		if !p.Force && !p.Keep {
			if uploads, err := c.cfg.Waiting(ctx, p.Entry); err != nil {
				return err
			} else if uploads > 0 {
				return waitingError(p.Entry, uploads)
			}
		}
		e := new(*now.Added)
		e.Removal, e.Refusal = &store.Removal{Force: p.Force, Keep: p.Keep, Revoke: p.Revoke}, nil
		// A stop before this save has removed nothing; after it the entry is removed, also at the next start.
		if err := c.save(ctx, e); !errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrEngine) {
			return err
		}
	}
}

func (c *Catalog) list(ctx context.Context, p mqttapi.ListEntries) (any, error) {
	names := c.Names()
	data := mqttapi.EntriesData{Count: len(names)}
	names = slices.DeleteFunc(names, func(name string) bool { return name <= p.After || p.Entry != "" && name != p.Entry })
	if p.Entry != "" && len(names) == 0 {
		return nil, mqttapi.NewError(mqttapi.CodeUnknownEntry)
	}
	stand := c.cfg.Standing(ctx, names)
	for _, name := range names {
		if e, there := c.Get(name); there {
			data.Entries = append(data.Entries, c.info(e, stand[name]))
		}
	}
	return data, ctx.Err()
}

func (c *Catalog) info(e Entry, s Standing) mqttapi.EntryInfo {
	info := mqttapi.EntryInfo{
		Entry: e.Name, Source: mqttapi.FromSettings, Status: mqttapi.EntryOffline, Link: mqttapi.Optional(s.Link), Process: mqttapi.Optional(s.Process),
		Problem: strings.TrimSpace(e.Problem + " " + s.Problem), Settings: shown(e.Entry),
	}
	if e.Added != nil {
		info.Source = mqttapi.FromRequest
	}
	switch {
	case e.Removal() != nil:
		info.Status = mqttapi.EntryRemoving
	case s.Online:
		info.Status, info.Problem = mqttapi.EntryOnline, e.Problem
	}
	return info
}

// shown are the settings of an entry as a request has them, without the client secret.
func shown(e config.Entry) map[string]any {
	titles := func(titles []string) any { return append([]string{}, titles...) }
	s := map[string]any{
		"name": e.DisplayName, "album": e.Album, "listings": "none", "album_images": e.AlbumImages.Newest, "mirror": titles(e.Mirror),
		"mirror_folder": e.MirrorFolder, "mirror_items": e.MirrorItems, "mirror_max": int64(e.MirrorMax), "project": e.Project, "client_id": "",
	}
	if e.Own {
		s["client_id"] = e.ClientID
	}
	if e.Listings.All {
		s["listings"] = "all"
	} else if len(e.Listings.Titles) > 0 {
		s["listings"] = titles(e.Listings.Titles)
	}
	if len(e.AlbumImages.Titles) > 0 {
		s["album_images"] = titles(e.AlbumImages.Titles)
	}
	return s
}
