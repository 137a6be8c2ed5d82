package bridge

import (
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
	if err := e.need(auth.ScopeRead); err != nil {
		return nil, err
	}
	size := b.PageSize
	if size == 0 {
		size = pageSize
	}
	search := photos.Search{PageSize: size, PageToken: b.PageToken, Filters: filtersOf(b.Filters)}
	if b.OldestFirst {
		search.OrderBy = photos.OldestFirst
	}
	if b.Album != (mqttapi.AlbumRef{}) {
		id, err := e.albumByRef(ctx, b.Album, auth.ScopeRead)
		if err != nil {
			return nil, err
		}
		search.AlbumID = id
	}
	at := time.Now()
	page, err := e.google.SearchItems(ctx, search)
	if err != nil {
		return nil, err
	}
	return mqttapi.MediaData{Items: mapped(page.Items, itemView), Expires: expiry(at), NextPageToken: page.Next}, nil
}

// getMedia answers with fresh addresses, one request to Google for 50 items.
func (e *Entry) getMedia(ctx context.Context, b mqttapi.GetMedia) (any, error) {
	if err := e.need(auth.ScopeRead); err != nil {
		return nil, err
	}
	data := mqttapi.GotData{Expires: expiry(time.Now())}
	for ids := range slices.Chunk(b.IDs, batchGet) {
		got, err := e.google.Items(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, g := range got {
			data.Items = append(data.Items, e.gotView(g, b))
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
		item.URL = sizedURL(g.Item, b.Width, b.Height, b.Crop)
	}
	return mqttapi.GotItem{Item: item}
}

func (e *Entry) updateMedia(ctx context.Context, b mqttapi.UpdateMedia) (any, error) {
	if err := e.need(auth.ScopeEdit); err != nil {
		return nil, err
	}
	item, err := e.google.UpdateDescription(ctx, b.ID, b.Description)
	if err != nil {
		return nil, err
	}
	e.listings.again()
	return mqttapi.ItemData{Item: itemView(item)}, nil
}

// saveMedia downloads the original bytes into a media folder.
func (e *Entry) saveMedia(ctx context.Context, b mqttapi.SaveMedia) (any, error) {
	if err := e.open(); err != nil {
		return nil, err
	}
	if err := e.need(auth.ScopeRead); err != nil {
		return nil, err
	}
	item, err := e.google.Item(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	suffix := photos.SuffixPhoto
	if item.IsVideo() {
		suffix = photos.SuffixVideo
	}
	body, err := e.google.Download(ctx, item.BaseURL, suffix)
	if err != nil {
		return nil, err
	}
	defer body.Body.Close() //nolint:errcheck // only read from
	n, path, err := e.spool.media.Save(b.Path, body.Body)
	if err != nil {
		return nil, fmt.Errorf("save %s: %w", b.ID, err)
	}
	return mqttapi.SavedData{Path: path, Bytes: n}, nil
}

// refresh reads everything from Google anew and publishes it.
func (e *Entry) refresh(ctx context.Context) (any, error) {
	if err := e.open(); err != nil {
		return nil, err
	}
	if err := e.need(auth.ScopeRead); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	if err := e.listings.awaitFresh(ctx, e.listings.again()); err != nil {
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
