package bridge

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

func (e *Entry) listMedia(ctx context.Context, b mqttapi.ListMedia) (any, error) {
	search := photos.Search{PageSize: cmp.Or(b.PageSize, pageSize), PageToken: b.PageToken, Filters: filtersOf(b.Filters)}
	if b.OldestFirst {
		search.OrderBy = photos.OldestFirst
	}
	if b.Album != (mqttapi.AlbumRef{}) {
		id, err := e.albumByRef(ctx, b.Album)
		if err != nil {
			return nil, err
		}
		search.AlbumID = id
	}
	at := time.Now()
	page, err := e.google.SearchItems(ctx, search)
	if err != nil {
		return nil, e.albumRefused(ctx, search.AlbumID, err)
	}
	return mqttapi.MediaData{Items: mapped(page.Items, itemView), Expires: expiry(at), NextPageToken: page.Next}, nil
}

// getMedia answers with fresh addresses, one request to Google for 50 items. It
// asks for no more than one answer can hold.
func (e *Entry) getMedia(ctx context.Context, b mqttapi.GetMedia) (any, error) {
	data := mqttapi.GotData{Requested: len(b.IDs), Expires: expiry(time.Now())}
	room := e.cfg.MaxPublish
	for ids := range slices.Chunk(b.IDs, batchGet) {
		got, err := e.google.Items(ctx, ids)
		if err != nil {
			return nil, err
		}
		part := mapped(got, func(g photos.Got) mqttapi.GotItem { return e.gotView(g, b) })
		data.Items = append(data.Items, part...)
		text, err := mqttapi.Response{Data: mqttapi.GotData{Items: part}}.Encode(0)
		if err != nil {
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
		return mqttapi.GotItem{Item: mqttapi.Item{ID: g.ID}, Error: e.explain(g.Err)}
	}
	item := itemView(g.Item)
	if b.Width > 0 || b.Height > 0 {
		sized := sizedURL(g.Item, b.Width, b.Height, b.Crop)
		if g.Item.IsVideo() {
			item.ThumbnailURL = sized // its URL plays it
		} else {
			item.URL = sized
		}
	}
	return mqttapi.GotItem{Item: item}
}

func (e *Entry) updateMedia(ctx context.Context, b mqttapi.UpdateMedia) (any, error) {
	at := time.Now()
	item, err := e.google.UpdateDescription(ctx, b.ID, b.Description)
	if err != nil {
		return nil, err
	}
	e.listings.amended(item, at)
	return mqttapi.ItemData{Item: itemView(item)}, nil
}

// saveMedia downloads the original bytes into a media folder.
func (e *Entry) saveMedia(ctx context.Context, b mqttapi.SaveMedia) (any, error) {
	item, err := read(ctx, e, []string{auth.ScopeRead}, b.ID, e.google.Item)
	if err != nil {
		return nil, err
	}
	suffix := photos.SuffixPhoto
	if item.IsVideo() {
		suffix = photos.SuffixVideo
		if unfinished(item) {
			return nil, mqttapi.Errorf(mqttapi.CodeGoogleUnavailable, "Google still works on this video: save it again later.")
		}
	}
	watch := watched(ctx, stallLimit)
	got, err := e.google.Download(watch.ctx, item.BaseURL, suffix)
	if err != nil {
		return nil, bytesRefused(watch.stop(err))
	}
	body := watch.reader(got.Body)
	defer body.Close() //nolint:errcheck // only read from
	n, path, err := e.spool.media.Save(b.Path, body)
	if err = watch.stop(err); err != nil {
		return nil, fmt.Errorf("save %s: %w", b.ID, bytesRefused(err))
	}
	return mqttapi.SavedData{Path: path, Bytes: n}, nil
}

// bytesRefused keeps the quota of bytes apart from that of requests, which holds
// all uploads: Google counts 75,000 a day of the one and 10,000 of the other.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
func bytesRefused(err error) error {
	if photos.KindOf(err) != photos.DailyQuota {
		return err
	}
	return mqttapi.Errorf(mqttapi.CodeQuotaDaily, "The Google project has used up its downloads of the day. It goes on at %s.",
		nextQuotaDay(time.Now()).UTC().Format(time.RFC3339))
}

// refresh reads everything from Google anew and publishes it.
func (e *Entry) refresh(ctx context.Context) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	if err := e.ready(ctx, []string{auth.ScopeRead}); err != nil {
		return nil, err
	}
	if !e.cfg.Project.Spare() {
		return nil, mqttapi.Errorf(mqttapi.CodeQuotaDaily, "What is left of the day's requests is kept for uploads. It goes on at %s.",
			nextQuotaDay(time.Now()).UTC().Format(time.RFC3339))
	}
	if e.listings.awaitFresh(ctx, e.listings.again()) != nil {
		if err := e.open(); err != nil {
			return nil, err
		}
		return nil, mqttapi.NewError(mqttapi.CodeGoogleUnavailable)
	}
	return e.listings.counts(), nil
}

// filtersOf turns the contract's words into Google's.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#Filters
func filtersOf(f *mqttapi.Filters) *photos.Filters {
	if f == nil {
		return nil
	}
	g := &photos.Filters{Archived: f.Archived}
	if len(f.Dates)+len(f.Ranges) > 0 {
		g.Date = &photos.DateFilter{Dates: mapped(f.Dates, dateOf), Ranges: mapped(f.Ranges, rangeOf)}
	}
	if f.MediaType != "" && f.MediaType != "all" {
		g.Type = &photos.MediaTypeFilter{Types: []string{strings.ToUpper(f.MediaType)}}
	}
	if len(f.Include)+len(f.Exclude) > 0 {
		g.Content = &photos.ContentFilter{Included: upper(f.Include), Excluded: upper(f.Exclude)}
	}
	if f.Favorites {
		g.Feature = &photos.FeatureFilter{Included: []string{"FAVORITES"}}
	}
	return g
}

func dateOf(d mqttapi.Date) photos.Date { return photos.Date(d) }

func rangeOf(r mqttapi.DateRange) photos.DateRange {
	return photos.DateRange{Start: dateOf(r.Start), End: dateOf(r.End)}
}

func upper(words []string) []string {
	return mapped(words, strings.ToUpper)
}
