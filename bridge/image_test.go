package bridge

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/photos/photosim"
	"gphotos2mqtt/photos/spec"
)

// Of bridge/library: the boxes that pictures are asked in, how many of them are tried,
// and the pause between two pictures.
var imageSides = []int{160, 240, 320, 480, 640, 800, 1024, 1280, 1600, 2048, 2560, 3200, 4096, 6144, 8192}

const (
	imageTries = 4
	imagePause = 2 * time.Second
)

// The largest of the sizes that fits is found in few downloads, and the next
// picture of the same camera needs one.
func TestImageIsTheLargestThatFits(t *testing.T) {
	for name, limit := range map[string]int{"some": 40 << 10, "all": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.config = func(c *EntryConfig) { c.MaxPublish = func() int { return limit } }
				r.start()
				r.broker.await(t, "the placeholder", func() bool { return r.broker.image() != nil })
				for n := range 2 {
					before, shown := r.sim.Stats().Routes["bytes"].Requests, r.broker.image()
					data := noise(uint64(n), 700, 500)
					if got := r.upload(string(data)); got["status"] != "done" {
						t.Fatalf("result: %v", got)
					}
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
func (r *harness) largest(limit int) int {
	r.t.Helper()
	items := r.items()
	item, err := r.entry.cfg.Google.Item(r.t.Context(), items[len(items)-1].ID)
	r.must(err)
	widest := 0
	for _, side := range imageSides {
		got, err := r.entry.cfg.Google.Download(r.t.Context(), item.BaseURL, spec.Size{Width: side, Height: side}.Suffix())
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
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.config = func(c *EntryConfig) { c.ListItems = 1 }
		r.start()
		r.must(r.sim.Faults(photosim.Fault{Route: "bytes", Mode: photosim.Refuse, Error: "unavailable"}))
		r.upload(string(jpegOf(21)))
		time.Sleep(5 * time.Second)
		placeholder := r.broker.image()
		r.seed(photosim.Seed{Items: 3, Newest: time.Now().Add(time.Hour), Every: photosim.Duration(time.Second), Width: 64, Height: 48})
		r.must(r.sim.Faults())
		r.restart()
		r.broker.await(t, "the image", func() bool { return !bytes.Equal(r.broker.image(), placeholder) })
		r.stop()
	})
}

// Before the first upload there is a picture that says so, and another account begins with it.
func TestImageBeforeTheFirstUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.must(r.sim.Close())
		r.sim = photosim.New(photosim.Config{Accounts: []photosim.Account{
			{ID: photosim.DefaultAccountID, Email: "one@example.com"}, {ID: "another", Email: "another@example.com"},
		}})
		r.start()
		r.broker.await(t, "the placeholder", func() bool { return r.broker.image() != nil })
		placeholder := r.broker.image()
		if side := sideOf(t, placeholder); side != 320 || len(placeholder) > 8<<10 {
			t.Errorf("%d bytes, %d pixels wide", len(placeholder), side)
		}
		r.upload(string(jpegOf(1)))
		r.broker.await(t, "the upload", func() bool { return !bytes.Equal(r.broker.image(), placeholder) })
		shown := r.broker.image()
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if !bytes.Equal(r.broker.image(), shown) {
			t.Error("it is another picture after some hours")
		}
		r.must(r.entry.cfg.Link.Unlink(t.Context(), true))
		r.linkAs(r.entry.cfg.Link, "another")
		r.broker.await(t, "the placeholder again", func() bool { return bytes.Equal(r.broker.image(), placeholder) })
		r.stop()
	})
}

// What the broker has lost while the bridge was away is there again after its start, and a photo that is deleted meanwhile is not.
func TestImageAfterTheBrokerHasLostIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		r.upload(string(jpegOf(1)))
		time.Sleep(time.Minute)
		first := r.broker.image()
		r.upload(string(jpegOf(2)))
		time.Sleep(time.Minute)
		second := r.broker.image()
		if first == nil || bytes.Equal(first, second) {
			t.Fatal("no pictures")
		}
		r.stop()
		r.broker.forget()
		r.start()
		r.broker.await(t, "the picture", func() bool { return bytes.Equal(r.broker.image(), second) })
		r.stop()
		r.broker.forget()
		items := r.items()
		r.must(r.sim.Delete(items[len(items)-1].ID))
		r.start()
		r.broker.await(t, "the one before", func() bool { return bytes.Equal(r.broker.image(), first) })
		r.stop()
	})
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
