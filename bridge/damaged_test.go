package bridge

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/mqttapi/broker"
)

// A queued upload whose record cannot be understood any more is told of as failed,
// once, and does not keep the others from going on.
func TestDamagedJobIsTold(t *testing.T) {
	r := newHarness(t)
	r.start()
	const id = "01JDC2M6TB0000000000000000"
	r.must(r.store.AddJob(t.Context(), &store.Job{ID: id, Entry: "home"})) // of no files, which cannot be
	r.restart()
	got := r.broker.final(t, 0)
	failure, _ := got["error"].(map[string]any)
	if got["job"] != id || got["status"] != "failed" || failure["code"] != "internal" {
		t.Errorf("result: %v", got)
	}
	if got := r.upload(string(jpegOf(1))); got["status"] != "done" {
		t.Errorf("another upload: %v", got)
	}
	n := r.broker.count("gphotos/home/upload/result")
	r.restart()
	if got := r.upload(string(jpegOf(2))); got["status"] != "done" || r.broker.count("gphotos/home/upload/result") != n+2 {
		t.Errorf("told again: %v", r.broker.all("gphotos/home/upload/result")[n:])
	}
}

// A database that cannot be read is set aside: E/state and bridge/health say so, and uploads go on with an empty one.
func TestDamagedDatabaseIsSaid(t *testing.T) {
	r := newHarness(t)
	r.start()
	r.broker.await(t, "E/state", func() bool { return r.broker.document("gphotos/home/state") != nil })
	if got := r.broker.document("gphotos/home/state")["problem"]; got != "" {
		t.Errorf("problem before the damage: %v", got)
	}
	r.broker.connect(false)
	r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(1), QoS: 1})
	r.stop()
	r.broker.connect(true)
	r.must(os.WriteFile(filepath.Join(r.dir, "records.db"), []byte(strings.Repeat("no database", 10000)), 0o600))

	r.start()
	var said bytes.Buffer
	log := logrus.New()
	log.SetOutput(&said)
	var running sync.WaitGroup
	defer running.Wait()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	status := NewStatus(StatusConfig{Root: "gphotos", Media: new(media.Folders), Store: r.store, Out: r.broker, Log: logrus.NewEntry(log)})
	defer status.Add(r.entry)()
	running.Go(func() {
		if err := task.Run(ctx, task.Task{Name: "status", Run: status.Run}); err != nil {
			t.Errorf("status: %v", err)
		}
	})
	for _, topic := range []string{"gphotos/home/state", "gphotos/bridge/health"} {
		r.broker.await(t, "the problem in "+topic, func() bool {
			problem, _ := r.broker.document(topic)["problem"].(string)
			return strings.Contains(problem, "records-damaged-") && strings.Contains(problem, "lost+found")
		})
	}
	if got := r.upload(string(jpegOf(2))); got["status"] != "done" {
		t.Errorf("upload after the damage: %v", got)
	}
	stop()
	running.Wait()
	if text := said.String(); strings.Count(text, "level=error") != 1 || !strings.Contains(text, "records-damaged-") {
		t.Errorf("log: %s", text)
	}
}
