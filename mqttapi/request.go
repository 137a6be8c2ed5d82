package mqttapi

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/mqttapi/mistake"
	"gphotos2mqtt/photos/spec"
)

// Verb names a command: VerbUpload on E/upload, the others on E/request/<verb>, answered on E/response/<verb>.
type Verb string

// The verbs of the contract.
const (
	VerbUpload      Verb = "upload"
	VerbAlbums      Verb = "albums"
	VerbAlbumCreate Verb = "album/create"
	VerbAlbumUpdate Verb = "album/update"
	VerbAlbumAdd    Verb = "album/add"
	VerbAlbumRemove Verb = "album/remove"
	VerbAlbumEnrich Verb = "album/enrich"
	VerbMedia       Verb = "media"
	VerbMediaGet    Verb = "media/get"
	VerbMediaUpdate Verb = "media/update"
	VerbMediaSave   Verb = "media/save"
	VerbRefresh     Verb = "refresh"
	VerbLink        Verb = "link"
	VerbLinkFinish  Verb = "link/finish"
	VerbUnlink      Verb = "unlink"
	VerbJobs        Verb = "jobs"
	VerbJobCancel   Verb = "job/cancel"
	VerbJobRetry    Verb = "job/retry"
)

// The requests and their params.
type (
	// Request is a command on E/request/<verb>.
	Request struct {
		Verb        Verb
		ID          string          // makes the command idempotent; "" when the command has none
		Transaction json.RawMessage // the JSON value that comes back in the answer, as it was written; nil when the command has none
		Params      any             // what is asked for: the type below that belongs to the verb, with all values within their limits
	}
	// AlbumRef names an album by its title or by its id, never by both.
	AlbumRef struct{ Title, ID string }
	// ListAlbums are the params of VerbAlbums. PageSize 0 leaves the size to the bridge.
	ListAlbums struct {
		PageSize  int
		PageToken string
	}
	// CreateAlbum are the params of VerbAlbumCreate.
	CreateAlbum struct{ Title string }
	// UpdateAlbum are the params of VerbAlbumUpdate. At least one of Title and CoverID is not "".
	UpdateAlbum struct {
		Album          AlbumRef
		Title, CoverID string
	}
	// AddItems are the params of VerbAlbumAdd: 1 to spec.MaxAlbumItems items, none twice.
	AddItems struct {
		Album AlbumRef
		IDs   []string
	}
	// RemoveItems are the params of VerbAlbumRemove, like those of VerbAlbumAdd.
	RemoveItems AddItems
	// EnrichAlbum are the params of VerbAlbumEnrich.
	EnrichAlbum struct {
		Album AlbumRef
		spec.Enrichment
	}
	// ListMedia are the params of VerbMedia: the whole library, one album, or what matches Filters, newest first. OldestFirst needs
	// dates or ranges in Filters. PageSize 0 leaves the size to the bridge.
	ListMedia struct {
		Album       AlbumRef
		Filters     *spec.Filters
		OldestFirst bool
		PageSize    int
		PageToken   string
	}
	// GetMedia are the params of VerbMediaGet: 1 to spec.MaxAlbumItems items, none twice, and the Size of a picture's URL, 0 for the usual.
	GetMedia struct {
		IDs []string
		spec.Size
	}
	// UpdateMedia are the params of VerbMediaUpdate. An empty description takes the old one away.
	UpdateMedia struct{ ID, Description string }
	// SaveMedia are the params of VerbMediaSave. The path still has to be found below a media directory.
	SaveMedia struct{ ID, Path string }
	// Refresh are the params of VerbRefresh.
	Refresh struct{}
	// StartLink are the params of VerbLink.
	StartLink struct{}
	// FinishLink are the params of VerbLinkFinish: the whole Address that the browser ended on, or the Code and the State in it.
	FinishLink struct{ Address, Code, State secret.Text }
	// Unlink are the params of VerbUnlink. With Revoke, Google is told too.
	Unlink struct{ Revoke bool }
	// ListJobs are the params of VerbJobs.
	ListJobs struct{}
	// CancelJob are the params of VerbJobCancel.
	CancelJob struct{ Job string }
	// RetryJob are the params of VerbJobRetry.
	RetryJob CancelJob
)

// ParseRequest reads the payload of the command on E/request/<verb>: a JSON object, or nothing at all for a verb without required
// keys. VerbLinkFinish takes the bare address too, as people paste it. Every error is an *Error; ID and Transaction are set even then
// when they could be read, so that the answer can carry them.
func ParseRequest(verb Verb, payload []byte) (Request, error) {
	return parseRequest(verbs, verb, payload)
}

func parseRequest(known map[Verb]func(*object) any, verb Verb, payload []byte) (Request, error) {
	r, command := Request{Verb: verb}, trim(payload)
	switch {
	case verb == VerbLinkFinish && bytes.HasPrefix(command, []byte("http")):
		if len(command) > MaxAddress {
			return r, Errorf(CodeBadPayload, "The address has %d bytes; at most %d are possible: paste the address of the browser only.", len(command), MaxAddress)
		}
		r.Params = FinishLink{Address: secret.Text(command)}
		return r, nil
	case len(command) == 0:
		command = []byte("{}")
	case command[0] != '{' || mistake.InUTF16(command):
		if wrapped := inWrapping(command); wrapped != nil {
			return r, wrapped
		}
		return r, Errorf(CodeBadPayload, "The payload of a request is a JSON object, or empty.")
	}
	in := newReader(command)
	read, ok := known[verb]
	if !ok {
		read = func(o *object) any { return o.expect() }
	}
	params := read(&object{reader: in, fields: []field{{"id", &r.ID, MaxID}, {keyTransaction, &r.Transaction, MaxTransaction}}})
	if in.end(); !ok {
		meant := Verb(strings.ToLower(strings.Trim(string(verb), " /")))
		switch {
		case known[meant] != nil:
			return r, Errorf(CodeUnknownCommand, "There is no request %q: write %s, in lower case and without a slash at the end.", clip(string(verb)), meant)
		case bridgeVerbs[meant] != nil:
			return r, Errorf(CodeUnknownCommand, "%s is a request to the bridge: publish it below bridge/request.", meant)
		case verbs[meant] != nil:
			return r, Errorf(CodeUnknownCommand, "%s is a request to an entry: publish it below the name of the entry, not bridge.", meant)
		}
		return r, Errorf(CodeUnknownCommand, "There is no request %q: check its spelling against the list of requests.", clip(string(verb)))
	}
	if in.err == nil {
		r.Params = params
	}
	return r, in.err
}

var verbs = map[Verb]func(*object) any{
	VerbAlbums: params(func(o *object, p *ListAlbums) {
		o.expect(field{"page_size", &p.PageSize, spec.MaxAlbumsPage}, field{"page_token", &p.PageToken, spec.MaxPageToken})
	}),
	VerbAlbumCreate: params(func(o *object, p *CreateAlbum) {
		o.expect(field{"title", (*title)(&p.Title), spec.MaxTitle}).need("title")
	}),
	VerbAlbumUpdate: params(func(o *object, p *UpdateAlbum) {
		o.ofAlbum(&p.Album, field{"title", (*title)(&p.Title), spec.MaxTitle}, field{"cover_media_item_id", &p.CoverID, spec.MaxID})
		o.chooseOne("album", "album_id")
		if !o.given["title"] {
			o.chooseOne("title", "cover_media_item_id")
		}
	}),
	VerbAlbumAdd:    params(readItems),
	VerbAlbumRemove: params(func(o *object, p *RemoveItems) { readItems(o, (*AddItems)(p)) }),
	VerbAlbumEnrich: params(func(o *object, p *EnrichAlbum) {
		o.ofAlbum(&p.Album, field{"text", (*prose)(&p.Text), spec.MaxText}, field{"location", &p.Location, 0}, field{"map", &p.Map, 0},
			field{"position", &p.Position, 0}).chooseOne("album", "album_id").chooseOne("text", "location", "map")
		if o.given["text"] && p.Text == "" {
			o.fail(`"text" is empty.`)
		}
		o.check(p.Enrichment.Check())
	}),
	VerbMedia: params(func(o *object, p *ListMedia) {
		o.ofAlbum(&p.Album, field{"filters", &p.Filters, 0},
			field{"order", func(place string) { p.OldestFirst = o.word(place, "newest", "oldest") == "oldest" }, 0},
			field{"page_size", &p.PageSize, spec.MaxItemsPage}, field{"page_token", &p.PageToken, spec.MaxPageToken},
		).choose("album", "album_id", "filters")
		if p.OldestFirst {
			o.check(p.Filters.CheckOldestFirst())
		}
	}),
	VerbMediaGet: params(func(o *object, p *GetMedia) {
		o.expect(field{"media_item_ids", (*items)(&p.IDs), 0}, field{"width", &p.Width, spec.MaxPixels},
			field{"height", &p.Height, spec.MaxPixels}, field{"crop", &p.Crop, 0}).need("media_item_ids")
		o.check(p.Size.Check())
	}),
	VerbMediaUpdate: params(func(o *object, p *UpdateMedia) {
		o.expect(field{"media_item_id", &p.ID, spec.MaxID}, field{"description", (*prose)(&p.Description), spec.MaxDescription})
		o.need("media_item_id", "description")
	}),
	VerbMediaSave: params(func(o *object, p *SaveMedia) {
		o.expect(field{"media_item_id", &p.ID, spec.MaxID}, field{"path", (*filePath)(&p.Path), 0}).need("media_item_id", "path")
	}),
	VerbRefresh: params(func(o *object, _ *Refresh) { o.expect() }),
	VerbLink:    params(func(o *object, _ *StartLink) { o.expect() }),
	VerbLinkFinish: params(func(o *object, p *FinishLink) {
		o.expect(field{"url", (*string)(&p.Address), MaxAddress}, field{"code", (*string)(&p.Code), MaxAddress},
			field{"state", (*string)(&p.State), MaxAddress})
		if o.choose("url", "code") == "" {
			o.fail(`"url" is missing: paste the whole address that the browser ended on, also when its page did not load.`)
		}
		o.choose("url", "state")
		if o.given["code"] {
			o.need("state")
		}
	}),
	VerbUnlink: params(func(o *object, p *Unlink) {
		p.Revoke = true
		o.expect(field{"revoke", &p.Revoke, 0})
	}),
	VerbJobs:      params(func(o *object, _ *ListJobs) { o.expect() }),
	VerbJobCancel: params(readJob),
	VerbJobRetry:  params(func(o *object, p *RetryJob) { readJob(o, (*CancelJob)(p)) }),
}

func params[P any](read func(*object, *P)) func(*object) any {
	return func(o *object) any {
		var p P
		read(o, &p)
		return p
	}
}

func readItems(o *object, p *AddItems) {
	o.ofAlbum(&p.Album, field{"media_item_ids", (*items)(&p.IDs), 0}).chooseOne("album", "album_id").need("media_item_ids")
}

func readJob(o *object, p *CancelJob) { o.expect(field{"job", &p.Job, MaxJob}).need("job") }

// ofAlbum is expect with the two ways to name an album.
func (o *object) ofAlbum(a *AlbumRef, fields ...field) *object {
	return o.expect(append([]field{{"album", (*title)(&a.Title), spec.MaxTitle}, {"album_id", &a.ID, spec.MaxID}}, fields...)...)
}

// date reads YYYY-MM-DD, YYYY-MM or YYYY; the year 0000 with a month and a day means that day of every year.
func (r *reader) date(place string) spec.Date {
	const day = "2006-01-02"
	s := r.text(place, len(day))
	t, err := time.Parse(day[:min(len(s), len(day))], s)
	d := spec.Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}
	switch len(s) {
	case len("2006"):
		d.Month, d.Day = 0, 0
	case len("2006-01"):
		d.Day = 0
	}
	if err != nil || d.Year == 0 && d.Day == 0 {
		r.fail(`%q is %q, no date: write "2026-11-22", "2026-11", "2026", or "0000-11-22" for a day of every year.`, place, clip(s))
	}
	return d
}
