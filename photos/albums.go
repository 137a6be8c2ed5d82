package photos

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// Album is an album that this Google project made.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums
type Album struct {
	ID          string // never changes, may be kept; titles can repeat
	Title       string
	ProductURL  string // opens the album in Google Photos for its owner
	Writeable   bool   // items can be added and removed
	Items       int64  // how many it holds, at most 20,000
	CoverURL    BaseURL
	CoverItemID string
}

// AlbumPage is a part of the list of albums. It may be empty although more follow: only Next tells.
type AlbumPage struct {
	Albums []Album
	Next   string // page token; empty on the last page
}

// AlbumUpdate says what to change. Nil leaves it as it is.
type AlbumUpdate struct {
	Title       *string // 1 to MaxTitle characters
	CoverItemID *string // an item of the album
}

// ListAlbums reads a page of albums. pageSize is 1 to 50, 0 means Google's 20; pageToken is empty for the first page.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/list
func (c *Client) ListAlbums(ctx context.Context, pageSize int, pageToken string) (AlbumPage, error) {
	const op = "list albums"
	query, err := pageQuery(op, pageSize, MaxAlbumsPage, pageToken)
	if err != nil {
		return AlbumPage{}, err
	}
	var out struct {
		Albums []wireAlbum `json:"albums"`
		Next   string      `json:"nextPageToken"`
	}
	r := request{op: op, method: http.MethodGet, url: c.url("albums", query)}
	if err := c.call(ctx, r, nil, &out); err != nil {
		return AlbumPage{}, err
	}
	page := AlbumPage{Albums: make([]Album, 0, len(out.Albums)), Next: out.Next}
	for _, one := range out.Albums {
		if one.ID != "" {
			page.Albums = append(page.Albums, one.album())
		}
	}
	return page, nil
}

// AllAlbums reads page after page, one request each, and gives every album once. It ends with the list, or after the
// first error, which is given with an empty Album.
func (c *Client) AllAlbums(ctx context.Context) iter.Seq2[Album, error] {
	read := func(token string) ([]Album, string, error) {
		page, err := c.ListAlbums(ctx, MaxAlbumsPage, token)
		return page.Albums, page.Next, err
	}
	return follow("list albums", read, func(a Album) string { return a.ID })
}

// Album reads one album. A fresh one may be "not found" for a while.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/get
func (c *Client) Album(ctx context.Context, id string) (Album, error) {
	r, err := c.albumRequest("get album", http.MethodGet, id, "")
	if err != nil {
		return Album{}, err
	}
	return c.oneAlbum(ctx, r, nil)
}

// CreateAlbum makes an album, also when there is one of the same title already. After an error with Lost set, list the
// albums before trying again.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/create
func (c *Client) CreateAlbum(ctx context.Context, title string) (Album, error) {
	const op = "create album"
	if err := checkTitle(op, title); err != nil {
		return Album{}, err
	}
	in := map[string]map[string]string{"album": {"title": title}}
	r := request{op: op, method: http.MethodPost, url: c.url("albums", nil), write: true}
	return c.oneAlbum(ctx, r, in)
}

// UpdateAlbum changes an album's title, its cover or both.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/patch
func (c *Client) UpdateAlbum(ctx context.Context, id string, u AlbumUpdate) (Album, error) {
	r, err := c.albumRequest("update album", http.MethodPatch, id, "")
	if err != nil {
		return Album{}, err
	}
	in, mask := map[string]string{}, []string(nil)
	if u.Title != nil {
		if err := checkTitle(r.op, *u.Title); err != nil {
			return Album{}, err
		}
		in["title"], mask = *u.Title, append(mask, "title")
	}
	if u.CoverItemID != nil {
		if err := checkID(r.op, "media item id", *u.CoverItemID); err != nil {
			return Album{}, err
		}
		in["coverPhotoMediaItemId"], mask = *u.CoverItemID, append(mask, "coverPhotoMediaItemId")
	}
	if len(mask) == 0 {
		return Album{}, invalid(r.op, "there is nothing to change")
	}
	r.url += "?" + url.Values{"updateMask": {strings.Join(mask, ",")}}.Encode()
	return c.oneAlbum(ctx, r, in)
}

// AddItems puts 1 to 50 items at the end of an album: all of them or, on an error, none. Right after CreateItems Google
// may not know an id yet; give CreateItems the album instead.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/batchAddMediaItems
func (c *Client) AddItems(ctx context.Context, albumID string, ids []string) error {
	return c.moveItems(ctx, "add items", albumID, ":batchAddMediaItems", ids)
}

// RemoveItems takes 1 to 50 items out of an album: all of them or, on an error, none. They stay in the library.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/batchRemoveMediaItems
func (c *Client) RemoveItems(ctx context.Context, albumID string, ids []string) error {
	return c.moveItems(ctx, "remove items", albumID, ":batchRemoveMediaItems", ids)
}

func (c *Client) moveItems(ctx context.Context, op, albumID, verb string, ids []string) error {
	r, err := c.albumRequest(op, http.MethodPost, albumID, verb)
	if err != nil {
		return err
	}
	if err := checkIDs(op, ids); err != nil {
		return err
	}
	return c.call(ctx, r, map[string][]string{"mediaItemIds": ids}, nil)
}

func (c *Client) albumRequest(op, method, id, verb string) (request, error) {
	address := c.url("albums/"+url.PathEscape(id)+verb, nil)
	r := request{op: op, about: aboutAlbum, method: method, url: address, write: method != http.MethodGet}
	return r, checkID(op, "album id", id)
}

func (c *Client) oneAlbum(ctx context.Context, r request, in any) (Album, error) {
	var out wireAlbum
	if err := c.call(ctx, r, in, &out); err != nil {
		return Album{}, err
	}
	if out.ID == "" {
		return Album{}, r.unreadable(http.StatusOK, "the answer holds no album")
	}
	return out.album(), nil
}

// wireAlbum is an Album as Google writes it.
type wireAlbum struct {
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	ProductURL  string    `json:"productUrl"`
	Writeable   bool      `json:"isWriteable"`
	Items       int64Text `json:"mediaItemsCount"`
	CoverURL    string    `json:"coverPhotoBaseUrl"`
	CoverItemID string    `json:"coverPhotoMediaItemId"`
}

func (w wireAlbum) album() Album {
	return Album{
		ID: w.ID, Title: w.Title, ProductURL: w.ProductURL, Writeable: w.Writeable, Items: int64(w.Items),
		CoverURL: BaseURL(w.CoverURL), CoverItemID: w.CoverItemID,
	}
}
