package photos

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos/spec"
)

// Album is an album that this Google project made. Source: https://developers.google.com/photos/library/reference/rest/v1/albums
type Album struct {
	ID          string      `json:"id"` // never changes, may be kept; titles can repeat
	Title       string      `json:"title"`
	ProductURL  string      `json:"productUrl"`  // opens the album in Google Photos for its owner
	Writeable   bool        `json:"isWriteable"` // items can be added and removed
	Items       int64       `json:"-"`           // how many it holds, at most spec.MaxAlbumItems
	CoverURL    secret.Text `json:"coverPhotoBaseUrl"`
	CoverItemID string      `json:"coverPhotoMediaItemId"`
}

// UnmarshalJSON reads Google's form.
func (a *Album) UnmarshalJSON(text []byte) error {
	type album Album
	wire := struct {
		*album
		Count int64Text `json:"mediaItemsCount"`
	}{album: (*album)(a)}
	err := json.Unmarshal(text, &wire)
	a.Items = int64(wire.Count)
	return err
}

// AlbumPage is a part of the list of albums. It may be empty although more follow: only Next tells.
type AlbumPage struct {
	Albums []Album `json:"albums"`
	Next   string  `json:"nextPageToken"` // page token; empty on the last page
}

// AlbumUpdate says what to change. What is empty stays as it is.
type AlbumUpdate struct {
	Title       string // up to spec.MaxTitle characters
	CoverItemID string // an item of the album
}

// ListAlbums reads a page of albums. pageSize is 1 to 50, 0 means Google's 20; pageToken is empty for the first page.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/list
func (c *Client) ListAlbums(ctx context.Context, pageSize int, pageToken string) (AlbumPage, error) {
	page := AlbumPage{Albums: []Album{}}
	err := c.call(ctx, c.page("list albums", "albums", pageSize, spec.MaxAlbumsPage, pageToken), nil, &page)
	page.Albums = slices.DeleteFunc(page.Albums, func(a Album) bool { return a.ID == "" })
	return page, err
}

// maxEmptyPages is how many pages in a row may bring nothing new, as some of Google's do: more are a listing in a circle, and each costs
// a request. Source: gilesknap/gphotos-sync, GoogleAlbumsSync.py.
const maxEmptyPages = 20

// AllAlbums reads all pages, one request each; every album once, though Google repeats some. The first error ends it, with an empty Album.
func (c *Client) AllAlbums(ctx context.Context) iter.Seq2[Album, error] {
	return func(yield func(Album, error) bool) {
		seen, token := make(map[string]bool), ""
		for empty := 0; empty <= maxEmptyPages; empty++ {
			page, err := c.ListAlbums(ctx, spec.MaxAlbumsPage, token)
			if err != nil {
				yield(Album{}, err)
				return
			}
			for _, album := range page.Albums {
				if seen[album.ID] {
					continue
				}
				seen[album.ID], empty = true, -1
				if !yield(album, nil) {
					return
				}
			}
			if token = page.Next; token == "" {
				return
			}
		}
		yield(Album{}, &Error{Kind: Transient, Op: "list albums", Message: "the listing does not come to an end"})
	}
}

// Album reads one album; a fresh one may be "not found" at first. https://developers.google.com/photos/library/reference/rest/v1/albums/get
func (c *Client) Album(ctx context.Context, id string) (Album, error) {
	return c.oneAlbum(ctx, c.one("get album", aboutAlbum, http.MethodGet, "albums", id, ""), nil)
}

// CreateAlbum makes an album, also when there is one of the same title already. After an error with Lost set, list the albums before
// trying again. Source: https://developers.google.com/photos/library/reference/rest/v1/albums/create
func (c *Client) CreateAlbum(ctx context.Context, title string) (Album, error) {
	r := c.request("create album", aboutLibrary, http.MethodPost, "albums")
	r.unless(spec.CheckText("title", title, spec.MaxTitle))
	return c.oneAlbum(ctx, r, map[string]any{"album": map[string]string{"title": title}})
}

// UpdateAlbum changes an album's title, its cover or both. https://developers.google.com/photos/library/reference/rest/v1/albums/patch
func (c *Client) UpdateAlbum(ctx context.Context, id string, u AlbumUpdate) (Album, error) {
	r := c.one("update album", aboutAlbum, http.MethodPatch, "albums", id, "")
	in, mask := map[string]string{}, []string(nil)
	if u.Title != "" {
		r.unless(spec.CheckText("title", u.Title, spec.MaxTitle))
		in["title"], mask = u.Title, append(mask, "title")
	}
	if u.CoverItemID != "" {
		in["coverPhotoMediaItemId"], mask = u.CoverItemID, append(mask, "coverPhotoMediaItemId")
	}
	r.needs(len(mask) > 0, "there is nothing to change")
	r.url += "?" + url.Values{"updateMask": {strings.Join(mask, ",")}}.Encode()
	return c.oneAlbum(ctx, r, in)
}

// AddItems puts 1 to 50 items at the end of an album: all of them or, on an error, none. Right after CreateItems Google may not know an id
// yet; give CreateItems the album instead. Source: https://developers.google.com/photos/library/reference/rest/v1/albums/batchAddMediaItems
func (c *Client) AddItems(ctx context.Context, albumID string, ids []string) error {
	return c.moveItems(ctx, c.one("add items", aboutAlbum, http.MethodPost, "albums", albumID, ":batchAddMediaItems"), ids)
}

// RemoveItems takes 1 to 50 items out of an album: all of them or, on an error, none. They stay in the library.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/batchRemoveMediaItems
func (c *Client) RemoveItems(ctx context.Context, albumID string, ids []string) error {
	return c.moveItems(ctx, c.one("remove items", aboutAlbum, http.MethodPost, "albums", albumID, ":batchRemoveMediaItems"), ids)
}

// AddEnrichment adds text, a place or a route to an album and gives its id. It may be there after an error with Lost set, and twice then.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/addEnrichment
func (c *Client) AddEnrichment(ctx context.Context, albumID string, e spec.Enrichment) (id string, err error) {
	r := c.one("add enrichment", aboutAlbum, http.MethodPost, "albums", albumID, ":addEnrichment")
	r.unless(e.Check())
	var out struct {
		Item struct{ ID string } `json:"enrichmentItem"`
	}
	err = c.call(ctx, r, e, &out)
	return out.Item.ID, r.identified(out.Item.ID, err)
}

func (c *Client) moveItems(ctx context.Context, r request, ids []string) error {
	r.unless(checkIDs(ids))
	return c.call(ctx, r, map[string][]string{"mediaItemIds": ids}, nil)
}

func (c *Client) oneAlbum(ctx context.Context, r request, in any) (a Album, err error) {
	err = c.call(ctx, r, in, &a)
	return a, r.identified(a.ID, err)
}
