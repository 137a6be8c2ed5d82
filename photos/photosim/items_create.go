package photosim

import (
	"cmp"
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

// batchCreate is https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchCreate
type batchCreate struct {
	AlbumID  string         `json:"albumId"`
	Items    []newMediaItem `json:"newMediaItems"`
	Position *albumPosition `json:"albumPosition"`
}

type newMediaItem struct {
	Description string `json:"description"`
	Simple      *struct {
		UploadToken string `json:"uploadToken"`
		FileName    string `json:"fileName"`
	} `json:"simpleMediaItem"`
}

type batchCreateAnswer struct {
	Results []newItemResult `json:"newMediaItemResults"`
}

type newItemResult struct {
	UploadToken string     `json:"uploadToken,omitempty"`
	Status      rpcStatus  `json:"status"`
	Item        *mediaItem `json:"mediaItem,omitempty"`
}

// rpcStatus is google.rpc.Status; code 0 is success.
type rpcStatus struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// google.rpc.Code values that items fail with.
const (
	rpcInvalidArgument = 3
	rpcNotFound        = 5
	rpcAlreadyExists   = 6
)

const failedItem = "Failed: There was an error while trying to create this media item."

// createItems refuses the whole call or creates what it can, each item with a status of its own.
func (s *Server) createItems(c *call) (any, error) {
	var req batchCreate
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	if !s.pauseItems(c.r.Context(), c.route, len(req.Items)) {
		abort()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lib := s.libraryOf(c)
	if lib.storageFull {
		return nil, errStorageFull()
	}
	var at albumPlace
	if req.AlbumID != "" {
		a, ok := lib.albums[req.AlbumID]
		switch {
		case !ok || a.late():
			return nil, errAlbumUnknown()
		case a.project != c.token.project:
			return nil, errAlbumNotWriteable()
		}
		var err error
		if at, err = a.place(req.Position); err != nil {
			return nil, err
		}
		if a.count+len(req.Items) > maxAlbumItems {
			return nil, errAlbumFull()
		}
	}
	s.stats.batch(len(req.Items))
	return s.createEach(c, lib, req, at), nil
}

func (b batchCreate) check() error {
	switch {
	case len(b.Items) == 0:
		return invalidArgument("Request must have at least one new media item.")
	case len(b.Items) > maxBatch:
		return invalidArgument("Request must have less than 50 items.")
	case b.Position != nil && b.AlbumID == "":
		return invalidArgument("Album position can only be set with an album id.")
	}
	for _, n := range b.Items {
		switch {
		case n.Simple == nil || !validUploadToken(n.Simple.UploadToken):
			return errUploadToken()
		case utf8.RuneCountInString(n.Description) > maxDescription:
			return invalidArgument("Description must be shorter than 1000 characters.")
		case utf8.RuneCountInString(n.Simple.FileName) > maxFileName:
			return invalidArgument("File name must not be longer than 255 characters.")
		}
	}
	return nil
}

// pauseItems waits the delay per item; the base delay has passed already.
func (s *Server) pauseItems(ctx context.Context, route string, n int) bool {
	s.mu.Lock()
	d := s.delayLocked(route).PerItem
	s.mu.Unlock()
	return sleep(ctx, time.Duration(n)*d)
}

// createEach makes one result per new item, in order. The caller holds Server.mu.
func (s *Server) createEach(c *call, lib *library, req batchCreate, at albumPlace) any {
	answer := batchCreateAnswer{Results: make([]newItemResult, 0, len(req.Items))}
	seen := make(map[[sha256.Size]byte]bool, len(req.Items))
	failed := 0
	for n, in := range req.Items {
		r := newItemResult{UploadToken: in.Simple.UploadToken}
		var i *item
		code, text := c.fault.itemCode(n), c.fault.itemText()
		if code == 0 {
			text = failedItem
			i, code = s.createOne(c, lib, in, seen)
		}
		if code != 0 {
			r.Status = rpcStatus{code, text}
			failed++
		} else {
			if at.album != nil {
				at = at.insert(i)
			}
			m := s.wire(i, c.place, false)
			r.Status, r.Item = rpcStatus{Message: "Success"}, &m
		}
		answer.Results = append(answer.Results, r)
	}
	if failed > 0 && failed < len(req.Items) {
		// SIM: a mixed result is a 207; whether Google does so is not known, and a client has to cope with both.
		return statusAnswer{http.StatusMultiStatus, answer}
	}
	return answer
}

// createOne turns an upload token into an item, or into a code. Equal bytes are one item: the first file name, description and
// capture time stay. SIM: a token used again returns its item again; one that is too old, or another account's or project's, is a
// 3 of its item.
func (s *Server) createOne(c *call, lib *library, in newMediaItem, seen map[[sha256.Size]byte]bool) (*item, int) {
	u, ok := s.uploads.token(in.Simple.UploadToken)
	if !ok || u.account != c.token.account || u.project != c.token.project {
		return nil, rpcInvalidArgument
	}
	if seen[u.sha] {
		return nil, rpcAlreadyExists
	}
	seen[u.sha] = true
	if u.unsupported {
		return nil, rpcInvalidArgument
	}
	if i, ok := lib.byHash[u.sha]; ok {
		if !slices.Contains(i.projects, c.token.project) {
			i.projects = append(i.projects, c.token.project)
		}
		u.release()
		return i, 0
	}
	if u.payload == nil {
		return nil, rpcInvalidArgument // the item of this token was deleted since
	}
	i := lib.newItem(c.token.project)
	i.description, i.fileName = in.Description, in.Simple.FileName
	if i.fileName == "" {
		i.fileName = u.fileName
	}
	i.facts, i.payload, u.payload = u.facts, u.payload, nil
	i.created = cmp.Or(i.facts.exif.taken, i.facts.film.taken, u.at).UTC().Truncate(time.Second)
	i.readyAt = i.uploaded.Add(s.cfg.VideoProcessing)
	i.lateUntil = c.fault.lateUntil()
	lib.add(i)
	return i, 0
}
