package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // Google gives pictures in their own format
	"image/jpeg"
	_ "image/png"
	"io"
	"math"
	"slices"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/photos"
)

const (
	// imageLedger is the record of the upload that E/image shows.
	imageLedger = "image"
	// imagePause is the shortest time between two pictures, so that a thousand uploads
	// cost some pictures and not a thousand.
	imagePause = 2 * time.Second
	// imageTries is how many sizes of one picture are fetched at most.
	imageTries = 4
	// maxConvert is the longest side in pixels of a picture that is turned into a JPEG:
	// that takes four bytes of memory a pixel.
	maxConvert = 1280
	// usualDensity is how many bytes a pixel takes in Google's JPEGs at first guess.
	usualDensity = 0.25
)

// imageSides are the boxes that pictures are asked in, in pixels. Google makes no
// picture larger than it is.
var imageSides = []int{160, 240, 320, 480, 640, 800, 1024, 1280, 1600, 2048, 2560, 3200, 4096, 6144, 8192}

// converted are the types that Google does not give as a JPEG.
var converted = []string{"image/png", "image/gif", "image/webp"}

// errNoJPEG is a picture that cannot be shown.
var errNoJPEG = errors.New("google gives no picture that can be shown as a jpeg")

// keepImage keeps E/image at the newest upload until ctx ends.
func (e *Entry) keepImage(ctx context.Context) error {
	var shown string
	if _, err := e.store.LoadState(ctx, e.cfg.Name, imageLedger, &shown); err != nil && !errors.Is(err, store.ErrDamaged) {
		return stopped(ctx, fmt.Errorf("load image: %w", err))
	}
	counted, _ := e.status.now()
	if last := counted.LastUpload; last != nil && last.MediaItemID != shown {
		e.listings.expect(last.MediaItemID) // a stop came between the upload and its picture
	}
	density := usualDensity
	var wait time.Duration // until the next try; 0 = until there is something new
	for tries := 0; ; {
		if sleep(ctx, e.listings.picture, wait) != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
		item, ok := e.listings.latest()
		if !ok {
			tries, wait = 0, 0
			continue
		}
		picture, err := e.fetchImage(ctx, item, &density)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
		if err != nil { // the address has died, or Google still works on a video
			tries++
			wait = min(firstPoll<<min(tries-1, 10), lastPoll)
			e.log.WithError(err).WithFields(map[string]any{"op": "image", "wait": wait.String()}).Info("newest upload cannot be shown yet")
			continue
		}
		if err := e.publishImage(ctx, item.ID, picture); err != nil {
			return stopped(ctx, err)
		}
		e.listings.shown(item.ID)
		tries, wait = 0, 0
		if sleep(ctx, nil, imagePause) != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
	}
}

// publishImage publishes the picture and notes whose it is. A stop in between
// publishes it again. Its error is the store's.
func (e *Entry) publishImage(ctx context.Context, id string, picture []byte) error {
	if err := e.out.Retain(e.topics.Image(), picture); err != nil {
		e.log.WithError(err).WithField("op", "image").Error("newest upload is not shown")
	}
	if err := e.store.SaveState(ctx, e.cfg.Name, imageLedger, id); err != nil {
		return fmt.Errorf("save image: %w", err)
	}
	return nil
}

// fetchImage returns the item, of a video a frame, as a JPEG of the largest of
// the sizes that may be published. density is how many bytes a pixel took the
// last time, so that a camera's pictures need one download each.
func (e *Entry) fetchImage(ctx context.Context, item photos.Item, density *float64) ([]byte, error) {
	var best []byte
	fits, fails := -1, len(imageSides) // sides that are known to
	side := guess(item, e.cfg.MaxPublish, *density)
	for range imageTries {
		picture, whole, err := e.download(ctx, item, imageSides[side])
		if err != nil {
			return nil, err
		}
		if measured := float64(max(len(picture), 1)) / pixels(item, imageSides[side]); whole || measured > *density {
			*density = measured
		}
		if whole {
			best, fits = picture, side
		} else {
			fails = side
		}
		// The guess is for the next size; what is known already bounds it.
		side = min(max(guess(item, e.cfg.MaxPublish, *density), fits), fails-1)
		if side == fits || side < 0 {
			break
		}
	}
	if best == nil {
		return nil, errNoJPEG
	}
	return best, nil
}

// guess returns the largest side whose picture should not exceed limit bytes.
func guess(item photos.Item, limit int, density float64) int {
	const margin = 0.95 // pictures of one camera differ
	full := slices.IndexFunc(imageSides, func(side int) bool { return int64(side) >= max(item.Width, item.Height) })
	if full < 0 || item.Width <= 0 || item.Height <= 0 {
		full = len(imageSides) - 1
	}
	if slices.Contains(converted, item.MIMEType) {
		full = min(full, slices.Index(imageSides, maxConvert))
	}
	for side := full; side > 0; side-- {
		if pixels(item, imageSides[side])*density <= margin*float64(limit) {
			return side
		}
	}
	return 0
}

// pixels is how many the item has when it is fitted into a box.
func pixels(item photos.Item, side int) float64 {
	w, h := float64(item.Width), float64(item.Height)
	if w <= 0 || h <= 0 {
		w, h = 4, 3
		scale := float64(side) / 4
		return w * h * scale * scale
	}
	scale := math.Min(1, float64(side)/math.Max(w, h))
	return max(1, w*h*scale*scale)
}

// download fetches the item in one size. It is not whole when it is larger than
// what may be published; then as much as that has been read.
func (e *Entry) download(ctx context.Context, item photos.Item, side int) (picture []byte, whole bool, err error) {
	suffix := photos.SizeSuffix(side, side, false)
	if item.IsVideo() {
		suffix += suffixNoButton
	}
	watch := watched(ctx, stallLimit)
	got, err := e.google.Download(watch.ctx, item.BaseURL, suffix)
	if err != nil {
		return nil, false, watch.stop(err)
	}
	body := watch.reader(got.Body)
	defer body.Close() //nolint:errcheck // only read from
	limit := e.cfg.MaxPublish
	picture, err = io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err = watch.stop(err); err != nil {
		return nil, false, err
	}
	if len(picture) > limit {
		return picture, false, nil
	}
	if picture, err = asJPEG(picture); err != nil {
		return nil, false, err
	}
	return picture, len(picture) <= limit, nil
}

// suffixNoButton leaves the play button out of a video's frame.
// Source: https://developers.google.com/photos/library/guides/access-media-items#video-base-urls
const suffixNoButton = "-no"

// asJPEG returns a picture as it is if it is a JPEG, whatever it is said to be, and
// otherwise turns it into one: subscribers are told one format.
func asJPEG(picture []byte) ([]byte, error) {
	if bytes.HasPrefix(picture, []byte("\xff\xd8\xff")) {
		return picture, nil
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil || max(config.Width, config.Height) > maxConvert {
		return nil, errNoJPEG
	}
	img, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoJPEG, err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoJPEG, err)
	}
	return b.Bytes(), nil
}

// expect names an upload that E/image does not show yet.
func (l *listings) expect(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newest == "" {
		l.newest, l.unseen = id, true
		wake(l.picture) // it may be listed already
		l.touch()
	}
}

// latest returns the newest upload if E/image does not show it and it has an address.
func (l *listings) latest() (photos.Item, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.items[l.newest]
	return i.Item, l.unseen && i.BaseURL != ""
}

// shown notes that E/image shows an item.
func (l *listings) shown(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newest == id {
		l.unseen = false
	}
}
