package photos_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"

	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/photosim"
)

// newExample gives a client of a simulated Google. Against the real one HTTP is what golang.org/x/oauth2 makes, and
// Bytes can stay nil.
func newExample() (client *photos.Client, sim *photosim.Server) {
	sim = photosim.New(photosim.Config{})
	grant, err := sim.Grant(photosim.GrantRequest{})
	if err != nil {
		panic(err)
	}
	return photos.New(photos.Config{
		HTTP:  &http.Client{Transport: bearer{grant.AccessToken, sim.Transport()}},
		Bytes: &http.Client{Transport: sim.Transport()},
	}), sim
}

// inMemory is media that lies in memory; a file would be opened and moved to the offset.
func inMemory(data []byte, mimeType string) photos.Media {
	return photos.Media{
		Size: int64(len(data)), MIMEType: mimeType,
		Open: func(_ context.Context, offset int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data[offset:])), nil
		},
	}
}

// A picture goes to Google in two steps: its bytes give an upload token, and the token becomes an item, here in an album.
func Example() {
	ctx := context.Background()
	client, sim := newExample()
	defer sim.Close()

	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 48))); err != nil {
		panic(err)
	}
	album, err := client.CreateAlbum(ctx, "Front door")
	if err != nil {
		panic(err)
	}
	token, err := client.Upload(ctx, inMemory(picture.Bytes(), "image/png"))
	if err != nil {
		panic(err)
	}
	created, err := client.CreateItems(ctx, album.ID, []photos.NewItem{{Token: token, FileName: "door.png", Description: "Who is it?"}})
	if err != nil {
		panic(err) // no item was made
	}
	for _, one := range created {
		if one.Err != nil {
			panic(one.Err) // this item was not made
		}
	}

	page, err := client.SearchItems(ctx, photos.Search{AlbumID: album.ID})
	if err != nil {
		panic(err)
	}
	for _, item := range page.Items {
		fmt.Printf("%s, %d by %d: %s\n", item.FileName, item.Width, item.Height, item.Description)
	}
	// Output: door.png, 64 by 48: Who is it?
}

// An upload in a session goes on where a broken connection, or a restart of the program, has left it.
func ExampleClient_Send() {
	ctx := context.Background()
	client, sim := newExample()
	defer sim.Close()
	clip := inMemory(append([]byte("\x00\x00\x00\x20ftypisom"), make([]byte, 1<<20)...), "video/mp4")

	session, err := client.Start(ctx, clip) // keep it: it lives for seven days
	if err != nil {
		panic(err)
	}
	half := int64(512 << 10)
	if err := sim.Faults(photosim.Fault{Route: "uploads.send", Calls: []int{1}, Mode: photosim.Cut, After: &half}); err != nil {
		panic(err)
	}
	_, err = client.Send(ctx, session, 0, clip, nil)
	fmt.Println("sent:", photos.KindOf(err))

	progress, err := client.Query(ctx, session)
	if err != nil {
		panic(err) // of Kind Expired: start over
	}
	fmt.Println("received:", progress.Received)
	token, err := client.Send(ctx, session, progress.Received, clip, nil)
	fmt.Println("sent:", token != "", err)
	// Output:
	// sent: transient
	// received: 524288
	// sent: true <nil>
}

// Whatever Google refuses has a Kind, which says what can be done.
func ExampleKindOf() {
	client, sim := newExample()
	defer sim.Close()
	if err := sim.Faults(photosim.Fault{Route: "albums.list", Mode: photosim.Refuse, Error: "daily_quota"}); err != nil {
		panic(err)
	}
	_, err := client.ListAlbums(context.Background(), 0, "")
	if photos.KindOf(err) == photos.DailyQuota {
		fmt.Println("go on after midnight Pacific time")
	}
	// Output: go on after midnight Pacific time
}
