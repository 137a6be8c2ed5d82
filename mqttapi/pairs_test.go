package mqttapi

import (
	"cmp"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"gphotos2mqtt/mediatype"
)

// The pairs in testdata/uploads.txtar and testdata/requests.txtar are commands and their answers. The commands in there
// are the input; the answers are what a bridge publishes that met the situation their names tell.

var received = time.Date(2026, 11, 22, 20, 0, 0, 987654321, time.FixedZone("CET", 3600))

// results are what became of the uploads in testdata/uploads.txtar.
var results = map[string]func(u Upload, err error) Result{
	"accepted": func(u Upload, _ error) Result { return result(u, StatusAccepted, StatusAccepted) },
	"done": func(u Upload, _ error) Result {
		r := result(u, StatusDone, StatusDone)
		if u.Album != "" || u.AlbumID != "" {
			r.Album = &ResultAlbum{ID: "AF1QipAlbum", Title: cmp.Or(u.Album, "Front door"), Created: u.Album != ""}
		}
		return r
	},
	"partial": func(u Upload, _ error) Result {
		r := result(u, StatusPartial, StatusDone)
		last := &r.Items[len(r.Items)-1]
		*last = ResultItem{Path: last.Path, Name: last.Name, Status: StatusFailed, Error: NewError(CodeNotFound)}
		return r
	},
	"cancelled": func(u Upload, _ error) Result {
		r := result(u, StatusCancelled, StatusCancelled)
		r.Error = NewError(CodeCancelled)
		return r
	},
	"refused": func(u Upload, err error) Result {
		e, _ := err.(*Error) //nolint:errorlint // ParseUpload promises *Error itself
		return Refused(u, e, received)
	},
}

// result fills in what every job has.
func result(u Upload, status, item Status) Result {
	r := Result{Status: status, Job: "01JDC2M6TB0000000000000000", ID: Optional(u.ID), Transaction: u.Transaction, Received: At(received)}
	for i, f := range u.Files {
		mime := mediatype.Of(f.Data.head()).MIME
		one := ResultItem{Path: f.Path, Name: f.FileName("home", received, mime), Status: item, Bytes: cmp.Or(f.Data.Len(), 184233)}
		if item == StatusDone {
			one.MediaItemID = "AF1QipItem" + string(rune('1'+i))
			one.ProductURL = "https://photos.google.com/lr/photo/" + one.MediaItemID
		}
		r.Items = append(r.Items, one)
	}
	if status != StatusAccepted {
		r.Finished, r.Attempts = At(received.Add(2*time.Second)), 1
	}
	return r
}

func TestUploadPairs(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/uploads.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var files []txtar.File
	for _, command := range commands(archive) {
		u, err := ParseUpload([]byte(strings.TrimSuffix(string(command.Data), "\n")), "home", nil)
		files = append(files, command)
		for _, f := range archive.Files {
			if path.Dir(f.Name) != path.Dir(command.Name) || f.Name == command.Name {
				continue
			}
			situation := path.Base(f.Name)
			if (situation == "refused") != (err != nil) {
				t.Errorf("%s: %v", f.Name, err)
			}
			text, err := results[situation](u, err).Encode(0)
			if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			files = append(files, txtar.File{Name: f.Name, Data: pretty(t, text)})
		}
	}
	golden(t, "uploads", files)
}

// responses are the answers to the requests in testdata/requests.txtar.
var responses = map[Verb]any{
	VerbAlbums:      AlbumsData{Albums: []Album{album}, NextPageToken: "CkgK"},
	VerbAlbumCreate: OneData{Album: new(Album{ID: "AF1QipAlbum", Title: "Front door", Writeable: true, ProductURL: album.ProductURL})},
	VerbAlbumUpdate: OneData{Album: new(album)},
	VerbAlbumAdd:    CountData{AlbumID: album.ID, Requested: 2, Done: 2},
	VerbAlbumRemove: CountData{AlbumID: album.ID, Requested: 1, Done: 1},
	VerbAlbumEnrich: OneData{EnrichmentID: "AF1QipText"},
	VerbMedia:       MediaData{Items: []Item{picture, film}, Expires: At(received.Add(time.Hour))},
	VerbMediaGet: GotData{
		Items:   []GotItem{sized(picture, "=h2160"), {ID: "AF1QipGone", Error: NewError(CodeNotFound)}},
		Expires: At(received.Add(time.Hour)),
	},
	VerbMediaUpdate: OneData{Item: new(picture)},
	VerbMediaSave:   SavedData{Path: "/media/saved/door.jpg", Bytes: 184233},
	VerbRefresh:     RefreshData{Albums: 3, Items: 100},
	VerbLink:        LinkData{URL: "http://bridge.lan:8099/link/K7pQ2mXv", ConsentURL: "https://accounts.google.com/o/oauth2/v2/auth?client_id=…&state=…", Expires: At(received.Add(10 * time.Minute))},
	VerbLinkFinish:  OneData{Account: new(Account{ID: "1234567890", Name: "Ada Example", Email: "ada@example.com"})},
	VerbUnlink:      nil,
	VerbJobs: JobsData{Jobs: []Job{{
		Job: "01JDC2M6TB0000000000000000", Transaction: json.RawMessage(`7`), Status: StatusAccepted, Received: At(received),
		Album: "Front door", Files: 2, Done: 1, Bytes: 368466, Attempts: 3,
		Waits: &Hold{Reason: HoldQuotaDaily, Message: NewError(CodeQuotaDaily).Message, Until: At(received.Add(13 * time.Hour))},
	}}},
	VerbJobCancel: OneData{Job: new(Job{Job: "01JDC2M6TB0000000000000000", ID: "door-1", Status: StatusCancelled, Received: At(received), Files: 1, Bytes: 184233})},
	VerbEntryAdd:  AddedData{Change: EntryAdded, Entry: garden},
	VerbEntryList: EntriesData{Entries: []EntryInfo{garden, {
		Entry: "home", Source: FromSettings, Status: EntryOffline, Link: Optional(LinkUnlinked), Process: "7PM2V4XK",
		Problem: "The broker refused the password: check GPHOTOS_MQTT_PASSWORD.", Settings: garden.Settings,
	}}, Count: 2},
	VerbEntryRemove: RemovedData{Entry: "garden", Status: EntryRemoved},
	VerbJobRetry:    OneData{Job: new(Job{Job: "01JDC2M6TB0000000000000000", ID: "door-1", Status: StatusAccepted, Received: At(received), Files: 1, Bytes: 184233})},
}

var (
	album = Album{
		ID: "AF1QipAlbum", Title: "Front door", Items: 17, Writeable: true, ProductURL: "https://photos.google.com/lr/album/AF1QipAlbum",
		CoverURL: "https://lh3.googleusercontent.com/lr/cover=w512-h512", CoverMediaItemID: "AF1QipItem1",
	}
	picture = Item{
		About: About{
			ID: "AF1QipItem1", FileName: "door.jpg", Description: "Visitor at the front door", MIMEType: "image/jpeg", Created: At(received),
			Width: 1920, Height: 1080, Camera: "Reolink RLC-810A", ProductURL: "https://photos.google.com/lr/photo/AF1QipItem1",
		},
		URL: "https://lh3.googleusercontent.com/lr/one=w2048-h2048", ThumbnailURL: "https://lh3.googleusercontent.com/lr/one=w512-h512",
		DownloadURL: "https://lh3.googleusercontent.com/lr/one=d",
	}
	film = Item{
		About: About{
			ID: "AF1QipItem2", FileName: "door.mp4", MIMEType: "video/mp4", Created: At(received), Width: 1920, Height: 1080,
			ProductURL: "https://photos.google.com/lr/photo/AF1QipItem2",
		},
		URL:          "https://lh3.googleusercontent.com/lr/two=dv",
		ThumbnailURL: "https://lh3.googleusercontent.com/lr/two=w512-h512", DownloadURL: "https://lh3.googleusercontent.com/lr/two=dv",
		Video: &Video{FPS: 29.97, Status: "READY"},
	}
)

// garden is an entry that was added at run time.
var garden = EntryInfo{
	Entry: "garden", Source: FromRequest, Status: EntryOnline, Link: Optional(LinkUnlinked),
	Settings: map[string]any{
		"name": "The garden", "album": "Beds", "listings": "all", "album_images": 5, "mirror": []string{}, "mirror_folder": "",
		"mirror_items": 50, "mirror_max": 1 << 30, "project": "second", "client_id": "",
	},
}

// listed are items as a listing shows them, and sizes what it says beside them.
func listed(items ...Item) (list []ListedItem) {
	for _, item := range items {
		base, _, _ := strings.Cut(item.ThumbnailURL, "=")
		list = append(list, ListedItem{About: item.About, BaseURL: base, Video: item.Video})
	}
	return list
}

var sizes = Sizes{URL: "=w2048-h2048", ThumbnailURL: "=w512-h512", DownloadURL: "=d", VideoURL: "=dv"}

// sized returns the item with its URL in another size.
func sized(item Item, suffix string) GotItem {
	base, _, _ := strings.Cut(item.URL, "=")
	item.URL = base + suffix
	return GotItem{ID: item.ID, Item: &item}
}

func TestRequestPairs(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/requests.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var files []txtar.File
	left := slices.Concat(slices.Sorted(maps.Keys(verbs)), slices.Sorted(maps.Keys(bridgeVerbs)))
	for _, command := range commands(archive) {
		topics, verb := requested(command.Name)
		request, err := ParseRequest(verb, command.Data)
		if topics == ofBridge {
			request, err = ParseBridgeRequest(verb, command.Data)
		}
		response := Response{Transaction: request.Transaction, Data: responses[verb]}
		if err != nil {
			response.Error, _ = err.(*Error) //nolint:errorlint // ParseRequest promises *Error itself
		}
		text, err := response.Encode(0)
		if err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
		files = append(files, command, txtar.File{Name: path.Dir(command.Name) + "/response", Data: pretty(t, text)})
		left = slices.DeleteFunc(left, func(v Verb) bool { return v == verb && response.Error == nil })
	}
	if len(left) > 0 {
		t.Errorf("no command that works for %q", left)
	}
	golden(t, "requests", files)
}

// requested are topics and verb of a file in testdata/requests.txtar.
func requested(name string) (Topics, Verb) {
	if verb, ok := strings.CutPrefix(path.Dir(name), "bridge/"); ok {
		return ofBridge, Verb(verb)
	}
	return home, Verb(path.Dir(name))
}

func commands(archive *txtar.Archive) []txtar.File {
	return slices.DeleteFunc(slices.Clone(archive.Files), func(f txtar.File) bool { return path.Base(f.Name) != "command" })
}
