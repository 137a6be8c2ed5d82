// Package report says what became of a job, and why it waits: the messages about it, and its line in the list of jobs.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// Message makes the message about a job: `accepted` while it is on its way, and at last what became of each of its files.
func Message(r *store.Job, finished time.Time, limit int) ([]byte, error) {
	m := mqttapi.Result{
		Status: mqttapi.StatusAccepted, Job: mqttapi.Optional(r.ID), ID: mqttapi.Optional(r.CommandID), Transaction: r.Transaction,
		Received: mqttapi.At(r.Received), Finished: mqttapi.At(finished), Attempts: r.Attempts, Items: Items(r.Files), More: r.More,
	}
	if r.Album.ID != "" || r.Album.Title != "" {
		m.Album = &mqttapi.ResultAlbum{ID: r.Album.ID, Title: r.Album.Title, Created: r.Album.Created}
	}
	if !finished.IsZero() {
		if m.Status = statusOf(r.Files); m.Status == mqttapi.StatusFailed {
			m.Error = m.Items[0].Error
		}
	}
	payload, err := m.Encode(limit)
	if err != nil {
		return nil, fmt.Errorf("result of job %s: %w", r.ID, err)
	}
	return payload, nil
}

// Items says what became of files.
func Items(files []store.File) (items []mqttapi.ResultItem) {
	for _, f := range files {
		item := mqttapi.ResultItem{
			Path: f.Path, Name: f.Name, Status: mqttapi.StatusAccepted, Bytes: f.Size,
			MediaItemID: f.ItemID, ProductURL: f.ProductURL, Duplicate: f.Duplicate,
		}
		if !OnItsWay(f.Status) {
			item.Status = statusOf([]store.File{f})
		}
		if f.Status == store.FileFailed {
			item.Error = &mqttapi.Error{Code: mqttapi.Code(f.ErrorCode), Message: f.ErrorMessage}
		}
		if a := f.After; a != nil && a.Outcome != "" {
			item.After = &mqttapi.ResultAfter{Outcome: a.Outcome, Path: mqttapi.Optional(a.Now), Message: a.Problem}
		}
		items = append(items, item)
	}
	return items
}

func statusOf(files []store.File) mqttapi.Status {
	done, cancelled := 0, 0
	for _, f := range files {
		if f.Status == store.FileDone {
			done++
		} else if f.ErrorCode == string(mqttapi.CodeCancelled) {
			cancelled++
		}
	}
	switch {
	case done == len(files):
		return mqttapi.StatusDone
	case done > 0:
		return mqttapi.StatusPartial
	case cancelled > 0:
		return mqttapi.StatusCancelled
	}
	return mqttapi.StatusFailed
}

// Over reports whether nothing is to be done with any file any more.
func Over(files []store.File) bool {
	return !slices.ContainsFunc(files, func(f store.File) bool { return OnItsWay(f.Status) })
}

// OnItsWay reports whether something is still to be done with a file of that status.
func OnItsWay(s store.FileStatus) bool {
	return s == store.FileWaiting || s == store.FileQueued || s == store.FileSent || s == store.FileMade
}

// Job is the line of a job in the list; held is why its account waits, nil when it does not.
func Job(r *store.Job, held *mqttapi.Hold) mqttapi.Job {
	v := mqttapi.Job{
		Job: r.ID, ID: mqttapi.Optional(r.CommandID), Transaction: r.Transaction, Status: mqttapi.StatusAccepted, Received: mqttapi.At(r.Received),
		Album: cmp.Or(r.Album.Title, r.Album.ID), Files: len(r.Files), Attempts: r.Attempts,
	}
	switch r.State {
	case store.JobFinished, store.JobRetained:
		v.Status = statusOf(r.Files)
	case store.JobCancelled:
		v.Status = mqttapi.StatusCancelled
	case store.JobOpen:
		if v.Waits = Waits(r); v.Waits == nil {
			v.Waits = held
		}
		if v.Waits == nil {
			v.Waits = retried(r)
		}
	}
	for _, f := range r.Files {
		v.Bytes += f.Size
		if f.Status == store.FileDone {
			v.Done++
		}
	}
	return v
}

// Waits says why a job's first file that cannot be read yet waits, nil when there is none.
func Waits(r *store.Job) *mqttapi.Hold {
	for _, f := range r.Files {
		if f.Status == store.FileWaiting || f.Status == store.FileMade {
			return &mqttapi.Hold{Reason: mqttapi.HoldReason(f.Wait.Reason), Message: f.ErrorMessage, Until: mqttapi.At(f.Wait.Until)}
		}
	}
	return nil
}

// retried says why a file of a job waits for itself to be tried again, and until when; nil when none does.
func retried(r *store.Job) *mqttapi.Hold {
	for _, f := range r.Files {
		if wake.Left(f.NotBefore, f.Pause) > 0 && OnItsWay(f.Status) {
			return &mqttapi.Hold{Reason: mqttapi.HoldReason(f.ErrorCode), Message: f.ErrorMessage, Until: mqttapi.At(f.NotBefore)}
		}
	}
	return nil
}
