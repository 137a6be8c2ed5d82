package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/dedupe"
	"gphotos2mqtt/bridge/report"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/totals"
	"gphotos2mqtt/bridge/upload/intake"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// An inbox makes commands durable, each as one job.
type inbox struct {
	cfg    *Config
	intake *intake.Intake
	dedupe *dedupe.Index
	jobs   *jobs
	queue  *queue
	outbox *outbox
	totals *totals.Totals
}

func (b *inbox) accept(ctx context.Context, d *broker.Delivery) (answer []byte, err error) {
	defer b.queue.expect()()
	var cmd mqttapi.Upload
	exists := func(path string) bool { return b.cfg.Media.Exists(ctx, path) }
	if d.Retained {
		err = mqttapi.NewError(mqttapi.CodeRetainedCommand)
	} else if cmd, err = mqttapi.ParseUpload(d.Payload, b.cfg.Topics.Entry, exists); err == nil {
		answer, err = b.acceptOnce(ctx, d, &cmd)
	}
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
		return b.refuse(cmd, refused)
	}
	return answer, err
}

// acceptOnce returns what accept does, and *mqttapi.Error for a refused command.
func (b *inbox) acceptOnce(ctx context.Context, d *broker.Delivery, cmd *mqttapi.Upload) ([]byte, error) {
	var delivery store.Delivery // zero with QoS 0, which the broker never repeats
	if d.PacketID != 0 {
		sum := sha256.Sum256(d.Payload)
		delivery = store.Delivery{PacketID: d.PacketID, Hash: hex.EncodeToString(sum[:16])}
	}
	unlock, err := b.dedupe.Lock(ctx, cmd.ID, delivery)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if again, err := b.redelivered(ctx, d, delivery); again || err != nil {
		return nil, err
	}
	if earlier, ok := b.dedupe.Find(cmd.ID, store.Delivery{}); ok {
		first, err := b.answerOf(ctx, earlier.Job)
		if err == nil {
			return mqttapi.WithTransaction(first, cmd.Transaction)
		}
		if !errors.Is(err, store.ErrNotFound) { // its day is over, in the store a moment earlier
			return nil, err
		}
	}
	return b.acceptNew(ctx, d, cmd, delivery)
}

// redelivered reports whether the broker delivers a packet again that became a job before. A packet's number is free once the broker has
// our acknowledgement: a first delivery of equal number and bytes is another command, such as a camera's that publishes the same path each
// time, and from then on the earlier one can no longer be delivered again.
func (b *inbox) redelivered(ctx context.Context, d *broker.Delivery, delivery store.Delivery) (bool, error) {
	earlier, ok := b.dedupe.Find("", delivery)
	if !ok || d.Duplicate {
		return ok, nil
	}
	if j := b.jobs.get(earlier.Job); j != nil {
		err := j.update(ctx, func(r *store.Job) { r.Delivery = store.Delivery{} })
		if err != nil && !errors.Is(err, errGone) {
			return false, err
		}
	}
	return false, b.dedupe.ForgetDelivery(ctx, earlier.Job)
}

func (b *inbox) answerOf(ctx context.Context, id string) ([]byte, error) {
	j := b.jobs.get(id)
	if j == nil {
		return b.dedupe.Result(ctx, id)
	}
	if r := j.view(); len(r.Result) == 0 {
		return report.Message(r, time.Time{}, b.cfg.MaxPublish())
	}
	return j.view().Result, nil
}

func (b *inbox) acceptNew(
	ctx context.Context, d *broker.Delivery, cmd *mqttapi.Upload, delivery store.Delivery,
) ([]byte, error) {
	if err := b.cfg.Account.MayUpload(); err != nil {
		return nil, err
	}
	if err := b.cfg.Capacity.ReserveJob(); err != nil {
		return nil, err
	}
	r := &store.Job{
		ID: ulid.Make().String(), Entry: b.cfg.Topics.Entry, Received: wake.Wall(), Ran: b.cfg.Store.Ran(),
		CommandID: cmd.ID, Transaction: cmd.Transaction, Delivery: delivery,
		Album: store.Album{Title: cmd.Album, ID: cmd.AlbumID},
	}
	if r.Album == (store.Album{}) {
		r.Album.Title = b.cfg.Album
	}
	err := b.intake.Take(ctx, r, *cmd)
	cmd.Files = nil // which point into the payload: others can come while this one waits for the disk
	d.Release()
	refused := report.Over(r.Files)
	if err == nil && !refused {
		// A stop before this leaves payloads without a job, which are swept at the next start; after it the upload is never lost.
		if err = b.cfg.Store.AddJob(ctx, r); err == nil {
			b.dedupe.Accept(r)
			b.outbox.add(b.jobs.add(r))
			b.cfg.Changed()
			return nil, nil
		}
	}
	for i := range r.Files {
		if f := &r.Files[i]; errors.Is(err, store.ErrEngine) && f.Payload != "" { // the job may be there, for the next owner of the entry
			b.cfg.Capacity.Exchange(capacity.Room{Bytes: f.Size}, capacity.Room{})
		} else {
			b.intake.Drop(ctx, f)
		}
	}
	b.cfg.Capacity.Exchange(capacity.Room{Jobs: 1}, capacity.Room{})
	if err == nil {
		return b.refuse(*cmd, nil, r.Files...)
	}
	if errors.Is(err, store.ErrFull) {
		b.cfg.Log.WithError(err).WithField("op", "accept").Error("disk is full")
		if err := b.cfg.Capacity.Trim(ctx, 0); err != nil {
			return nil, err
		}
		err = mqttapi.Errorf(mqttapi.CodeBusy, "The bridge's disk is full: free some space below GPHOTOS_DATA_DIR, or in the NATS "+
			"cluster, then send this again.")
	}
	return nil, err
}

func (b *inbox) refuse(cmd mqttapi.Upload, cause *mqttapi.Error, files ...store.File) ([]byte, error) {
	m := mqttapi.Refused(cmd, cause, wake.Wall())
	m.Items = append(m.Items, report.Items(files)...)
	if cause == nil {
		m.Error = m.Items[0].Error
	}
	b.cfg.Log.WithError(m.Error).WithField("kind", m.Error.Code).Info("upload refused")
	b.totals.Failed("", m.Error)
	b.cfg.Changed()
	return m.Encode(b.cfg.MaxPublish())
}
