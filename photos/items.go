package photos

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Item is a photo or a video in the library that this Google project made. What Google leaves out is zero.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems
type Item struct {
	ID          string // never changes, may be kept
	Description string
	FileName    string
	MIMEType    string
	ProductURL  string    // opens the item in Google Photos for its owner
	BaseURL     BaseURL   // dies 60 minutes after the item was read; often missing right after CreateItems
	Created     time.Time // when it was taken, else when it was uploaded; UTC
	Width       int64     // pixels
	Height      int64     // pixels
	Camera      string    // make and model
	Video       *Video    // nil for a photo
}

// Video is what only videos have. Until Status is VideoReady the bytes cannot be had.
type Video struct {
	FPS    float64
	Status string
}

// The states of a video. Google may add others.
const (
	VideoProcessing = "PROCESSING"
	VideoReady      = "READY"
	VideoFailed     = "FAILED"
)

// Got is what Items found for one id.
type Got struct {
	ID   string
	Item Item
	Err  error // *Error; nil when there is an Item
}

// ItemPage is a part of a listing. It may be empty although more follow: only Next tells.
type ItemPage struct {
	Items []Item
	Next  string // page token; empty on the last page
}

// Item reads one item, which also gives it a fresh BaseURL.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/get
func (c *Client) Item(ctx context.Context, id string) (Item, error) {
	const op = "get item"
	if err := checkID(op, "media item id", id); err != nil {
		return Item{}, err
	}
	r := request{op: op, about: aboutItem, method: http.MethodGet, url: c.url("mediaItems/"+url.PathEscape(id), nil)}
	return c.oneItem(ctx, r, nil)
}

// Items reads 1 to 50 items for the price of one request. The result has the order and the length of ids.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchGet
func (c *Client) Items(ctx context.Context, ids []string) ([]Got, error) {
	const op = "get items"
	if err := checkIDs(op, ids); err != nil {
		return nil, err
	}
	r := request{op: op, about: aboutItem, method: http.MethodGet}
	r.url = c.url("mediaItems:batchGet", url.Values{"mediaItemIds": ids})
	var out struct {
		Results []struct {
			Item   wireItem  `json:"mediaItem"`
			Status rpcStatus `json:"status"`
		} `json:"mediaItemResults"`
	}
	if err := c.call(ctx, r, nil, &out); err != nil {
		return nil, err
	}
	found := make(map[string]Item)
	for _, result := range out.Results {
		found[result.Item.ID] = result.Item.item()
	}
	got := make([]Got, len(ids))
	for i, id := range ids {
		got[i].ID = id
		one, ok := found[id]
		switch {
		case ok:
			got[i].Item = one
		case len(out.Results) == len(ids) && out.Results[i].Status.Code != 0:
			got[i].Err = itemError(op, aboutItem, out.Results[i].Status)
		default:
			got[i].Err = &Error{Kind: Transient, Op: op, Message: "the answer leaves the item out"}
		}
	}
	return got, nil
}

// ListItems reads a page of everything visible, newest first. pageSize is 1 to 100, 0 means Google's 25; pageToken is
// empty for the first page. A listing can lag behind uploads.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/list
func (c *Client) ListItems(ctx context.Context, pageSize int, pageToken string) (ItemPage, error) {
	const op = "list items"
	query, err := pageQuery(op, pageSize, MaxItemsPage, pageToken)
	if err != nil {
		return ItemPage{}, err
	}
	r := request{op: op, method: http.MethodGet, url: c.url("mediaItems", query)}
	return c.itemPage(ctx, r, nil)
}

// UpdateDescription changes an item's description, of at most MaxDescription characters; empty takes it away. The item
// must be one that this Google project made.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/patch
func (c *Client) UpdateDescription(ctx context.Context, id, description string) (Item, error) {
	const op = "update description"
	if err := checkID(op, "media item id", id); err != nil {
		return Item{}, err
	}
	if n := length(description); n > MaxDescription {
		return Item{}, invalid(op, "the description has %d characters, %d are taken", n, MaxDescription)
	}
	r := request{op: op, about: aboutItem, method: http.MethodPatch, write: true}
	r.url = c.url("mediaItems/"+url.PathEscape(id), url.Values{"updateMask": {"description"}})
	return c.oneItem(ctx, r, map[string]string{"description": description})
}

func (c *Client) oneItem(ctx context.Context, r request, in any) (Item, error) {
	var out wireItem
	if err := c.call(ctx, r, in, &out); err != nil {
		return Item{}, err
	}
	if out.ID == "" {
		return Item{}, r.unreadable(http.StatusOK, "the answer holds no item")
	}
	return out.item(), nil
}

func (c *Client) itemPage(ctx context.Context, r request, in any) (ItemPage, error) {
	var out struct {
		Items []wireItem `json:"mediaItems"`
		Next  string     `json:"nextPageToken"`
	}
	if err := c.call(ctx, r, in, &out); err != nil {
		return ItemPage{}, err
	}
	page := ItemPage{Items: make([]Item, 0, len(out.Items)), Next: out.Next}
	for _, one := range out.Items {
		if one.ID != "" {
			page.Items = append(page.Items, one.item())
		}
	}
	return page, nil
}

func pageQuery(op string, size, most int, token string) (url.Values, error) {
	size, err := pageSize(op, size, most)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if size > 0 {
		query.Set("pageSize", strconv.Itoa(size))
	}
	if token != "" {
		query.Set("pageToken", token)
	}
	return query, nil
}

// wireItem is an Item as Google writes it.
type wireItem struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	ProductURL  string `json:"productUrl"`
	BaseURL     string `json:"baseUrl"`
	MIMEType    string `json:"mimeType"`
	FileName    string `json:"filename"`
	Metadata    struct {
		Created string    `json:"creationTime"`
		Width   int64Text `json:"width"`
		Height  int64Text `json:"height"`
		Photo   *camera   `json:"photo"`
		Video   *struct {
			camera
			FPS    float64 `json:"fps"`
			Status string  `json:"status"`
		} `json:"video"`
	} `json:"mediaMetadata"`
}

type camera struct {
	Make  string `json:"cameraMake"`
	Model string `json:"cameraModel"`
}

// int64Text is an int64, which Google writes as a string. What is no number counts as absent.
// Source: https://protobuf.dev/programming-guides/json/
type int64Text int64

// UnmarshalJSON takes a string or a number.
func (n *int64Text) UnmarshalJSON(text []byte) error {
	value, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	if err == nil {
		*n = int64Text(value)
	}
	return nil
}

func (w wireItem) item() Item {
	m := w.Metadata
	i := Item{
		ID: w.ID, Description: w.Description, FileName: w.FileName, MIMEType: w.MIMEType, ProductURL: w.ProductURL,
		BaseURL: BaseURL(w.BaseURL), Width: int64(m.Width), Height: int64(m.Height),
	}
	if created, err := time.Parse(time.RFC3339, m.Created); err == nil {
		i.Created = created.UTC()
	}
	if m.Photo != nil {
		i.Camera = m.Photo.name()
	}
	if m.Video != nil {
		i.Camera = m.Video.name()
		i.Video = &Video{FPS: m.Video.FPS, Status: m.Video.Status}
	}
	return i
}

// name joins make and model, and does not repeat a make that the model begins with.
func (c camera) name() string {
	if strings.HasPrefix(strings.ToLower(c.Model), strings.ToLower(c.Make)) {
		return strings.TrimSpace(c.Model)
	}
	return strings.TrimSpace(c.Make + " " + c.Model)
}
