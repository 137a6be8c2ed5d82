package bridge

import (
	"context"
	"errors"
	"io"
	"time"

	"gphotos2mqtt/photos"
)

// stallLimit is how long Google may take no byte and give no answer. Google's
// own clients wait 60 s for a call.
const stallLimit = time.Minute

// errStalled is the cause with which a watch ends its context.
var errStalled = errors.New("nothing moved for too long")

// A watch ends a context when it is not told for a while that something moves.
type watch struct {
	ctx   context.Context //nolint:containedctx // it is what the watch is for
	timer *time.Timer
	limit time.Duration
}

// watched starts a watch; the caller stops it.
func watched(parent context.Context, limit time.Duration) *watch {
	ctx, cancel := context.WithCancelCause(parent)
	return &watch{ctx: ctx, limit: limit, timer: time.AfterFunc(limit, func() { cancel(errStalled) })}
}

// moves says that something moves.
func (w *watch) moves() { w.timer.Reset(w.limit) }

// stop ends the watch and returns err, as a transient fault if the watch caused it.
func (w *watch) stop(err error) error {
	w.timer.Stop()
	if err != nil && context.Cause(w.ctx) == errStalled { //nolint:errorlint // our own value, never wrapped
		return &photos.Error{Kind: photos.Transient, Op: "wait for google", Lost: true, Err: errStalled}
	}
	return err
}

// reader tells the watch of every read.
func (w *watch) reader(r io.ReadCloser) io.ReadCloser { return watchedReader{r, w} }

type watchedReader struct {
	io.ReadCloser
	watch *watch
}

func (r watchedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.watch.moves()
	return n, err
}
