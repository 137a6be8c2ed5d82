package library

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // Google gives pictures in their own format
	"image/jpeg"
	_ "image/png"
	"io"
	"slices"
	"time"

	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/spec"
)

const (
	imagePause     = 2 * time.Second // the shortest time between two pictures, so that a thousand uploads cost some and not a thousand
	imageTries     = 4               // how many sizes of one picture are fetched at most
	usualDensity   = 0.25            // how many bytes a pixel takes in Google's JPEGs at first guess
	maxConvert     = 1280            // longest side of a picture that is turned into a JPEG: that takes four bytes of memory a pixel
	suffixNoButton = "-no"           // no play button: https://developers.google.com/photos/library/guides/access-media-items#video-base-urls
)

// imageSides are the boxes that pictures are asked in, in pixels. Google makes no picture larger than it is.
var imageSides = []int{160, 240, 320, 480, 640, 800, 1024, 1280, 1600, 2048, 2560, 3200, 4096, 6144, 8192}

// converted are the types that Google does not give as a JPEG.
var converted = []string{"image/png", "image/gif", "image/webp"}

var errNoJPEG = errors.New("google gives no picture that can be shown as a jpeg")

// KeepImage keeps E/image at the newest upload until ctx ends, whose error it returns. It is published once in each run, so that a broker
// that has lost it has it again.
func (l *Library) KeepImage(ctx context.Context) error {
	for tries, wait := 0, time.Duration(0); ; { // until the next try; 0 = until there is something new
		err := wake.Sleep(ctx, l.picture, wait)
		if err == nil { // apart, as a picture's item and its bytes take stack
			err = task.Apart(func() (err error) {
				tries, err = l.keepImage(ctx, tries)
				return err
			})
		}
		if err != nil {
			return err
		}
		if wait = 0; tries > 0 {
			wait = pollPause(tries)
		}
	}
}

// keepImage shows the newest upload if that is not shown, and returns how often that was tried in vain.
func (l *Library) keepImage(ctx context.Context, tries int) (int, error) {
	l.mu.Lock()
	id := cmp.Or(l.cache.newest, noUpload)
	newest, shown := l.cache.items[id], id == l.cache.shown
	l.mu.Unlock()
	if id == noUpload && !shown {
		l.showImage(id, placeholder)
		return tries, nil
	}
	if shown || newest.BaseURL == "" || !time.Now().Before(takeBack(newest.at)) {
		return 0, nil
	}
	if err := l.cfg.Fetching.Take(ctx); err != nil {
		return 0, err
	}
	picture, err := l.fetchImage(ctx, newest.Item)
	l.cfg.Fetching.Give()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	} else if err != nil { // the address has died, or Google still works on a video
		tries++
		wait := pollPause(tries).String()
		l.cfg.Log.WithError(err).WithFields(map[string]any{"op": "image", "wait": wait}).Info("newest upload cannot be shown yet")
		return tries, nil
	}
	l.showImage(id, picture)
	_ = wake.Sleep(ctx, nil, imagePause)
	return 0, nil
}

func (l *Library) showImage(id string, picture []byte) {
	if err := l.cfg.Out.Retain(l.cfg.Topics.Image(), picture); err != nil {
		l.cfg.Log.WithError(err).WithField("op", "image").Error("newest upload is not shown")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cache.shown = id
	l.picture.Set() // there may be a newer one by now
}

// fetchImage returns the item, of a video a frame, as the largest JPEG to be published, and learns the density of a camera's pictures.
func (l *Library) fetchImage(ctx context.Context, i photos.Item) (best []byte, err error) {
	const margin = 0.95             // pictures of one camera differ
	fits, fails := -1, largest(i)+1 // sides that are known to
	for range imageTries {
		side := fails - 1
		for side > max(fits, 0) && pixels(i, side)*l.density > margin*float64(l.cfg.MaxPublish()) {
			side--
		}
		if side == fits {
			break
		}
		picture, whole, err := l.download(ctx, i, side)
		if err != nil {
			return nil, err
		}
		if measured := float64(max(len(picture), 1)) / pixels(i, side); whole || measured > l.density {
			l.density = measured
		}
		if whole {
			best, fits = picture, side
		} else {
			fails = side
		}
	}
	if best == nil {
		err = errNoJPEG
	}
	return best, err
}

// download fetches the item in one size. It is not whole when it is larger than what may be published, and read only that far.
func (l *Library) download(ctx context.Context, i photos.Item, side int) (picture []byte, whole bool, err error) {
	suffix := spec.Size{Width: imageSides[side], Height: imageSides[side]}.Suffix()
	if i.IsVideo() {
		suffix += suffixNoButton
	}
	limit, watchdog := l.cfg.MaxPublish(), wake.Watch(ctx, account.StallLimit)
	got, err := l.cfg.Google.Download(watchdog.Context, i.BaseURL, suffix)
	if err != nil {
		return nil, false, watchdog.Stop(err)
	}
	body := watchdog.Reader(got.Body)
	defer body.Close() //nolint:errcheck // only read from
	picture, err = io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err = watchdog.Stop(err); err != nil || len(picture) > limit {
		return picture, false, err
	}
	picture, err = asJPEG(picture)
	return picture, err == nil && len(picture) <= limit, err
}

func largest(i photos.Item) int {
	full := slices.IndexFunc(imageSides, func(side int) bool { return int64(side) >= max(i.Width, i.Height) })
	if full < 0 || i.Width <= 0 || i.Height <= 0 {
		full = len(imageSides) - 1
	}
	if slices.Contains(converted, i.MIMEType) {
		full = min(full, slices.Index(imageSides, maxConvert))
	}
	return full
}

// pixels is how many the item has when it is fitted into a box.
func pixels(i photos.Item, side int) float64 {
	w, h, box := float64(i.Width), float64(i.Height), float64(imageSides[side])
	if w <= 0 || h <= 0 { // unknown
		return box * box * 3 / 4
	}
	scale := min(1, box/max(w, h))
	return max(1, w*h*scale*scale)
}

// asJPEG turns a picture into a JPEG if it is none, whatever it is said to be: subscribers are told one format.
func asJPEG(picture []byte) ([]byte, error) {
	if bytes.HasPrefix(picture, []byte("\xff\xd8\xff")) {
		return picture, nil
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil || max(config.Width, config.Height) > maxConvert {
		return nil, errNoJPEG
	}
	var b bytes.Buffer
	img, _, err := image.Decode(bytes.NewReader(picture))
	if err == nil {
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", errNoJPEG, err)
	}
	return b.Bytes(), err
}
