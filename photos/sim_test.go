package photos_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/photosim"
	"gphotos2mqtt/photos/spec"
)

// bearer adds an access token, as the client of a linked account does.
type bearer struct {
	token string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(req)
}

// simulated gives a Google in process and a client of it. Under synctest it must be called in the bubble.
func simulated(t *testing.T, cfg photosim.Config, scopes ...string) (*photosim.Server, *photos.Client) {
	t.Helper()
	cfg.Dir = t.TempDir()
	sim := photosim.New(cfg)
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	grant, err := sim.Grant(photosim.GrantRequest{Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return sim, photos.New(photos.Config{
		HTTP:  &http.Client{Transport: bearer{grant.AccessToken, sim.Transport()}},
		Bytes: &http.Client{Transport: sim.Transport()},
	})
}

// photo is a picture of one colour, another for each n.
func photo(n int) photos.Media {
	picture := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range 64 * 48 {
		picture.Set(i%64, i/64, color.RGBA{uint8(n), uint8(n >> 8), 7, 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		panic(err)
	}
	return inMemory(b.Bytes(), "image/png")
}

// video is n bytes that begin as an MP4 file does.
func video(n int) photos.Media {
	data := make([]byte, n)
	copy(data, "\x00\x00\x00\x20ftypisom")
	return inMemory(data, "video/mp4")
}

func upload(t *testing.T, c *photos.Client, m photos.Media) secret.Text {
	t.Helper()
	token, err := c.Upload(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// made puts n photos into the library, and into the album when there is one.
func made(t *testing.T, c *photos.Client, albumID string, n int) []photos.Item {
	t.Helper()
	batch := make([]photos.NewItem, n)
	for i := range n {
		batch[i] = photos.NewItem{Token: upload(t, c, photo(i)), FileName: fmt.Sprintf("%d.png", i)}
	}
	created, err := c.CreateItems(t.Context(), albumID, batch)
	if err != nil {
		t.Fatal(err)
	}
	items := make([]photos.Item, n)
	for i, one := range created {
		if one.Err != nil {
			t.Fatal(one.Err)
		}
		items[i] = one.Item
	}
	return items
}

func TestPhotoIntoAlbum(t *testing.T) {
	_, c := simulated(t, photosim.Config{})
	ctx := t.Context()
	album, err := c.CreateAlbum(ctx, "Front door")
	if err != nil || album.Title != "Front door" || !album.Writeable || album.Items != 0 {
		t.Fatalf("got %+v, %v", album, err)
	}
	created, err := c.CreateItems(ctx, album.ID, []photos.NewItem{
		{Token: upload(t, c, photo(1)), FileName: "door.png", Description: "Who is it?"},
		{Token: upload(t, c, inMemory([]byte("no picture at all"), "image/jpeg")), FileName: "text.jpg"},
		{Token: upload(t, c, photo(1)), FileName: "again.png"},
		{Token: upload(t, c, video(100)), FileName: "clip.mp4"},
	})
	if err != nil {
		t.Fatal(err)
	}
	kinds := []photos.Kind{0, photos.Rejected, photos.Duplicate, 0}
	for i, one := range created {
		if photos.KindOf(one.Err) != kinds[i] {
			t.Errorf("item %d: %v, want %v", i, one.Err, kinds[i])
		}
	}
	door := created[0].Item
	got, err := c.Item(ctx, door.ID)
	if err != nil || got.FileName != "door.png" || got.Description != "Who is it?" || got.Width != 64 || got.Height != 48 || got.Created.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
	if album, err = c.Album(ctx, album.ID); err != nil || album.Items != 2 || album.CoverThumbnailURL() == "" {
		t.Errorf("got %+v, %v", album, err)
	}
	several, err := c.Items(ctx, []string{created[3].Item.ID, "unknown", door.ID})
	if err != nil || several[0].Item.Video == nil || photos.KindOf(several[1].Err) != photos.NotFound || several[2].Item.FileName != "door.png" {
		t.Errorf("got %+v, %v", several, err)
	}
}

// all reads page after page of a search; the zero Search is read with ListItems.
func all(t *testing.T, c *photos.Client, s photos.Search) (items []photos.Item) {
	t.Helper()
	for {
		page, err := c.SearchItems(t.Context(), s)
		if s.AlbumID == "" && s.Filters == nil {
			page, err = c.ListItems(t.Context(), s.PageSize, s.PageToken)
		}
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, page.Items...)
		if s.PageToken = page.Next; s.PageToken == "" {
			return items
		}
	}
}

func TestLibraryIsRead(t *testing.T) {
	_, c := simulated(t, photosim.Config{})
	ctx := t.Context()
	album, err := c.CreateAlbum(ctx, "A")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, item := range made(t, c, album.ID, 7) {
		want = append(want, item.ID)
	}
	slices.Sort(want)
	for name, s := range map[string]photos.Search{
		"all":    {PageSize: 2},
		"album":  {PageSize: 3, AlbumID: album.ID},
		"photos": {Filters: &spec.Filters{MediaType: "photo"}},
		"dates":  {OldestFirst: true, Filters: &spec.Filters{Ranges: []spec.DateRange{{Start: spec.Date{Year: 2000}, End: spec.Date{Year: 2999}}}}},
	} {
		var got []string
		for _, item := range all(t, c, s) {
			got = append(got, item.ID)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for i := range 60 {
		if _, err := c.CreateAlbum(ctx, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, err := range c.AllAlbums(ctx) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 61 {
		t.Errorf("got %d albums, want 61", n)
	}
}

func TestLibraryIsChanged(t *testing.T) {
	sim, c := simulated(t, photosim.Config{})
	ctx := t.Context()
	album, err := c.CreateAlbum(ctx, "A")
	if err != nil {
		t.Fatal(err)
	}
	items := made(t, c, "", 3)
	ids := []string{items[0].ID, items[1].ID, items[2].ID}
	if err := c.AddItems(ctx, album.ID, ids); err != nil {
		t.Error(err)
	}
	if err := c.RemoveItems(ctx, album.ID, ids[:1]); err != nil {
		t.Error(err)
	}
	title := "B"
	changed, err := c.UpdateAlbum(ctx, album.ID, photos.AlbumUpdate{Title: title, CoverItemID: ids[2]})
	if err != nil || changed.Title != "B" || changed.CoverItemID != ids[2] || changed.Items != 2 {
		t.Errorf("got %+v, %v", changed, err)
	}
	item, err := c.UpdateDescription(ctx, ids[0], "Grüße")
	if err != nil || item.Description != "Grüße" {
		t.Errorf("got %+v, %v", item, err)
	}
	place := spec.Place{Name: "Berlin", Latitude: 52.5, Longitude: 13.4}
	for _, e := range []spec.Enrichment{
		{Text: "Day 1", Position: spec.Position{First: true}},
		{Location: &place, Position: spec.Position{AfterItemID: ids[1]}},
		{Map: &spec.Route{Origin: place, Destination: spec.Place{Name: "Null Island"}}},
	} {
		if id, err := c.AddEnrichment(ctx, album.ID, e); err != nil || id == "" {
			t.Errorf("%+v: %q, %v", e, id, err)
		}
	}
	if got := sim.Library()[0].Albums[0]; !slices.Equal(got.Items, ids[1:]) || got.Title != "B" {
		t.Errorf("Google has %+v", got)
	}
	unknown := photos.KindOf(c.AddItems(ctx, album.ID, []string{"unknown"}))
	_, foreign := c.CreateItems(ctx, "unknown", []photos.NewItem{{Token: upload(t, c, photo(9))}})
	_, gone := c.Album(ctx, "unknown")
	got := []photos.Kind{unknown, photos.KindOf(foreign), photos.KindOf(gone)}
	if diff := cmp.Diff([]photos.Kind{photos.NotFound, photos.AlbumNotFound, photos.AlbumNotFound}, got); diff != "" {
		t.Errorf("refusals:\n%s", diff)
	}
}

func TestBytesComeBack(t *testing.T) {
	_, c := simulated(t, photosim.Config{})
	made(t, c, "", 1)
	for _, item := range all(t, c, photos.Search{}) {
		for _, suffix := range []string{photos.SuffixPhoto, spec.Size{Width: 16, Height: 16, Crop: true}.Suffix()} {
			got, err := c.Download(t.Context(), item.BaseURL, suffix)
			if err != nil {
				t.Fatal(err)
			}
			picture, _, err := image.DecodeConfig(got.Body)
			rest, _ := io.Copy(io.Discard, got.Body)
			if err != nil || picture.Width == 0 || rest < 0 || got.Body.Close() != nil {
				t.Errorf("%s: got %+v, %v", suffix, picture, err)
			}
		}
		if _, err := c.Download(t.Context(), item.BaseURL+"x", photos.SuffixPhoto); photos.KindOf(err) != photos.NotFound {
			t.Errorf("a wrong base URL: %v", err)
		}
	}
}
