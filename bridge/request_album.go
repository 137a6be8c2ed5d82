package bridge

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// movePause is the shortest time between two of the calls that one request needs:
// Google allows 30 writes a minute, and uploads need some of them.
// Source: https://developers.google.com/photos/overview/api-limits-quotas
const movePause = 4 * time.Second

func (e *Entry) listAlbums(ctx context.Context, b mqttapi.ListAlbums) (any, error) {
	page, err := e.google.ListAlbums(ctx, cmp.Or(b.PageSize, photos.MaxAlbumsPage), b.PageToken)
	if err != nil {
		return nil, err
	}
	return mqttapi.AlbumsData{Albums: mapped(page.Albums, albumView), NextPageToken: page.Next}, nil
}

func (e *Entry) createAlbum(ctx context.Context, b mqttapi.CreateAlbum) (any, error) {
	a, err := e.google.CreateAlbum(ctx, b.Title)
	if err != nil {
		e.albums.doubt()
		return nil, err
	}
	if _, known := e.albums.known(b.Title); !known {
		if err := e.albums.learn(ctx, b.Title, a.ID); err != nil {
			return nil, err
		}
	}
	e.listings.created(a)
	return mqttapi.AlbumData{Album: albumView(a)}, nil
}

func (e *Entry) updateAlbum(ctx context.Context, b mqttapi.UpdateAlbum) (any, error) {
	id, err := e.albumByRef(ctx, b.Album)
	if err != nil {
		return nil, err
	}
	var u photos.AlbumUpdate
	if b.Title != "" {
		u.Title = &b.Title
	}
	if b.CoverID != "" {
		u.CoverItemID = &b.CoverID
	}
	a, err := e.google.UpdateAlbum(ctx, id, u)
	if err != nil {
		return nil, e.albumRefused(ctx, id, err)
	}
	if b.Title != "" {
		if err := e.albums.renamed(ctx, id, b.Title); err != nil {
			return nil, err
		}
	}
	e.listings.retitled(a)
	return mqttapi.AlbumData{Album: albumView(a)}, nil
}

// moveItems calls Google once for each 50 items, and gives the writer's turn away
// in between. Each call is all or nothing: the answer counts the items of those
// that Google refused. What holds the whole account ends the request.
func (e *Entry) moveItems(ctx context.Context, scopes []string, ref mqttapi.AlbumRef, ids []string,
	move func(context.Context, string, []string) error, moved func(string, []string),
) (any, error) {
	data := mqttapi.CountData{Requested: len(ids)}
	var last time.Time
	for part := range slices.Chunk(ids, batchSize) {
		if err := sleepUntil(ctx, last.Add(movePause)); err != nil {
			return nil, err
		}
		_, err := write(ctx, e, scopes, part, func(ctx context.Context, part []string) (any, error) {
			var err error
			if data.AlbumID == "" {
				data.AlbumID, err = e.albumByRef(ctx, ref)
			}
			if err == nil {
				err = move(ctx, data.AlbumID, part)
			}
			return nil, e.albumRefused(ctx, data.AlbumID, err)
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
		data.Error = e.explain(err)
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
	enrichment := photos.Enrichment{Text: b.Text, Position: positionOf(b.Position)}
	if b.Location != nil {
		place := placeOf(*b.Location)
		enrichment.Location = &place
	}
	if b.Map != nil {
		enrichment.Map = &photos.Route{Origin: placeOf(b.Map.From), Destination: placeOf(b.Map.To)}
	}
	made, err := e.google.AddEnrichment(ctx, id, enrichment)
	if err != nil {
		return nil, e.albumRefused(ctx, id, err)
	}
	return mqttapi.EnrichmentData{EnrichmentID: made}, nil
}

// albumByRef returns the id of an album, named by title or id.
func (e *Entry) albumByRef(ctx context.Context, ref mqttapi.AlbumRef) (string, error) {
	if ref.ID != "" {
		return ref.ID, nil
	}
	id, ok, err := e.albums.lookUp(ctx, ref.Title)
	if err != nil {
		return "", e.named(err, []string{auth.ScopeRead})
	}
	if !ok {
		return "", mqttapi.Errorf(mqttapi.CodeAlbumNotFound, "The bridge has made no album of the title %q.", ref.Title)
	}
	return id, nil
}

// albumRefused forgets an album that Google says does not exist.
func (e *Entry) albumRefused(ctx context.Context, id string, err error) error {
	if photos.KindOf(err) != photos.AlbumNotFound {
		return err
	}
	return errors.Join(err, e.albumGone(ctx, id))
}

// sleepUntil waits until a time, which may be over.
func sleepUntil(ctx context.Context, until time.Time) error {
	if wait := time.Until(until); wait > 0 {
		return sleep(ctx, nil, wait)
	}
	return ctx.Err()
}

func placeOf(p mqttapi.Place) photos.Place {
	return photos.Place{Name: p.Name, Latitude: p.Latitude, Longitude: p.Longitude}
}

func positionOf(p mqttapi.Position) *photos.Position {
	if p == (mqttapi.Position{}) {
		return nil
	}
	return &photos.Position{First: p.First, AfterItemID: p.AfterItem, AfterEnrichmentID: p.AfterEnrichmentID}
}

// mapped applies a view to each element; never nil, so that JSON has a list.
func mapped[From, To any](from []From, view func(From) To) []To {
	to := make([]To, len(from))
	for i, f := range from {
		to[i] = view(f)
	}
	return to
}
