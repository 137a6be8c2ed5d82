package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/report"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// Accept makes one upload command durable. An answer is of a command that leaves nothing behind, to be published before it is acknowledged;
// without one the command is durable. An error is ctx's or the store's: without acknowledgement the broker delivers it again.
func (u *Uploads) Accept(ctx context.Context, d broker.Delivery) (answer []byte, err error) {
	defer u.queue.expect()()
	var cmd mqttapi.Upload
	exists := func(path string) bool { return u.cfg.Media.Exists(ctx, path) }
	if d.Retained {
		err = mqttapi.NewError(mqttapi.CodeRetainedCommand)
	} else if cmd, err = mqttapi.ParseUpload(d.Payload, u.cfg.Topics.Entry, exists); err == nil {
		answer, err = u.accept(ctx, d, cmd)
	}
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
		return u.Refuse(cmd, refused)
	}
	return answer, err
}

// accept returns what Accept does, and *mqttapi.Error for a refused command.
func (u *Uploads) accept(ctx context.Context, d broker.Delivery, cmd mqttapi.Upload) ([]byte, error) {
	var delivery store.Delivery // zero with QoS 0, which the broker never repeats
	if d.PacketID != 0 {
		sum := sha256.Sum256(d.Payload)
		delivery = store.Delivery{PacketID: d.PacketID, Hash: hex.EncodeToString(sum[:16])}
	}
	unlock, err := u.dedupe.Lock(ctx, cmd.ID, delivery)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if again, err := u.redelivered(ctx, d, delivery); again || err != nil {
		return nil, err
	}
	if earlier, ok := u.dedupe.Find(cmd.ID, store.Delivery{}); ok {
		first, err := u.answerOf(ctx, earlier.Job)
		if err == nil {
			return mqttapi.WithTransaction(first, cmd.Transaction)
		}
		if !errors.Is(err, store.ErrNotFound) { // its day is over, in the store a moment earlier
			return nil, err
		}
	}
	return u.acceptNew(ctx, cmd, delivery)
}

// redelivered reports whether the broker delivers a packet again that became a job before. A packet's number is free once the broker has
// our acknowledgement: a first delivery of equal number and bytes is another command, such as a camera's that publishes the same path each
// time, and from then on the earlier one can no longer be delivered again.
func (u *Uploads) redelivered(ctx context.Context, d broker.Delivery, delivery store.Delivery) (bool, error) {
	earlier, ok := u.dedupe.Find("", delivery)
	if !ok || d.Duplicate {
		return ok, nil
	}
	if j := u.queue.get(earlier.Job); j != nil {
		err := j.update(ctx, func(r *store.Job) { r.Delivery = store.Delivery{} })
		if err != nil && !errors.Is(err, errGone) {
			return false, err
		}
	}
	return false, u.dedupe.ForgetDelivery(ctx, earlier.Job)
}

func (u *Uploads) answerOf(ctx context.Context, id string) ([]byte, error) {
	j := u.queue.get(id)
	if j == nil {
		return u.dedupe.Result(ctx, id)
	}
	if r := j.view(); len(r.Result) == 0 {
		return report.Message(r, time.Time{}, u.cfg.MaxPublish())
	}
	return j.view().Result, nil
}

func (u *Uploads) acceptNew(ctx context.Context, cmd mqttapi.Upload, delivery store.Delivery) ([]byte, error) {
	if err := u.cfg.Account.MayUpload(); err != nil {
		return nil, err
	}
	if err := u.cfg.Capacity.ReserveJob(); err != nil {
		return nil, err
	}
	r := &store.Job{
		ID: ulid.Make().String(), Entry: u.cfg.Topics.Entry, Received: wake.Wall(), Ran: u.cfg.Store.Ran(),
		CommandID: cmd.ID, Transaction: cmd.Transaction, Delivery: delivery,
		Album: store.Album{Title: cmd.Album, ID: cmd.AlbumID},
	}
	if r.Album == (store.Album{}) {
		r.Album.Title = u.cfg.Album
	}
	err := u.takeFiles(ctx, r, cmd)
	refused := report.Over(r.Files)
	if err == nil && !refused {
		// A stop before this leaves payloads without a job, which are swept at the next start; after it the upload is never lost.
		if err = u.cfg.Store.AddJob(ctx, r); err == nil {
			u.dedupe.Accept(r)
			j := newJob(u, r)
			u.queue.add(j)
			u.outbox.add(j)
			u.cfg.Changed()
			return nil, nil
		}
	}
	for i := range r.Files {
		if f := &r.Files[i]; errors.Is(err, store.ErrEngine) && f.Payload != "" { // the job may be there, for the next owner of the entry
			u.cfg.Capacity.Exchange(capacity.Room{Bytes: f.Size}, capacity.Room{})
		} else {
			u.dropPayload(ctx, f)
		}
	}
	u.cfg.Capacity.Exchange(capacity.Room{Jobs: 1}, capacity.Room{})
	if err == nil {
		return u.Refuse(cmd, nil, r.Files...)
	}
	if errors.Is(err, store.ErrFull) {
		u.cfg.Log.WithError(err).WithField("op", "accept").Error("disk is full")
		if err := u.cfg.Capacity.Trim(ctx, 0); err != nil {
			return nil, err
		}
		err = mqttapi.Errorf(mqttapi.CodeBusy, "The bridge's disk is full: free some space below GPHOTOS_DATA_DIR, or in the NATS "+
			"cluster, then send this again.")
	}
	return nil, err
}

// takeFiles fills in the job's files. One that is refused fails alone, and one that cannot be read yet waits; a full disk or queue refuses
// the whole command, but for what is found by a pattern or in a folder.
func (u *Uploads) takeFiles(ctx context.Context, r *store.Job, cmd mqttapi.Upload) error {
	began := time.Now()
	for _, in := range cmd.Files {
		files, err := u.filesOf(ctx, r, cmd, in)
		if err != nil {
			return err
		}
		for _, f := range files {
			switch payload := payloadName(r, len(r.Files)); {
			case in.Path == "":
				err = u.tried(&f, u.takeData(ctx, &f, in.Data, payload))
			case !f.Expand && f.Status != store.FileFailed:
				err = u.tried(&f, u.takeNow(ctx, &f, payload, time.Since(began) < acceptFor))
			}
			if err == nil && !f.Expand { // a pattern has no name of its own
				f.Name = mqttapi.UploadFile{Path: f.Path, Name: f.Name}.FileName(u.cfg.Topics.Entry, r.Received, f.MIMEType)
			}
			if r.Files = append(r.Files, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Refuse makes the answer to a command that is not carried out: for one reason, or because of its files.
func (u *Uploads) Refuse(cmd mqttapi.Upload, cause *mqttapi.Error, files ...store.File) ([]byte, error) {
	m := mqttapi.Refused(cmd, cause, wake.Wall())
	m.Items = append(m.Items, report.Items(files)...)
	if cause == nil {
		m.Error = m.Items[0].Error
	}
	u.cfg.Log.WithError(m.Error).WithField("kind", m.Error.Code).Info("upload refused")
	u.totals.Failed("", m.Error)
	u.cfg.Changed()
	return m.Encode(u.cfg.MaxPublish())
}
