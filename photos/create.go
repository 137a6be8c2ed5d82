package photos

import (
	"context"
	"net/http"
	"slices"
)

// NewItem turns uploaded bytes into an item.
type NewItem struct {
	Token       UploadToken
	FileName    string // shown in Google Photos; cut to MaxFileName, keeping its ending
	Description string // words of a person; cut to MaxDescription
}

// Created is what became of one NewItem.
type Created struct {
	Token UploadToken
	Item  Item
	Err   error // *Error; nil only when Item has an id
}

// CreateItems makes 1 to 50 items, and puts them at the end of an album unless albumID is empty. The result has the
// order and the length of items, and each has its own success or error. The error of the call as a whole means that no
// item was made, unless its Lost is set.
//
// Calls for one account must not overlap, and can take minutes. Google has no request id: after a lost answer the same
// tokens give the same items again, because it keeps equal bytes once. Two items of equal bytes in one call give one
// item and one error of Kind Duplicate. A description and a name that the library already has for the bytes stay.
// Source: https://developers.google.com/photos/library/guides/upload-media#creating-media-item
func (c *Client) CreateItems(ctx context.Context, albumID string, items []NewItem) ([]Created, error) {
	r := request{op: "create items", method: http.MethodPost, url: c.url("mediaItems:batchCreate", nil), write: true}
	if albumID != "" {
		r.about = aboutAlbum
	}
	in, err := newBatch(r.op, albumID, items)
	if err != nil {
		return nil, err
	}
	var out createdBatch
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

func newBatch(op, albumID string, items []NewItem) (batch, error) {
	b := batch{AlbumID: albumID, Items: make([]batchItem, len(items))}
	if len(items) == 0 || len(items) > MaxBatch {
		return b, invalid(op, "%d items given, 1 to %d are taken", len(items), MaxBatch)
	}
	for i, one := range items {
		switch same := func(other NewItem) bool { return other.Token == one.Token }; {
		case one.Token == "":
			return b, invalid(op, "item %d has no upload token", i+1)
		case slices.ContainsFunc(items[:i], same):
			return b, invalid(op, "an upload token is given twice")
		}
		b.Items[i].Description = cut(one.Description, MaxDescription)
		b.Items[i].Simple.Token = string(one.Token)
		b.Items[i].Simple.FileName = cutName(one.FileName)
	}
	return b, nil
}

type createdBatch struct {
	Results []createdItem `json:"newMediaItemResults"`
}

type createdItem struct {
	Token  string    `json:"uploadToken"`
	Status rpcStatus `json:"status"`
	Item   wireItem  `json:"mediaItem"`
}

// match finds each item's result by its token, and by its place only where Google names no token. A status of 200 or
// 207 says nothing: success is a result without a code and with an id.
func (b createdBatch) match(r request, items []NewItem) []Created {
	byToken := make(map[UploadToken]createdItem)
	for i, result := range b.Results {
		token := UploadToken(result.Token)
		if token == "" && len(b.Results) == len(items) {
			token = items[i].Token
		}
		byToken[token] = result
	}
	created := make([]Created, len(items))
	for i, one := range items {
		created[i].Token = one.Token
		result, ok := byToken[one.Token]
		switch {
		case !ok:
			created[i].Err = r.unreadable(http.StatusOK, "the answer leaves the item out")
		case result.Status.Code != 0:
			created[i].Err = itemError(r.op, r.about, result.Status)
		case result.Item.ID == "":
			created[i].Err = r.unreadable(http.StatusOK, "the answer names no item")
		default:
			created[i].Item = result.Item.item()
		}
	}
	return created
}
