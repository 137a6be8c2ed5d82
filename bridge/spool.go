package bridge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// headSize is how much of a file is looked at to recognise its type.
const headSize = 3072

// A Spool copies what is to be uploaded into the store, within limits that all
// entries share.
type Spool struct {
	cfg   SpoolConfig
	store *store.Store
	media *MediaDirs

	mu    sync.Mutex // guards all below
	bytes int64      // of all payloads
	jobs  int        // that wait for Google
	kept  []kept     // to be tried again by hand; the first ones make room
}

// SpoolConfig says how much may wait for Google.
type SpoolConfig struct {
	// MaxBytes is how many bytes of payloads may wait, in bytes; 0 = no limit.
	MaxBytes int64
	// MaxJobs is how many commands may wait; 0 = no limit.
	MaxJobs int
	// CopyUpTo is the size in bytes up to which a file named by its path is
	// copied; a larger one is remembered by path, size, time and inode. 0 = never copy.
	CopyUpTo int64
	// MaxFile is the largest file taken, in bytes; 0 = Google's limits alone.
	MaxFile int64
}

// NewSpool returns a spool that reads files from the media folders only.
func NewSpool(cfg SpoolConfig, s *store.Store, media *MediaDirs) *Spool {
	return &Spool{cfg: cfg, store: s, media: media}
}

// Sweep removes payloads of jobs that are not in the store, left by a crash. Jobs of
// entries that are not configured now are in the store too. It is called once, before
// commands are taken.
func (s *Spool) Sweep(ctx context.Context) error {
	jobs, err := s.store.JobIDs(ctx)
	if err != nil {
		return fmt.Errorf("sweep payloads: %w", err)
	}
	if _, err := s.store.SweepPayloads(ctx, func(name string) bool { return jobs[jobOf(name)] }); err != nil {
		return fmt.Errorf("sweep payloads: %w", err)
	}
	return nil
}

// take checks one file of a command and makes it durable under the payload
// name. A refused file is an *mqttapi.Error; any other error is the store's.
func (s *Spool) take(ctx context.Context, in mqttapi.UploadFile, payload string) (store.File, error) {
	f := store.File{Path: in.Path, Name: in.Name, Description: in.Description, Status: store.FileQueued}
	if in.Path == "" {
		err := s.copyIn(ctx, &f, in.Data.Open(), in.Data.Len(), payload)
		return f, err
	}
	file, full, err := s.media.Open(in.Path)
	if err != nil {
		return f, err
	}
	defer file.Close() //nolint:errcheck // only read from
	info, err := file.Stat()
	if err != nil {
		return f, s.media.explain(in.Path, err)
	}
	if info.Size() <= s.cfg.CopyUpTo {
		err = s.copyIn(ctx, &f, file, info.Size(), payload)
		return f, err
	}
	return f, s.remember(&f, file, full, info)
}

// copyIn streams the bytes into the store and hashes them on the way.
func (s *Spool) copyIn(ctx context.Context, f *store.File, r io.Reader, size int64, payload string) error {
	head, err := s.look(f, r, size)
	if err != nil {
		return err
	}
	if err := s.room(ctx, size); err != nil {
		return err
	}
	hash := sha256.New()
	body := &counted{r: io.TeeReader(io.LimitReader(io.MultiReader(bytes.NewReader(head), r), size), hash)}
	f.Payload = payload
	f.Size = size
	// A stop right here leaves a payload that no job names; it is swept at the
	// next start, and the broker delivers the command again.
	err = s.store.PutPayload(ctx, payload, body)
	if body.err != nil {
		err = unreadable(f, body.err)
	}
	if err == nil && body.n != size && f.Path != "" {
		err = mqttapi.Errorf(mqttapi.CodeChanged, "%s changed while it was read; send it again when it is complete.", shown(f.Path))
	}
	if err != nil {
		s.giveUp(ctx, f)
		return err
	}
	s.mu.Lock()
	s.bytes -= size - body.n
	s.mu.Unlock()
	f.Size = body.n
	f.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return nil
}

// remember keeps a large file where it is.
func (s *Spool) remember(f *store.File, file *os.File, full string, info fs.FileInfo) error {
	if _, err := s.look(f, file, info.Size()); err != nil {
		return err
	}
	f.Size = info.Size()
	f.Source = sourceOf(full, info)
	return nil
}

// look reads the head of a file and checks size and type.
func (s *Spool) look(f *store.File, r io.Reader, size int64) ([]byte, error) {
	if size == 0 {
		return nil, mqttapi.Errorf(mqttapi.CodeEmpty, "%s is empty.", called(f))
	}
	head := make([]byte, min(size, headSize))
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, unreadable(f, err)
	}
	if n == 0 {
		return nil, mqttapi.Errorf(mqttapi.CodeEmpty, "%s is empty.", called(f))
	}
	mime, ok := mqttapi.MediaType(head[:n])
	if !ok {
		return nil, mqttapi.Errorf(mqttapi.CodeUnsupportedType, "%s is %s, not a photo or video that Google Photos takes.", called(f), mime)
	}
	f.MIMEType = mime
	limit := mqttapi.SizeLimit(mime)
	if s.cfg.MaxFile > 0 {
		limit = min(limit, s.cfg.MaxFile)
	}
	if size > limit {
		return nil, mqttapi.Errorf(mqttapi.CodeTooLarge, "%s has %d bytes; at most %d are taken.", called(f), size, limit)
	}
	return head[:n], nil
}

// giveUp takes back what copyIn has done for a file that is refused after all.
func (s *Spool) giveUp(ctx context.Context, f *store.File) {
	s.mu.Lock()
	s.bytes -= f.Size
	s.mu.Unlock()
	// A payload that stays behind is swept at the next start.
	_ = s.store.RemovePayload(context.WithoutCancel(ctx), f.Payload)
	f.Payload = ""
}

// open returns a file's bytes from an offset on, wherever they are kept. A
// source that is not what it was at the time of the command is the error changed.
func (s *Spool) open(ctx context.Context, f store.File, offset int64) (io.ReadCloser, error) {
	if f.Source == nil {
		r, err := s.store.OpenPayload(ctx, f.Payload)
		if err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, r, offset); err != nil {
			return nil, errors.Join(fmt.Errorf("skip to %d: %w", offset, err), r.Close())
		}
		return r, nil
	}
	file, full, err := s.media.Open(f.Source.Path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && *sourceOf(full, info) != *f.Source {
		err = mqttapi.Errorf(mqttapi.CodeChanged, "%s has changed since the command came; send it again.", shown(f.Path))
	}
	if err == nil {
		_, err = file.Seek(offset, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// spooled is how many bytes of the spool a job takes.
func spooled(j *store.Job) int64 {
	var n int64
	for _, f := range j.Files {
		if f.Payload != "" {
			n += f.Size
		}
	}
	return n
}

func sourceOf(path string, info fs.FileInfo) *store.Source {
	src := &store.Source{Path: path, Size: info.Size(), ModTime: info.ModTime().UTC().Round(0)}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		src.Inode = st.Ino
	}
	return src
}

// unreadable says what went wrong with reading a user's bytes.
func unreadable(f *store.File, err error) error {
	if corrupt, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return mqttapi.Errorf(mqttapi.CodeBadPayload, "The base64 data cannot be decoded (at character %d).", int64(corrupt))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return mqttapi.Errorf(mqttapi.CodeBadPayload, "The base64 data is cut off.")
	}
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
		return refused
	}
	return mqttapi.Errorf(mqttapi.CodeUnreadable, "%s cannot be read to its end.", called(f))
}

func called(f *store.File) string {
	if f.Path != "" {
		return shown(f.Path)
	}
	if f.Name != "" {
		return shown(f.Name)
	}
	return "The payload"
}

// counted counts what is read and remembers an error of the source, so that it
// is told from an error of where the bytes go.
type counted struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}
