package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// A Job is one accepted upload command, in the store until its terminal result
// is with the broker, and for a while longer when it can be tried again. Fields that a later version adds are skipped by this one.
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
	Answered    bool            `json:"answered,omitempty"` // the broker has `accepted`
	Result      json.RawMessage `json:"result,omitempty"`   // terminal, waits for the broker to take it
	Told        time.Time       `json:"told,omitzero"`      // when the broker had the result of a job that is kept to be tried again
	Retried     time.Time       `json:"retried,omitzero"`   // when it was last tried again by hand
	Cancelled   bool            `json:"cancelled,omitempty"`

	revision  uint64 // of the record that this was read from or saved as
	revisions int    // of it that there may be
}

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

// FileStatus is how far a file has come.
type FileStatus string

// The ways of a file: queued, sent, done; or failed from either of the first two.
const (
	FileQueued FileStatus = "queued" // its bytes are not at Google, or not all
	FileSent   FileStatus = "sent"   // Google has given an upload token for them
	FileDone   FileStatus = "done"   // it is an item
	FileFailed FileStatus = "failed"
)

// A File is one photo or video of a job. Its bytes are in the payload of that
// name, or, when Payload is empty, still in Source.
type File struct {
	Path        string  `json:"path,omitempty"` // as the command named it
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	MIMEType    string  `json:"mime_type"`
	Size        int64   `json:"size"` // bytes
	SHA256      string  `json:"sha256,omitempty"`
	Payload     string  `json:"payload,omitempty"`
	Source      *Source `json:"source,omitempty"`

	Session     Secret    `json:"session,omitempty"`     // Google's address for an unfinished upload
	Granularity int64     `json:"granularity,omitempty"` // bytes
	Token       Secret    `json:"token,omitempty"`       // upload token
	TokenAt     time.Time `json:"token_at,omitzero"`
	Resent      bool      `json:"resent,omitempty"` // what was at Google could not be used once

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
}

// Source is a file that stays where it is, and by what a change of it shows.
type Source struct {
	Path    string    `json:"path"`
	Size    int64     `json:"size"` // bytes
	ModTime time.Time `json:"mod_time"`
	Inode   uint64    `json:"inode"`
}

// Secret is text that must not be seen: a log shows a short hash of it. JSON has
// it in full.
type Secret string

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s))
	return "secret:" + hex.EncodeToString(sum[:4])
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }
