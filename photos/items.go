package photos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos/spec"
)

// Item is a photo or a video in the library that this Google project made. What Google leaves out is zero.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems
type Item struct {
	ID          string      `json:"id"` // never changes, may be kept
	Description string      `json:"description"`
	FileName    string      `json:"filename"`
	MIMEType    string      `json:"mimeType"`
	ProductURL  string      `json:"productUrl"` // opens the item in Google Photos for its owner
	BaseURL     secret.Text `json:"baseUrl"`    // see Download; often missing right after CreateItems
	Created     time.Time   `json:"-"`          // when it was taken, else when it was uploaded; UTC
	Width       int64       `json:"-"`          // pixels
	Height      int64       `json:"-"`          // pixels
	Camera      string      `json:"-"`          // make and model
	Video       *Video      `json:"-"`          // nil for a photo
}

// Video is what only videos have. Until Status is VideoReady the bytes cannot be had.
type Video struct {
	FPS    float64 `json:"fps"`
	Status string  `json:"status"`
}

// The states of a video. Google may add others.
const (
	VideoProcessing = "PROCESSING"
	VideoReady      = "READY"
	VideoFailed     = "FAILED"
)

// UnmarshalJSON reads Google's form.
func (i *Item) UnmarshalJSON(text []byte) error {
	type item Item
	wire := struct {
		*item
		Metadata struct {
			Created string    `json:"creationTime"`
			Width   int64Text `json:"width"`
			Height  int64Text `json:"height"`
			Photo   camera    `json:"photo"`
			Video   *struct {
				camera
				Video
			} `json:"video"`
		} `json:"mediaMetadata"`
	}{item: (*item)(i)}
	err := json.Unmarshal(text, &wire)
	m := wire.Metadata
	if created, err := time.Parse(time.RFC3339, m.Created); err == nil {
		i.Created = created.UTC()
	}
	i.Width, i.Height, i.Camera = int64(m.Width), int64(m.Height), m.Photo.name()
	if m.Video != nil {
		i.Camera, i.Video = m.Video.name(), &m.Video.Video
	}
	return err
}

type camera struct {
	Make  string `json:"cameraMake"`
	Model string `json:"cameraModel"`
}

// name joins make and model, which may begin with the make.
func (c camera) name() string {
	if strings.HasPrefix(strings.ToLower(c.Model), strings.ToLower(c.Make)) {
		return strings.TrimSpace(c.Model)
	}
	return strings.TrimSpace(c.Make + " " + c.Model)
}

// int64Text is an int64, which Google writes as a string: https://protobuf.dev/programming-guides/json/
type int64Text int64

// UnmarshalJSON takes a string or a number; anything else counts as absent.
func (n *int64Text) UnmarshalJSON(text []byte) error {
	if value, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64); err == nil {
		*n = int64Text(value)
	}
	return nil
}

// Item reads one item, which also gives it a fresh BaseURL. https://developers.google.com/photos/library/reference/rest/v1/mediaItems/get
func (c *Client) Item(ctx context.Context, id string) (Item, error) {
	return c.oneItem(ctx, c.one("get item", aboutItem, http.MethodGet, "mediaItems", id, ""), nil)
}

// UpdateDescription changes an item's description, of at most spec.MaxDescription characters; empty takes it away.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/patch
func (c *Client) UpdateDescription(ctx context.Context, id, description string) (Item, error) {
	r := c.one("update description", aboutItem, http.MethodPatch, "mediaItems", id, "?updateMask=description")
	r.unless(spec.CheckLength("description", description, spec.MaxDescription))
	return c.oneItem(ctx, r, map[string]string{"description": description})
}

func (c *Client) oneItem(ctx context.Context, r request, in any) (i Item, err error) {
	err = c.call(ctx, r, in, &i)
	return i, r.identified(i.ID, err)
}

type result struct {
	Token  secret.Text `json:"uploadToken"`
	Status envelope    `json:"status"`
	Item   Item        `json:"mediaItem"`
}

type results struct {
	Got     []result `json:"mediaItemResults"`
	Created []result `json:"newMediaItemResults"`
}

// outcome finds the i-th of n by name, by place only where Google names none. Success has no code and an id, whatever the whole's status.
func (r request) outcome(results []result, i, n int, name string, nameOf func(result) string) (Item, error) {
	for place, got := range results {
		switch is := nameOf(got); {
		case is != name && (is != "" || place != i || len(results) != n):
		case got.Status.Code != 0:
			err := itemError(r.op, r.about, got.Status.answer())
			err.Status = http.StatusOK // Google has answered
			return Item{}, err
		default:
			return got.Item, r.identified(got.Item.ID, nil)
		}
	}
	return Item{}, r.unreadable(http.StatusOK, "the answer leaves the item out")
}

// Got is what Items found for one id.
type Got struct {
	ID   string
	Item Item
	Err  error // *Error; nil when there is an Item
}

// Items reads 1 to 50 items for the price of one request. The result has the order and the length of ids.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchGet
func (c *Client) Items(ctx context.Context, ids []string) ([]Got, error) {
	r := c.request("get items", aboutItem, http.MethodGet, "mediaItems:batchGet?"+url.Values{"mediaItemIds": ids}.Encode())
	r.unless(checkIDs(ids))
	var out results
	if err := c.call(ctx, r, nil, &out); err != nil {
		return nil, err
	}
	got := make([]Got, len(ids))
	for i, id := range ids {
		item, err := r.outcome(out.Got, i, len(ids), id, func(one result) string { return one.Item.ID })
		got[i] = Got{id, item, err}
	}
	return got, nil
}

// NewItem turns uploaded bytes into an item.
type NewItem struct {
	Token       secret.Text
	FileName    string // shown in Google Photos; at most spec.MaxFileName characters
	Description string // words of a person; at most spec.MaxDescription characters
}

// Created is what became of one NewItem.
type Created struct {
	Token secret.Text
	Item  Item
	Err   error // *Error; nil only when Item has an id
}

// CreateItems makes 1 to 50 items, and puts them at the end of an album unless albumID is empty. The result has the order and the length
// of items, and each has its own success or error. The error of the call as a whole means that no item was made, unless its Lost is set.
//
// Calls for one account must not overlap, and can take minutes. After a lost answer the same tokens give the same items again, because
// Google keeps equal bytes once, with their first description and name. Equal bytes twice in one call give one error of Kind Duplicate.
// Source: https://developers.google.com/photos/library/guides/upload-media#creating-media-item
func (c *Client) CreateItems(ctx context.Context, albumID string, items []NewItem) ([]Created, error) {
	r := c.request("create items", aboutLibrary, http.MethodPost, "mediaItems:batchCreate")
	if albumID != "" {
		r.about = aboutAlbum
	}
	in, err := newBatch(albumID, items)
	r.unless(err)
	var out results
	if err := c.call(ctx, r, in, &out); err != nil {
		return nil, err
	}
	return out.match(r, items), nil
}

type batch struct {
	AlbumID string      `json:"albumId,omitempty"`
	Items   []batchItem `json:"newMediaItems"`
}

type batchItem struct {
	Description string `json:"description,omitempty"`
	Simple      struct {
		Token    string `json:"uploadToken"`
		FileName string `json:"fileName,omitempty"`
	} `json:"simpleMediaItem"`
}

func newBatch(albumID string, items []NewItem) (batch, error) {
	b := batch{AlbumID: albumID, Items: make([]batchItem, len(items))}
	if len(items) == 0 || len(items) > spec.MaxBatch {
		return b, fmt.Errorf("%d items given, 1 to %d are taken", len(items), spec.MaxBatch)
	}
	for i, one := range items {
		if one.Token == "" || slices.ContainsFunc(items[:i], func(other NewItem) bool { return other.Token == one.Token }) {
			return b, fmt.Errorf("item %d has no upload token of its own", i+1)
		}
		err := errors.Join(spec.CheckLength("name", one.FileName, spec.MaxFileName),
			spec.CheckLength("description", one.Description, spec.MaxDescription))
		if err != nil {
			return b, fmt.Errorf("item %d: %w", i+1, err)
		}
		b.Items[i].Description, b.Items[i].Simple.Token, b.Items[i].Simple.FileName = one.Description, string(one.Token), one.FileName
	}
	return b, nil
}

func (b results) match(r request, items []NewItem) []Created {
	created := make([]Created, len(items))
	for i, one := range items {
		item, err := r.outcome(b.Created, i, len(items), string(one.Token), func(got result) string { return string(got.Token) })
		created[i] = Created{one.Token, item, err}
	}
	return created
}

// ItemPage is a part of a listing. It may be empty although more follow: only Next tells.
type ItemPage struct {
	Items []Item `json:"mediaItems"`
	Next  string `json:"nextPageToken"` // page token; empty on the last page
}

// ListItems reads a page of everything visible, newest first, which can lag behind uploads. pageSize is 1 to 100, 0 means Google's 25;
// pageToken is empty for the first page. Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/list
func (c *Client) ListItems(ctx context.Context, pageSize int, pageToken string) (ItemPage, error) {
	return c.itemPage(ctx, c.page("list items", "mediaItems", pageSize, spec.MaxItemsPage, pageToken), nil)
}

// Search says which items are wanted. The zero value means all that are visible, newest first.
type Search struct {
	AlbumID     string        `json:"albumId,omitempty"` // not together with Filters
	Filters     *spec.Filters `json:"filters,omitempty"`
	OldestFirst bool          `json:"-"`                  // see spec.Filters.CheckOldestFirst
	PageSize    int           `json:"pageSize,omitempty"` // 1 to 100; 0 means Google's 25
	PageToken   string        `json:"pageToken,omitempty"`
}

// SearchItems reads a page of what s finds. The next page must be asked for with the same s but for its PageToken.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
func (c *Client) SearchItems(ctx context.Context, s Search) (ItemPage, error) {
	r := c.request("search items", aboutLibrary, http.MethodPost, "mediaItems:search")
	r.write = false
	r.needs(s.PageSize >= 0, "the page size is negative")
	r.needs(s.AlbumID == "" || s.Filters == nil, "an album and filters cannot be searched together")
	s.PageSize = min(s.PageSize, spec.MaxItemsPage)
	in := struct {
		Search
		OrderBy string `json:"orderBy,omitempty"`
	}{Search: s}
	if s.AlbumID != "" {
		r.about = aboutAlbum
	}
	if s.OldestFirst {
		in.OrderBy = "MediaMetadata.creation_time"
		r.unless(s.Filters.CheckOldestFirst())
	}
	if s.Filters != nil {
		r.unless(s.Filters.Check())
	}
	return c.itemPage(ctx, r, in)
}

func (c *Client) itemPage(ctx context.Context, r request, in any) (ItemPage, error) {
	page := ItemPage{Items: []Item{}}
	err := c.call(ctx, r, in, &page)
	page.Items = slices.DeleteFunc(page.Items, func(i Item) bool { return i.ID == "" })
	return page, err
}
