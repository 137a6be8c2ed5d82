package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const payloadSize = 420 // bytes, of ids of six letters

var ourKey, otherKey = secret.Key{1}, secret.Key{2}

// open opens a store, for an import too; nil is files on the disk.
func open(t testing.TB, e store.Engine) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Engine: e, Key: &ourKey, Import: true, Log: quiet()})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func quiet() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill puts something of every kind into a store: n jobs with two payloads each.
func fill(t testing.TB, s *store.Store, n int) {
	t.Helper()
	ctx := t.Context()
	for i := range n {
		addJob(t, s, fmt.Sprintf("01J%03d", i))
	}
	must(t, s.Links().Save(ctx, "home", ourKey.Seal([]byte("token"), "home")))
	must(t, s.SaveReceipt(ctx, store.Receipt{Job: "01A", Entry: "home", CommandID: "mine", Ran: s.Ran()}))
	must(t, s.SaveState(ctx, "home", "albums/of=home", map[string]string{"Door": "AF1Q"}))
	must(t, s.SaveState(ctx, store.Bridge, "sessions", []string{"home"}))
	must(t, s.SaveState(ctx, "home", "long-"+strings.Repeat("x", 120), 1))
	addJob(t, s, "01D")
	must(t, s.SetAside(ctx, "home", "01D"))
}

func addJob(t testing.TB, s *store.Store, id string) *store.Job {
	t.Helper()
	j := &store.Job{ID: id, Entry: "home", Received: time.Now(), Ran: s.Ran()}
	for i, content := range []string{strings.Repeat(id+" ", payloadSize/7), ""} {
		f := store.File{
			Name: "door.jpg", MIMEType: "image/jpeg", Status: store.FileSent, Payload: fmt.Sprintf("%s.%d", id, i),
			Session: "https://session.example/1", Token: "token",
		}
		var err error
		f.Size, f.SHA256, err = s.PutPayload(t.Context(), f.Payload, strings.NewReader(content))
		must(t, err)
		j.Files = append(j.Files, f)
	}
	must(t, s.AddJob(t.Context(), j))
	return j
}

// all returns the records of a store.
func all(t testing.TB, s *store.Store) map[string]string {
	t.Helper()
	records := map[string]string{}
	for _, kind := range store.Kinds() {
		keys, err := s.Keys(t.Context(), kind)
		must(t, err)
		for _, key := range keys {
			value, err := s.Raw(t.Context(), key)
			must(t, err)
			records[key] = string(value)
		}
	}
	return records
}

// payloadsOf reads the payloads that the jobs of a store name.
func payloadsOf(t testing.TB, s *store.Store) map[string]string {
	t.Helper()
	jobs, err := s.Jobs(t.Context(), "home")
	must(t, err)
	content := map[string]string{}
	for _, j := range jobs {
		for _, f := range j.Files {
			r, err := s.OpenPayload(t.Context(), f, 0)
			must(t, err)
			text, err := io.ReadAll(r)
			must(t, err)
			must(t, r.Close())
			content[f.Payload] = string(text)
		}
	}
	return content
}

func export(t testing.TB, s *store.Store) []byte {
	t.Helper()
	var out bytes.Buffer
	_, damaged, err := Write(t.Context(), s, &out, "test")
	must(t, err)
	if damaged != nil {
		t.Fatal(damaged)
	}
	return out.Bytes()
}

// sample is an export of a small store.
func sample(t testing.TB, jobs int) []byte {
	t.Helper()
	s := open(t, newMemory())
	fill(t, s, jobs)
	return export(t, s)
}

func check(ctx context.Context, file []byte, key secret.Key) (Summary, error) {
	return Import(ctx, bytes.NewReader(file), Config{Key: key})
}

// wantNothing: an import that failed leaves nothing, and the next one works.
func wantNothing(t testing.TB, s *store.Store) {
	t.Helper()
	unfinished, err := s.Unfinished(t.Context())
	must(t, err)
	left, err := s.SweepPayloads(t.Context(), func(string) bool { return true })
	must(t, err)
	if records := all(t, s); len(records) > 0 || unfinished || left > 0 {
		t.Errorf("%d records and %d drafts are left, unfinished: %v", len(records), left, unfinished)
	}
}
