package bridge

import (
	"fmt"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// result makes the message about a job: `accepted` while it is on its way, and
// at last what became of each of its files.
func result(r store.Job, limit int, finished time.Time) ([]byte, error) {
	m := mqttapi.Result{
		Status: mqttapi.StatusAccepted, Job: r.ID, ID: r.CommandID, Transaction: r.Transaction,
		Received: mqttapi.At(r.Received), Finished: mqttapi.At(finished), Attempts: r.Attempts,
	}
	if r.Album.ID != "" || r.Album.Title != "" {
		m.Album = &mqttapi.ResultAlbum{ID: r.Album.ID, Title: r.Album.Title, Created: r.Album.Created}
	}
	for _, f := range r.Files {
		m.Items = append(m.Items, resultItem(f))
	}
	if !finished.IsZero() {
		m.Status = statusOf(r.Files)
		if m.Status == mqttapi.StatusFailed {
			m.Error = m.Items[0].Error
		}
	}
	payload, err := m.Encode(limit)
	if err != nil {
		return nil, fmt.Errorf("result of job %s: %w", r.ID, err)
	}
	return payload, nil
}

// refusal makes the message about a command that became no job; files are what
// is known of its files, if they were looked at.
func refusal(cmd mqttapi.Upload, cause *mqttapi.Error, files []store.File, limit int) ([]byte, error) {
	m := mqttapi.Refused(cmd, cause, time.Now())
	for _, f := range files {
		m.Items = append(m.Items, resultItem(f))
	}
	if cause == nil {
		m.Error = m.Items[0].Error
	}
	payload, err := m.Encode(limit)
	if err != nil {
		return nil, fmt.Errorf("refusal: %w", err)
	}
	return payload, nil
}

func resultItem(f store.File) mqttapi.ResultItem {
	item := mqttapi.ResultItem{
		Path: f.Path, Name: f.Name, Status: mqttapi.StatusAccepted, Bytes: f.Size,
		MediaItemID: f.ItemID, ProductURL: f.ProductURL, Duplicate: f.Duplicate,
	}
	switch f.Status {
	case store.FileDone:
		item.Status = mqttapi.StatusDone
	case store.FileFailed:
		item.Status = mqttapi.StatusFailed
		item.Error = &mqttapi.Error{Code: mqttapi.Code(f.ErrorCode), Message: f.ErrorMessage}
		if item.Error.Code == mqttapi.CodeCancelled {
			item.Status = mqttapi.StatusCancelled
		}
	case store.FileQueued, store.FileSent:
	}
	return item
}

// statusOf sums up files that are all over.
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
