package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/spec"
)

// movePause is the shortest time between two calls of one request: Google allows 30 writes a minute, and uploads need some of them.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
const movePause = 4 * time.Second

func (e *Entry) listAlbums(ctx context.Context, b mqttapi.ListAlbums) (any, error) {
	page, err := e.cfg.Google.ListAlbums(ctx, cmp.Or(b.PageSize, spec.MaxAlbumsPage), b.PageToken)
	return mqttapi.AlbumsData{Albums: mapped(page.Albums, library.AlbumView), NextPageToken: page.Next}, err
}

func (e *Entry) createAlbum(ctx context.Context, b mqttapi.CreateAlbum) (any, error) {
	a, err := e.albums.Create(ctx, b.Title)
	if err == nil {
		e.library.AlbumCreated(a, true)
	}
	return mqttapi.OneData{Album: new(library.AlbumView(a))}, err
}

func (e *Entry) updateAlbum(ctx context.Context, b mqttapi.UpdateAlbum) (any, error) {
	id, err := e.albumByRef(ctx, b.Album)
	if err != nil {
		return nil, err
	}
	a, err := e.cfg.Google.UpdateAlbum(ctx, id, photos.AlbumUpdate{Title: b.Title, CoverItemID: b.CoverID})
	if err == nil && b.Title != "" {
		err = e.albums.Rename(ctx, id, b.Title)
	}
	if err == nil {
		e.library.Retitled(a)
	}
	return mqttapi.OneData{Album: new(library.AlbumView(a))}, e.albumRefused(ctx, id, err)
}

// moveItems calls Google once for each 50 items, all or nothing, counting the refused; a hold ends the request. Others write in between.
func (e *Entry) moveItems(ctx context.Context, scopes []string, ref mqttapi.AlbumRef, ids []string,
	move func(context.Context, string, []string) error, moved func(string, []string),
) (any, error) {
	data := mqttapi.CountData{Requested: len(ids)}
	var last time.Time
	for part := range slices.Chunk(ids, spec.MaxBatch) {
		if err := wake.Sleep(ctx, nil, max(1, time.Until(last.Add(movePause)))); err != nil {
			return nil, err
		}
		err := e.account.Write(ctx, scopes, func(ctx context.Context) (err error) {
			if data.AlbumID == "" {
				data.AlbumID, err = e.albumByRef(ctx, ref)
			}
			if err == nil {
				err = move(ctx, data.AlbumID, part)
			}
			return e.albumRefused(ctx, data.AlbumID, err)
		})
		last = time.Now()
		if err == nil {
			data.Done += len(part)
			moved(data.AlbumID, part)
			continue
		}
		if errors.Is(err, store.ErrEngine) {
			return nil, err
		}
		data.Error = e.account.Explain(err)
		if kind := photos.KindOf(err); kind != photos.NotFound && kind != photos.Invalid && kind != photos.Rejected {
			break
		}
	}
	if data.Done == 0 {
		return nil, data.Error
	}
	data.Failed = data.Requested - data.Done
	return data, nil
}

func (e *Entry) enrichAlbum(ctx context.Context, b mqttapi.EnrichAlbum) (any, error) {
	id, err := e.albumByRef(ctx, b.Album)
	if err != nil {
		return nil, err
	}
	made, err := e.cfg.Google.AddEnrichment(ctx, id, b.Enrichment)
	return mqttapi.OneData{EnrichmentID: made}, e.albumRefused(ctx, id, err)
}

func (e *Entry) albumByRef(ctx context.Context, ref mqttapi.AlbumRef) (string, error) {
	if ref.ID != "" {
		return ref.ID, nil
	}
	found, ok, err := e.albums.LookUp(ctx, ref.Title)
	if err != nil {
		return "", e.account.NameScopes(err, auth.ScopeRead)
	}
	if !ok {
		return "", mqttapi.Errorf(mqttapi.CodeAlbumNotFound, "The bridge has made no album of the title %q.", ref.Title)
	}
	return found.ID, nil
}

// albumRefused forgets an album that Google says does not exist, unless it is too new to be known.
func (e *Entry) albumRefused(ctx context.Context, id string, err error) error {
	if err == nil {
		e.albums.Seen(id)
	} else if photos.KindOf(err) == photos.AlbumNotFound && e.albums.IsNew(id) {
		return errors.Join(mqttapi.Errorf(mqttapi.CodeGoogleUnavailable, "Google does not know the new album yet: send this again in some minutes."), err)
	} else if photos.KindOf(err) == photos.AlbumNotFound {
		err = errors.Join(err, e.library.AlbumGone(ctx, id))
	}
	return err
}

// mapped applies a view to each element; never nil, so that JSON has a list.
func mapped[From, To any](from []From, view func(From) To) []To {
	to := make([]To, len(from))
	for i, f := range from {
		to[i] = view(f)
	}
	return to
}

func (e *Entry) listMedia(ctx context.Context, b mqttapi.ListMedia) (any, error) {
	search := photos.Search{
		PageSize: cmp.Or(b.PageSize, spec.MaxItemsPage), PageToken: b.PageToken, Filters: b.Filters, OldestFirst: b.OldestFirst,
	}
	if b.Album != (mqttapi.AlbumRef{}) {
		var err error
		if search.AlbumID, err = e.albumByRef(ctx, b.Album); err != nil {
			return nil, err
		}
	}
	expires := library.Expiry(time.Now())
	page, err := e.cfg.Google.SearchItems(ctx, search)
	data := mqttapi.MediaData{Items: mapped(page.Items, library.ItemView), Expires: expires, NextPageToken: page.Next}
	if err != nil { // that it can be read does not say that it is known to whom writes
		err = e.albumRefused(ctx, search.AlbumID, err)
	}
	return data, err
}

// getMedia answers with fresh addresses, one request to Google for 50 items. It asks for no more than one answer can hold.
func (e *Entry) getMedia(ctx context.Context, b mqttapi.GetMedia) (any, error) {
	data := mqttapi.GotData{Requested: len(b.IDs), Expires: library.Expiry(time.Now())}
	room := e.cfg.MaxPublish()
	for ids := range slices.Chunk(b.IDs, spec.MaxBatch) {
		got, err := e.cfg.Google.Items(ctx, ids)
		part := mapped(got, func(g photos.Got) mqttapi.GotItem { return e.gotView(g, b) })
		data.Items = append(data.Items, part...)
		text, encoding := mqttapi.Response{Data: mqttapi.GotData{Items: part}}.Encode(0)
		if err := cmp.Or(err, encoding); err != nil {
			return nil, err
		}
		if room -= len(text); room < 0 {
			break
		}
	}
	return data, nil
}

func (e *Entry) gotView(g photos.Got, b mqttapi.GetMedia) mqttapi.GotItem {
	if g.Err != nil {
		return mqttapi.GotItem{ID: g.ID, Error: e.account.Explain(g.Err)}
	}
	item := library.ItemView(g.Item)
	if g.Item.BaseURL != "" && (b.Width > 0 || b.Height > 0) {
		sized := string(g.Item.BaseURL) + spec.Size{Width: b.Width, Height: b.Height, Crop: b.Crop}.Suffix()
		if g.Item.IsVideo() {
			item.ThumbnailURL = sized // its URL plays it
		} else {
			item.URL = sized
		}
	}
	return mqttapi.GotItem{ID: item.ID, Item: &item}
}

func (e *Entry) updateMedia(ctx context.Context, b mqttapi.UpdateMedia) (any, error) {
	at := time.Now()
	item, err := e.cfg.Google.UpdateDescription(ctx, b.ID, b.Description)
	if err == nil {
		e.library.Amended(item, at)
	}
	return mqttapi.OneData{Item: new(library.ItemView(item))}, err
}

func (e *Entry) saveMedia(ctx context.Context, b mqttapi.SaveMedia) (any, error) {
	var item photos.Item
	err := e.account.Read(ctx, []string{auth.ScopeRead}, func(ctx context.Context) (err error) {
		item, err = e.cfg.Google.Item(ctx, b.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	suffix := photos.SuffixPhoto
	if item.IsVideo() {
		suffix = photos.SuffixVideo
	}
	switch {
	case item.IsVideo() && library.Unfinished(item):
		return nil, mqttapi.Errorf(mqttapi.CodeGoogleUnavailable, "Google still works on this video: save it again later.")
	case item.BaseURL == "": // not yet, or it was not Google's
		return nil, mqttapi.Errorf(mqttapi.CodeGoogleUnavailable, "Google gives no address of this item's file now: save it again later.")
	}
	watchdog := wake.Watch(ctx, account.StallLimit)
	got, err := e.cfg.Google.Download(watchdog.Context, item.BaseURL, suffix)
	if err != nil {
		return nil, bytesRefused(watchdog.Stop(err))
	}
	body := watchdog.Reader(got.Body)
	defer body.Close() //nolint:errcheck // only read from
	n, path, err := e.cfg.Media.Save(ctx, b.Path, body)
	if err = watchdog.Stop(err); err != nil {
		return nil, fmt.Errorf("save %s: %w", b.ID, bytesRefused(err))
	}
	return mqttapi.SavedData{Path: path, Bytes: n}, nil
}

// bytesRefused keeps the quota of bytes (75,000 a day) apart from that of requests (10,000), which holds all uploads.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
func bytesRefused(err error) error {
	if photos.KindOf(err) == photos.DailyQuota {
		err = quotaUsedUp("The Google project has used up its downloads of the day.")
	}
	return err
}

func quotaUsedUp(what string) error {
	return mqttapi.Errorf(mqttapi.CodeQuotaDaily, "%s It goes on at %s.", what, account.NextQuotaDay(wake.Wall()).UTC().Format(time.RFC3339))
}

func (e *Entry) refresh(ctx context.Context) (any, error) {
	e.account.AskAgain()
	ctx, cancel := context.WithTimeout(ctx, account.ReadLimit)
	defer cancel()
	if err := e.account.AwaitAsk(ctx, []string{auth.ScopeRead}); err != nil {
		return nil, err
	}
	if !e.cfg.Project.Spare() {
		return nil, quotaUsedUp("What is left of the day's requests is kept for uploads.")
	}
	data, err := e.library.Refresh(ctx)
	if err != nil {
		err = cmp.Or(e.account.MayAsk([]string{auth.ScopeRead}), error(mqttapi.NewError(mqttapi.CodeGoogleUnavailable)))
	}
	return data, err
}
