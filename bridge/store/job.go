package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store/engine"
)

// A Job is one accepted upload command, until the broker has its result, or while it can be tried again. Unknown fields are skipped.
type Job struct {
	ID          string          `json:"id"` // ULID: in order of arrival
	Entry       string          `json:"entry"`
	Received    time.Time       `json:"received"`
	CommandID   string          `json:"command_id,omitempty"` // the command's own id, "" when it had none
	Transaction json.RawMessage `json:"transaction,omitempty"`
	Delivery    Delivery        `json:"delivery"`
	Album       Album           `json:"album"`
	Files       []File          `json:"files"`
	Attempts    int             `json:"attempts,omitempty"`
	State       JobState        `json:"state,omitempty"`
	Accepted    bool            `json:"accepted,omitempty"`   // the broker has `accepted`
	Result      json.RawMessage `json:"result,omitempty"`     // terminal, from JobFinished on
	RetainedAt  time.Time       `json:"retained_at,omitzero"` // when it became JobRetained
	More        int             `json:"more,omitempty"`       // files that were found beyond the limit and left out
	RequeuedAt  time.Time       `json:"requeued_at,omitzero"` // when it was last tried again by hand
	Ran         time.Duration   `json:"ran,omitempty"`        // Store.Ran when it was accepted, requeued or retained: its age counts from here

	revision uint64 // of the record that this was read from or saved as
}

// JobState is how far a job has come; the states and the steps between them are in the package doc of bridge/upload.
type JobState string

// The states of a job.
const (
	JobOpen      JobState = ""          // a file is on its way
	JobCancelled JobState = "cancelled" // as open, but what waits was ended by a person
	JobFinished  JobState = "finished"  // the result is there and the broker does not have it
	JobRetained  JobState = "retained"  // the broker has the result; failed files can be tried again for a day
)

// Delivery tells a publish from others, so that its redelivery is recognised.
type Delivery struct {
	PacketID uint16 `json:"packet_id"`
	Hash     string `json:"hash"` // of topic and payload
}

// Album is where the items of a job go; empty = only into the library.
type Album struct {
	ID      string `json:"id,omitempty"`
	Title   string `json:"title,omitempty"`
	Created bool   `json:"created,omitempty"` // made for this job
}

// FileStatus is how far a file has come: waiting, queued, sent, done; or failed from any of the first three.
type FileStatus string

// The ways of a file.
const (
	FileWaiting FileStatus = "waiting" // it cannot be read yet: Wait says why
	FileQueued  FileStatus = "queued"  // its bytes are not at Google, or not all
	FileSent    FileStatus = "sent"    // Google has given an upload token for them
	FileMade    FileStatus = "made"    // it is an item, and something is still to be done with the file: After
	FileDone    FileStatus = "done"    // it is an item
	FileFailed  FileStatus = "failed"
)

// A File is one photo or video of a job. Its bytes are in the payload of that name, or, when Payload is empty, still in Source.
type File struct {
	Path        string  `json:"path,omitempty"` // as the command named it
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	MIMEType    string  `json:"mime_type"`
	Size        int64   `json:"size"` // bytes
	SHA256      string  `json:"sha256,omitempty"`
	Payload     string  `json:"payload,omitempty"`
	Source      *Source `json:"source,omitempty"`
	Machine     string  `json:"machine,omitempty"` // of several, where Source or the file of After was seen
	Wait        *Wait   `json:"wait,omitempty"`    // of a file that is waiting or made
	Expand      bool    `json:"expand,omitempty"`  // Path stands for files that are not known yet
	Below       bool    `json:"below,omitempty"`   // with Expand: also for those below folders
	After       *After  `json:"after,omitempty"`   // what happens to the file of Path once it is an item; nil = nothing

	Session secret.Text   `json:"-"` // Google's address for an unfinished upload
	Token   secret.Text   `json:"-"` // upload token
	TokenAt time.Time     `json:"token_at,omitzero"`
	Took    time.Duration `json:"-"`                 // how long it was sent until then, in this run
	Account string        `json:"account,omitempty"` // id of the Google account that session and token are of
	Resent  bool          `json:"resent,omitempty"`  // what was at Google could not be used once
	Sought  bool          `json:"sought,omitempty"`  // its album was gone once and looked for again

	Status       FileStatus `json:"status"`
	ItemID       string     `json:"item_id,omitempty"`
	ProductURL   string     `json:"product_url,omitempty"`
	Duplicate    bool       `json:"duplicate,omitempty"`
	ErrorCode    string     `json:"error_code,omitempty"` // of the last failure, also while it is tried again
	ErrorMessage string     `json:"error_message,omitempty"`
	Received     int64      `json:"received,omitempty"` // bytes that Google last said to have of the session
	Attempts     int        `json:"attempts,omitempty"` // failed since it last came further
	Faults       int        `json:"faults,omitempty"`   // of them, those inside Google
	NotBefore    time.Time  `json:"not_before,omitzero"`

	Pause time.Duration `json:"pause,omitempty"` // how long it was until NotBefore at first: no longer than that is waited for it
}

// Source is a file that stays where it is, and by what a change of it shows.
type Source struct {
	Path       string    `json:"path"`
	Size       int64     `json:"size"` // bytes
	ModTime    time.Time `json:"mod_time"`
	ChangeTime time.Time `json:"change_time"`
	Inode      uint64    `json:"inode"`
}

// After is what happens to a file once it is an item, how far that has come, and what came of it.
type After struct {
	Folder  string `json:"folder,omitempty"` // to move it into; "" = it is deleted
	Seen    Source `json:"seen"`             // the file when it was taken
	Skip    int64  `json:"skip,omitempty"`   // bytes before what SHA256 is of
	Aside   string `json:"aside,omitempty"`  // as media.After
	Target  string `json:"target,omitempty"`
	Outcome string `json:"outcome,omitempty"` // deleted, moved or kept, once it is over
	Now     string `json:"now,omitempty"`     // where the file is then
	Problem string `json:"problem,omitempty"` // why it was kept
}

// Wait is why a file cannot be read yet, and how long it is waited for.
type Wait struct {
	Reason  string        `json:"reason"`           // of mqttapi's reasons
	Since   time.Time     `json:"since"`            // for this reason
	Until   time.Time     `json:"until,omitzero"`   // then it fails; zero = as long as a job may wait
	Lasts   time.Duration `json:"lasts,omitzero"`   // how long it was until Until at first, as File.Pause
	Missing time.Duration `json:"missing,omitzero"` // how long it is waited for when it is not there; nanoseconds
	Still   time.Time     `json:"-"`                // since when it has looked like Seen, in this run
	Seen    *Source       `json:"seen,omitempty"`   // what was there last
}

// AddJob makes a job durable. ErrExists means that there is one of this id, ErrFull that the disk has room for no more.
func (s *Store) AddJob(ctx context.Context, j *Job) error { return s.writeJob(ctx, j, engine.New) }

// SaveJob saves a job. ErrConflict means that somebody else has changed or removed it since it was read or saved: it stays as it is.
func (s *Store) SaveJob(ctx context.Context, j *Job) error {
	return s.writeJob(ctx, j, max(j.revision, 1)) // one that is nowhere has none
}

func (s *Store) writeJob(ctx context.Context, j *Job, revision uint64) error {
	c, err := changeTo(s.recordOf(j), kindJobs, j.Entry, j.ID)
	if err == nil {
		c.Revision = revision
		revision, err = s.change(ctx, c)
	}
	if err == nil {
		j.revision = revision
	}
	return err
}

// RemoveJob removes a job, if it is there, and then its payloads. ErrConflict means that somebody else has changed it.
func (s *Store) RemoveJob(ctx context.Context, j *Job) error { return s.removeJob(ctx, j) }

// FinishJob saves the receipt of a job as SaveReceipt does, and then removes the job as RemoveJob does. A stop in the middle leaves both.
func (s *Store) FinishJob(ctx context.Context, j *Job, r Receipt) error {
	receipt, err := changeTo(r, kindReceipts, r.Entry, r.Job)
	if err == nil {
		err = s.removeJob(ctx, j, receipt)
	}
	if err == nil {
		_, err = s.receipts(ctx, r.Entry, oldReceipts)
	}
	return err
}

func (s *Store) removeJob(ctx context.Context, j *Job, before ...engine.Change) error {
	removal, err := changeTo(nil, kindJobs, j.Entry, j.ID)
	removal.Revision = max(j.revision, 1)
	if err == nil {
		_, err = s.change(ctx, append(before, removal)...)
	}
	// A stop right here leaves payloads that no job names: SweepPayloads.
	for _, f := range j.Files {
		if err == nil && f.Payload != "" {
			err = s.RemovePayload(ctx, f.Payload)
		}
	}
	return err
}

// Jobs returns an entry's jobs, oldest first. Records that cannot be understood come as a *DamagedError beside, and stay until SetAside.
func (s *Store) Jobs(ctx context.Context, entry string) (jobs []*Job, err error) {
	var damaged DamagedError
	err = s.each(ctx, func(id string, r engine.Record, err error) bool {
		j := &Job{revision: r.Revision}
		if err = cmp.Or(err, s.decode(entry, id, r.Value, j)); err == nil {
			jobs = append(jobs, j)
		} else {
			damaged.IDs = append(damaged.IDs, id)
			damaged.error = errors.Join(damaged.error, fmt.Errorf("%w: job %s: %w", ErrDamaged, id, err))
		}
		return true
	}, kindJobs, entry)
	if err == nil && damaged.IDs != nil {
		err = &damaged
	}
	return jobs, err
}

// DamagedError names jobs that are in the store and cannot be understood.
type DamagedError struct {
	IDs   []string
	error // ErrDamaged, of each
}

func (e *DamagedError) Unwrap() error { return e.error }

// SetAside moves a damaged job out of the way of Jobs, to where it stays for a person to look at.
func (s *Store) SetAside(ctx context.Context, entry, id string) error {
	r, err := s.get(ctx, kindJobs, entry, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err == nil, errors.Is(err, ErrDamaged):
		aside := engine.Change{Key: kindDamaged + strings.TrimPrefix(r.Key, kindJobs), Value: r.Value, Revision: engine.Any}
		// A stop in the middle sets it aside once more at the next start.
		_, err = s.change(ctx, aside, engine.Change{Key: r.Key, Revision: engine.Any})
	}
	return err
}

const jobPurpose = "job " // of its secrets' seal, with its id

// A jobRecord is how a job lies in the store: its secrets in an explicit form, since a secret.Text marshals as a hash.
type jobRecord struct {
	*Job

	Secrets []byte `json:"secrets"` // session and token of each file, as JSON, sealed when there is a key
}

func (s *Store) recordOf(j *Job) jobRecord {
	secrets := make([][2]string, len(j.Files))
	for i, f := range j.Files {
		secrets[i] = [2]string{string(f.Session), string(f.Token)}
	}
	data, _ := json.Marshal(secrets) //nolint:errchkjson // strings never fail
	if s.key != nil {                // bound to the job, so that they cannot be moved into another
		data = s.key.Seal(data, jobPurpose+j.ID)
	}
	return jobRecord{j, data}
}

// decode is the way back. Secrets that cannot be opened are forgotten: the files are then sent from their beginning.
func (s *Store) decode(entry, id string, data []byte, j *Job) error {
	r := jobRecord{Job: j}
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	if j.Entry != entry || j.ID != id || len(j.Files) == 0 {
		return errors.New("the record is of another job")
	}
	if s.key != nil {
		if plain, err := s.key.Open(r.Secrets, jobPurpose+id); err == nil {
			r.Secrets = plain
		}
	}
	var secrets [][2]secret.Text
	_ = json.Unmarshal(r.Secrets, &secrets)
	for i, secrets := range append(secrets, make([][2]secret.Text, len(j.Files))...)[:len(j.Files)] {
		f := &j.Files[i]
		f.Session, f.Token = secrets[0], secrets[1]
		if f.Token == "" && f.Status == FileSent {
			f.Status = FileQueued
		}
	}
	return nil
}
