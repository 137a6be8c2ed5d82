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
	"gphotos2mqtt/cluster/clustertest"
)

func TestMain(m *testing.M) {
	clustertest.Serve()
	goleak.VerifyTestMain(m)
}

const payloadSize = 420 // bytes, of ids of six letters

var ourKey, otherKey = secret.Key{1}, secret.Key{2}

// open opens a store, for an import too; nil is files on the disk.
func open(tb testing.TB, e store.Engine) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), store.Config{Dir: tb.TempDir(), Engine: e, Key: &ourKey, Import: true, Log: quiet()})
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

func quiet() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// fill puts something of every kind into a store: n jobs with two payloads each.
func fill(tb testing.TB, s *store.Store, n int) {
	tb.Helper()
	ctx := tb.Context()
	for i := range n {
		addJob(tb, s, fmt.Sprintf("01J%03d", i))
	}
	must(tb, s.Links().Save(ctx, "home", ourKey.Seal([]byte("token"), "home")))
	must(tb, s.Entries().Save(ctx, &store.Entry{Name: "garden", ClientSecret: "photosim-secret"}))
	must(tb, s.SaveReceipt(ctx, store.Receipt{Job: "01A", Entry: "home", CommandID: "mine", Ran: s.Ran()}))
	must(tb, s.SaveState(ctx, "home", "albums/of=home", map[string]string{"Door": "AF1Q"}))
	must(tb, s.SaveState(ctx, store.Bridge, "sessions", []string{"home"}))
	must(tb, s.SaveState(ctx, "home", "long-"+strings.Repeat("x", 120), 1))
	addJob(tb, s, "01D")
	must(tb, s.SetAside(ctx, "home", "01D"))
}

func addJob(tb testing.TB, s *store.Store, id string) *store.Job {
	tb.Helper()
	j := &store.Job{ID: id, Entry: "home", Received: time.Now(), Ran: s.Ran()}
	for i, content := range []string{strings.Repeat(id+" ", payloadSize/7), ""} {
		f := store.File{
			Name: "door.jpg", MIMEType: "image/jpeg", Status: store.FileSent, Payload: fmt.Sprintf("%s.%d", id, i),
			Session: "https://session.example/1", Token: "token",
		}
		var err error
		f.Size, f.SHA256, err = s.PutPayload(tb.Context(), f.Payload, strings.NewReader(content))
		must(tb, err)
		j.Files = append(j.Files, f)
	}
	must(tb, s.AddJob(tb.Context(), j))
	return j
}

// all returns the records of a store.
func all(tb testing.TB, s *store.Store) map[string]string {
	tb.Helper()
	records := map[string]string{}
	for _, kind := range store.Kinds() {
		keys, err := s.Whole().Keys(tb.Context(), kind)
		must(tb, err)
		for _, key := range keys {
			value, err := s.Whole().Raw(tb.Context(), key)
			must(tb, err)
			records[key] = string(value)
		}
	}
	return records
}

// payloadsOf reads the payloads that the jobs of a store name.
func payloadsOf(tb testing.TB, s *store.Store) map[string]string {
	tb.Helper()
	jobs, err := s.Jobs(tb.Context(), "home")
	must(tb, err)
	content := map[string]string{}
	for _, j := range jobs {
		for _, f := range j.Files {
			r, err := s.OpenPayload(tb.Context(), f, 0)
			must(tb, err)
			text, err := io.ReadAll(r)
			must(tb, err)
			must(tb, r.Close())
			content[f.Payload] = string(text)
		}
	}
	return content
}

func export(tb testing.TB, s *store.Store) []byte {
	tb.Helper()
	var out bytes.Buffer
	_, damaged, err := Write(tb.Context(), s, &out, "test")
	must(tb, err)
	if damaged != nil {
		tb.Fatal(damaged)
	}
	return out.Bytes()
}

// sample is an export of a small store.
func sample(tb testing.TB, jobs int) []byte {
	tb.Helper()
	s := open(tb, newMemory())
	fill(tb, s, jobs)
	return export(tb, s)
}

func check(ctx context.Context, file []byte, key secret.Key) (Summary, error) {
	return Import(ctx, bytes.NewReader(file), Config{Key: key})
}

// wantNothing: an import that failed leaves nothing, and the next one works.
func wantNothing(tb testing.TB, s *store.Store) {
	tb.Helper()
	unfinished, err := s.Whole().Unfinished(tb.Context())
	must(tb, err)
	left := payloadNames(tb, s)
	if records := all(tb, s); len(records) > 0 || unfinished || left != nil {
		tb.Errorf("left are records %v and payloads %v, unfinished: %v", records, left, unfinished)
	}
}

func payloadNames(tb testing.TB, s *store.Store) (names []string) {
	tb.Helper()
	_, err := s.SweepPayloads(tb.Context(), func(name string) bool {
		names = append(names, name)
		return true
	})
	must(tb, err)
	return names
}
