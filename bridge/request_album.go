package bridge

import (
	"context"
	"slices"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// albumsPage is the largest page of albums.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/list
const albumsPage = 50

func (e *Entry) listAlbums(ctx context.Context, b mqttapi.ListAlbums) (any, error) {
	if err := e.need(auth.ScopeRead); err != nil {
		return nil, err
	}
	size := b.PageSize
	if size == 0 {
		size = albumsPage
	}
	page, err := e.google.ListAlbums(ctx, size, b.PageToken)
	if err != nil {
		return nil, err
	}
	return mqttapi.AlbumsData{Albums: mapped(page.Albums, albumView), NextPageToken: page.Next}, nil
}

func (e *Entry) createAlbum(ctx context.Context, b mqttapi.CreateAlbum) (any, error) {
	if err := e.need(auth.ScopeAppend); err != nil {
		return nil, err
	}
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
	id, err := e.albumByRef(ctx, b.Album, auth.ScopeEdit)
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
		return nil, err
	}
	if b.Title != "" {
		if err := e.albums.renamed(ctx, id, b.Title); err != nil {
			return nil, err
		}
	}
	e.listings.again()
	return mqttapi.AlbumData{Album: albumView(a)}, nil
}

func (e *Entry) addItems(ctx context.Context, b mqttapi.AddItems) (any, error) {
	return e.moveItems(ctx, b.Album, b.IDs, e.google.AddItems)
}

func (e *Entry) removeItems(ctx context.Context, b mqttapi.RemoveItems) (any, error) {
	return e.moveItems(ctx, b.Album, b.IDs, func(ctx context.Context, album string, ids []string) error {
		if err := e.google.RemoveItems(ctx, album, ids); err != nil {
			return err
		}
		e.listings.removed(album, ids)
		return nil
	})
}

// moveItems calls Google once for each 50 items. Each call is all or nothing, so
// the answer counts what the calls before a refusal have done.
func (e *Entry) moveItems(ctx context.Context, ref mqttapi.AlbumRef, ids []string, move func(context.Context, string, []string) error) (any, error) {
	id, err := e.albumByRef(ctx, ref, auth.ScopeEdit)
	if err != nil {
		return nil, err
	}
	data := mqttapi.CountData{AlbumID: id, Requested: len(ids)}
	for part := range slices.Chunk(ids, batchSize) {
		if err := move(ctx, id, part); err != nil {
			if data.Done == 0 {
				return nil, err
			}
			refused := e.explain(err)
			return nil, mqttapi.Errorf(refused.Code, "%d of %d items were done, then: %s", data.Done, len(ids), refused.Message)
		}
		data.Done += len(part)
	}
	e.listings.again()
	return data, nil
}

func (e *Entry) enrichAlbum(ctx context.Context, b mqttapi.EnrichAlbum) (any, error) {
	id, err := e.albumByRef(ctx, b.Album, auth.ScopeAppend)
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
		return nil, err
	}
	return mqttapi.EnrichmentData{EnrichmentID: made}, nil
}

// albumByRef returns the id of an album that exists, named by title or id.
func (e *Entry) albumByRef(ctx context.Context, ref mqttapi.AlbumRef, scope string) (string, error) {
	if err := e.need(scope); err != nil {
		return "", err
	}
	if ref.ID != "" {
		return ref.ID, nil
	}
	id, ok, err := e.albums.lookUp(ctx, ref.Title)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", mqttapi.Errorf(mqttapi.CodeAlbumNotFound, "The bridge has made no album of the title %q.", ref.Title)
	}
	return id, nil
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
