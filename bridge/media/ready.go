package media

import (
	"bytes"
	"fmt"
	"time"

	"gphotos2mqtt/mediatype"
	"gphotos2mqtt/mqttapi"
)

// Patience says how long files are waited for.
type Patience struct {
	Missing time.Duration // for one that is not there, setting GPHOTOS_MEDIA_WAIT; 0 = not at all
	Quiet   time.Duration // without a change, for a kind whose end does not show, setting GPHOTOS_MEDIA_QUIET; 0 = not at all
	Limit   time.Duration // for one that is not finished, setting GPHOTOS_MEDIA_LIMIT; 0 = not at all
}

// An UnfinishedError says that a file cannot be taken yet: it is being written, as far as can be seen.
type UnfinishedError struct {
	Seen  Seen
	Ready time.Duration // from now on, if it does not change
	Empty bool          // it is there and has no content yet: as good as missing
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("%s is not complete yet: it is taken when it is, or has not changed for a while.", Shorten(e.Seen.Path))
}

// Refusal is the error for a user who has waited in vain.
func (e *UnfinishedError) Refusal() *mqttapi.Error {
	if e.Empty {
		return because(mqttapi.CodeEmpty, "%s is empty.", e.Seen.Path)
	}
	return because(mqttapi.CodeChanged, "%s was still being written: send it again when it is complete.", e.Seen.Path)
}

// Finished returns nil when the file can be taken: its content has its end, or it has been quiet for as long as its kind needs, which the
// disk's own times show, or still, since when it was seen to be as it is. last: there is no more time, so that what is quiet is taken,
// whatever its end. The error is an *UnfinishedError or one of File's.
func (f *File) Finished(still time.Time, last bool, p Patience) error {
	now := time.Now()
	quiet := now.Sub(still)
	if changed := later(f.ModTime, f.ChangeTime); !changed.After(now) { // a disk of another clock says nothing
		quiet = max(quiet, now.Sub(changed))
	}
	need, err := f.need(p)
	if err != nil {
		return err
	}
	if last {
		need = min(need, p.Quiet)
	}
	if quiet >= need {
		return nil
	}
	return &UnfinishedError{Seen: f.Seen, Ready: need - quiet, Empty: f.Size == 0}
}

// need is for how long the file must not have changed.
func (f *File) need(p Patience) (time.Duration, error) {
	if f.Size == 0 {
		return p.Missing, nil
	}
	head := make([]byte, min(f.Size, mediatype.HeadSize))
	if _, err := f.ReadAt(head, 0); err != nil {
		return 0, err
	}
	if Blank(head) {
		return p.Limit, nil
	} else if mediatype.Undecided(head) {
		return p.Quiet, nil
	}
	r := &remembering{File: f}
	end := mediatype.End(r, f.Size)
	switch {
	case r.err != nil:
		return 0, r.err
	case end == mediatype.Whole:
		return 0, nil
	case end == mediatype.Cut:
		return p.Limit, nil
	}
	return p.Quiet, nil
}

// A remembering reader tells an error of the disk from the end of the content.
type remembering struct {
	*File

	err error
}

func (r *remembering) ReadAt(p []byte, offset int64) (int, error) {
	n, err := r.File.ReadAt(p, offset)
	if err != nil && offset+int64(len(p)) <= r.Size {
		r.err = err
	}
	return n, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Blank reports whether a file begins with nothing that could tell its kind: it is empty, or room that was made in advance.
func Blank(head []byte) bool { return len(bytes.TrimLeft(head, "\x00")) == 0 }
