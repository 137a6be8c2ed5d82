package bridge

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/store/storetest"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/photosim"
)

// The largest of the sizes that fits is found in few downloads, and the next
// picture of the same camera needs one.
func TestImageIsTheLargestThatFits(t *testing.T) {
	storetest.VirtualTime(t)
	for name, limit := range map[string]int{"some": 40 << 10, "all": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.config = func(c *EntryConfig) { c.MaxPublish = limit }
				r.start()
				for n := range 2 {
					before := r.sim.Stats().Routes["bytes"].Requests
					data := noise(uint64(n), 700, 500)
					if got := r.upload(string(data)); got["status"] != "done" {
						t.Fatalf("result: %v", got)
					}
					shown := r.broker.image()
					r.broker.await(t, "the image", func() bool { return r.broker.image() != nil && !bytes.Equal(r.broker.image(), shown) })
					if calls := r.sim.Stats().Routes["bytes"].Requests - before; calls > imageTries || n > 0 && calls > 2 {
						t.Errorf("picture %d took %d downloads", n, calls)
					}
					side := sideOf(t, r.broker.image())
					if want := r.largest(limit); side != want {
						t.Errorf("picture %d is %d pixels wide, %d would fit", n, side, want)
					}
					time.Sleep(imagePause)
				}
				r.stop()
			})
		})
	}
}

// largest is the widest picture of the newest item that fits, found by trying all.
func (r *rig) largest(limit int) int {
	r.t.Helper()
	items := r.items()
	item, err := r.entry.google.Item(r.t.Context(), items[len(items)-1].ID)
	r.must(err)
	widest := 0
	for _, side := range imageSides {
		got, err := r.entry.google.Download(r.t.Context(), item.BaseURL, photos.SizeSuffix(side, side, false))
		r.must(err)
		var picture bytes.Buffer
		_, err = picture.ReadFrom(got.Body)
		r.must(errors.Join(err, got.Body.Close()))
		if picture.Len() <= limit {
			widest = max(widest, sideOf(r.t, picture.Bytes()))
		}
	}
	return widest
}

// A stop between an upload and its picture is made up for at the next start, also
// for a photo that is too old for any listing.
func TestImageAfterARestart(t *testing.T) {
	storetest.VirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.config = func(c *EntryConfig) { c.ListItems = 1 }
		r.start()
		r.must(r.sim.Faults(photosim.Fault{Route: "bytes", Mode: photosim.Refuse, Error: "unavailable"}))
		r.upload(string(jpegOf(21)))
		time.Sleep(5 * time.Second)
		r.seed(photosim.Seed{Items: 3, Newest: time.Now().Add(time.Hour), Every: photosim.Duration(time.Second), Width: 64, Height: 48})
		r.must(r.sim.Faults())
		r.restart()
		r.broker.await(t, "the image", func() bool { return r.broker.image() != nil })
		r.stop()
	})
}

func TestAsJPEG(t *testing.T) {
	photo := jpegOf(22)
	if got, err := asJPEG(photo); err != nil || !bytes.Equal(got, photo) {
		t.Errorf("a jpeg is changed: %v", err)
	}
	var drawing, huge bytes.Buffer
	if err := errors.Join(png.Encode(&drawing, image.NewGray(image.Rect(0, 0, 40, 30))), png.Encode(&huge, image.NewGray(image.Rect(0, 0, 2000, 10)))); err != nil {
		t.Fatal(err)
	}
	got, err := asJPEG(drawing.Bytes())
	if err != nil || sideOf(t, got) != 40 {
		t.Errorf("a png is not turned into a jpeg: %v", err)
	}
	for name, bad := range map[string][]byte{"too large": huge.Bytes(), "no picture": []byte("<html>404</html>"), "empty": nil} {
		if _, err := asJPEG(bad); !errors.Is(err, errNoJPEG) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGuessKeepsPicturesThatAreConvertedSmall(t *testing.T) {
	drawing := photos.Item{MIMEType: "image/png", Width: 4000, Height: 3000}
	if side := imageSides[guess(drawing, 32<<20, usualDensity)]; side > maxConvert {
		t.Errorf("a png is asked for at %d pixels", side)
	}
	if side := imageSides[guess(photos.Item{}, 32<<20, usualDensity)]; !slices.Contains(imageSides, side) {
		t.Errorf("an item without a size is asked for at %d pixels", side)
	}
}

// noise is a JPEG that is hard to compress.
func noise(seed uint64, width, height int) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = uint8(100 + random.UintN(32))
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func sideOf(t *testing.T, picture []byte) int {
	t.Helper()
	config, err := jpeg.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	return config.Width
}
