package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// handleUpload takes one upload command: it is answered, made durable if it can
// be carried out, and acknowledged to the broker only then. An error is the
// store's and ends the process; the broker delivers the command again.
func (e *Entry) handleUpload(ctx context.Context, d mqttapi.Delivery) error {
	if d.Retained {
		return e.refuseUpload(ctx, d, mqttapi.Upload{}, errRetained())
	}
	cmd, err := mqttapi.ParseUpload(d.Payload, e.cfg.Name, e.spool.media.Exists)
	if err != nil {
		return e.refuseUpload(ctx, d, cmd, err)
	}
	delivery := deliveryOf(d)
	release, err := e.known.claim(ctx, cmd.ID, delivery)
	if err != nil {
		return nil // a stop: not acknowledged, so delivered again
	}
	defer release()
	again, err := e.repeated(ctx, d, delivery)
	if err != nil {
		return err
	}
	if again {
		d.Ack()
		return nil
	}
	if id, ok := e.known.job(cmd.ID); ok {
		return e.answerAgain(ctx, d, id, cmd)
	}
	job, err := e.accept(ctx, cmd, delivery)
	if refused, ok := errors.AsType[*refusedFilesError](err); ok {
		return e.refuse(ctx, d, cmd, nil, refused.files)
	}
	if errors.Is(err, store.ErrFull) {
		e.log.WithError(err).WithField("op", "accept").Error("disk is full")
		if err := e.spool.discardAll(ctx); err != nil {
			return stopped(ctx, err)
		}
		err = mqttapi.Errorf(mqttapi.CodeBusy, "The bridge's disk is full: free some space below GPHOTOS_DATA_DIR, then send this again.")
	}
	if _, ok := errors.AsType[*mqttapi.Error](err); ok {
		return e.refuseUpload(ctx, d, cmd, err)
	}
	if err != nil {
		return stopped(ctx, err)
	}
	d.Ack()
	e.queue.add(job)
	e.outbox.add(job)
	e.changed()
	return nil
}

// repeated reports whether the broker delivers a packet again that became a job
// before. A packet id is free for another message once the broker has our
// acknowledgement: a first delivery in a packet of equal number and bytes is
// another command, such as a camera's that publishes the same path each time,
// and from then on the earlier one can no longer be delivered again.
func (e *Entry) repeated(ctx context.Context, d mqttapi.Delivery, delivery store.Delivery) (bool, error) {
	first, ok := e.known.packet(delivery)
	if !ok || d.Duplicate {
		return ok, nil
	}
	if j := e.queue.get(first.Job); j != nil {
		err := j.update(ctx, e.store, func(r *store.Job) { r.Delivery = store.Delivery{} })
		if err != nil && !errors.Is(err, errGone) {
			return false, stopped(ctx, err)
		}
	}
	receipt, found, err := e.store.Receipt(ctx, e.cfg.Name, first.Job)
	if err == nil && found {
		receipt.Delivery = store.Delivery{}
		err = e.store.SaveReceipt(ctx, receipt)
	}
	if err != nil {
		return false, stopped(ctx, fmt.Errorf("forget delivery: %w", err))
	}
	return false, nil
}

// refusedFilesError says that no file of a command can be uploaded.
type refusedFilesError struct{ files []store.File }

func (r *refusedFilesError) Error() string { return "every file was refused" }

// accept checks every file, copies what must be copied and makes the job
// durable. It returns *mqttapi.Error for a refused command, *refusedFilesError when
// no file is left, and the store's errors.
func (e *Entry) accept(ctx context.Context, cmd mqttapi.Upload, delivery store.Delivery) (*job, error) {
	if err := e.linked(); err != nil {
		return nil, err
	}
	if err := e.spool.enter(); err != nil {
		return nil, err
	}
	record := store.Job{
		ID: ulid.Make().String(), Entry: e.cfg.Name, Received: time.Now().UTC(),
		CommandID: cmd.ID, Transaction: cmd.Transaction, Delivery: delivery,
		Album: e.albumOf(cmd),
	}
	err := e.takeFiles(ctx, &record, cmd)
	if err == nil && over(record.Files) {
		err = &refusedFilesError{record.Files}
	}
	if err == nil {
		// A stop before this leaves payloads without a job, which are swept at the
		// next start; after it the upload is never lost.
		err = e.store.AddJob(ctx, &record)
	}
	if err != nil {
		for i := range record.Files {
			if f := &record.Files[i]; f.Payload != "" {
				e.spool.giveUp(ctx, f)
			}
		}
		e.spool.leave(&record)
		return nil, err
	}
	e.known.accept(&record)
	return newJob(record), nil
}

// takeFiles fills in the job's files. One that is refused fails alone; a full
// spool refuses the whole command, which can then be sent again as it is.
func (e *Entry) takeFiles(ctx context.Context, record *store.Job, cmd mqttapi.Upload) error {
	for n, in := range cmd.Files {
		f, err := e.spool.take(ctx, in, payloadName(record.ID, n))
		if refused, ok := errors.AsType[*mqttapi.Error](err); ok && refused.Code != mqttapi.CodeBusy {
			f.Status, f.ErrorCode, f.ErrorMessage = store.FileFailed, string(refused.Code), refused.Message
			err = nil
		}
		f.Name = in.FileName(e.cfg.Name, record.Received, f.MIMEType)
		record.Files = append(record.Files, f)
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Entry) albumOf(cmd mqttapi.Upload) store.Album {
	if cmd.Album == "" && cmd.AlbumID == "" {
		return store.Album{Title: e.cfg.Album}
	}
	return store.Album{Title: cmd.Album, ID: cmd.AlbumID}
}

// linked refuses what could not be uploaded however long it waits.
func (e *Entry) linked() error {
	s := e.link.State()
	if s.Status != auth.Linked && s.Account.ID == "" {
		return mqttapi.Errorf(mqttapi.CodeNotLinked, "No Google account is linked to %s: publish to %s to link one.", e.cfg.Name, e.topics.Request(mqttapi.VerbLink))
	}
	if !s.Has(auth.ScopeAppend) && s.Status == auth.Linked {
		return mqttapi.Errorf(mqttapi.CodeScopeMissing, "The account was linked without the permission %s: link %s again and tick every box.", auth.ScopeAppend, e.cfg.Name)
	}
	return nil
}

// refuseUpload answers a command that is not carried out.
func (e *Entry) refuseUpload(ctx context.Context, d mqttapi.Delivery, cmd mqttapi.Upload, cause error) error {
	refused, ok := errors.AsType[*mqttapi.Error](cause)
	if !ok {
		refused = mqttapi.NewError(mqttapi.CodeInternal)
	}
	return e.refuse(ctx, d, cmd, refused, nil)
}

func (e *Entry) refuse(ctx context.Context, d mqttapi.Delivery, cmd mqttapi.Upload, cause *mqttapi.Error, files []store.File) error {
	payload, err := refusal(cmd, cause, files, e.cfg.MaxPublish)
	if err != nil {
		return err
	}
	if cause == nil {
		cause = &mqttapi.Error{Code: mqttapi.Code(files[0].ErrorCode), Message: files[0].ErrorMessage}
	}
	e.log.WithError(cause).WithField("kind", cause.Code).Info("upload refused")
	e.status.note(func(s *sums) {
		s.LastError = &mqttapi.LastError{Time: mqttapi.At(time.Now().UTC()), Code: cause.Code, Message: cause.Message}
	})
	return e.answer(ctx, d, e.topics.UploadResult(), payload)
}

// answerAgain answers a command whose id is known with the state or the result
// of the first one, and nothing else is done.
func (e *Entry) answerAgain(ctx context.Context, d mqttapi.Delivery, id string, cmd mqttapi.Upload) error {
	first, err := e.answerOf(ctx, id)
	if err != nil {
		return stopped(ctx, err)
	}
	payload, err := mqttapi.WithTransaction(first, cmd.Transaction)
	if err != nil {
		return err
	}
	return e.answer(ctx, d, e.topics.UploadResult(), payload)
}

// answerOf is the last thing that was said, or will be, of a job.
func (e *Entry) answerOf(ctx context.Context, id string) ([]byte, error) {
	if j := e.queue.get(id); j != nil {
		r := j.view()
		if len(r.Result) > 0 {
			return r.Result, nil
		}
		return result(r, e.cfg.MaxPublish, time.Time{})
	}
	receipt, ok, err := e.store.Receipt(ctx, e.cfg.Name, id)
	if err == nil && !ok {
		err = fmt.Errorf("receipt of job %s: %w", id, store.ErrNotFound)
	}
	return receipt.Result, err
}

// answer publishes the answer to a command that leaves nothing behind, and only
// then acknowledges it: a stop in between has it delivered and answered again.
func (e *Entry) answer(ctx context.Context, d mqttapi.Delivery, topic string, payload []byte) error {
	ctx, cancel := outlive(ctx, answerLimit, answerGrace)
	defer cancel()
	if err := e.out.Send(ctx, topic, payload); err != nil {
		e.log.WithError(err).WithField("op", "answer").Debug("answer not sent, the broker delivers the command again")
		return nil
	}
	d.Ack()
	return nil
}

// answerLimit is how long an answer may wait for the broker while the command
// takes a place in the broker's window.
const answerLimit = 30 * time.Second

// answerGrace is how long an answer on its way may take once the bridge stops,
// so that a command is not answered again at the next start; the connection
// waits 2 s for its handlers.
const answerGrace = time.Second

// deliveryOf says how a delivery is recognised when the broker repeats it.
func deliveryOf(d mqttapi.Delivery) store.Delivery {
	if d.PacketID == 0 {
		return store.Delivery{}
	}
	sum := sha256.Sum256(d.Payload)
	return store.Delivery{PacketID: d.PacketID, Hash: hex.EncodeToString(sum[:16])}
}

// errRetained is the answer to every retained command.
func errRetained() error {
	return mqttapi.NewError(mqttapi.CodeRetainedCommand)
}

// stopped hides an error that only a stop caused.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // a stop is no failure
	}
	return err
}
