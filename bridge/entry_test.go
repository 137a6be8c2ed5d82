package bridge

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/mqttapi/broker"
)

func TestUploadPath(t *testing.T) {
	r := newHarness(t)
	r.start()
	path := r.write("door.jpg", jpegOf(1))
	got := r.upload(fmt.Sprintf(`{"path": %q, "album": "Front door", "description": "somebody", "transaction": {"n": 7}}`, path))
	if got["status"] != "done" {
		t.Fatalf("result: %v", got)
	}
	if diff := cmp.Diff(map[string]any{"n": 7.0}, got["transaction"]); diff != "" {
		t.Error(diff)
	}
	items := r.items()
	if len(items) != 1 || items[0].FileName != "door.jpg" || items[0].Description != "somebody" {
		t.Errorf("library: %+v", items)
	}
	r.broker.await(t, "the album's listing", func() bool {
		album, _ := got["album"].(map[string]any)
		id, _ := album["id"].(string)
		doc := r.broker.document("gphotos/home/albums/" + id)
		return doc != nil && doc["count"] == 1.0
	})
	r.broker.await(t, "an empty queue", func() bool {
		jobs, err := r.store.Jobs(t.Context(), "home")
		return err == nil && len(jobs) == 0
	})
}

func TestUploadBytesIsListed(t *testing.T) {
	r := newHarness(t)
	r.start()
	got := r.upload(string(jpegOf(2)))
	ids, _ := got["media_items"].([]any)
	if got["status"] != "done" || len(ids) != 1 {
		t.Fatalf("result: %v", got)
	}
	r.broker.await(t, "the photo in E/media", func() bool {
		doc := r.broker.document("gphotos/home/media")
		return doc != nil && doc["count"] == 1.0
	})
	r.broker.await(t, "the totals", func() bool {
		totals, _ := r.broker.document("gphotos/home/state")["totals"].(map[string]any)
		return totals["uploaded"] == 1.0
	})
}

func TestSecondCommandWithTheSameID(t *testing.T) {
	r := newHarness(t)
	r.start()
	path := r.write("a.jpg", jpegOf(3))
	first := r.upload(fmt.Sprintf(`{"path": %q, "id": "one", "transaction": 1}`, path))
	r.broker.await(t, "the job's end", func() bool { return !r.queued(first["job"].(string)) })
	second := r.upload(fmt.Sprintf(`{"path": %q, "id": "one", "transaction": 2}`, path))
	if second["job"] != first["job"] || second["transaction"] != 2.0 {
		t.Errorf("second answer: %v", second)
	}
	r.restart()
	third := r.upload(fmt.Sprintf(`{"path": %q, "id": "one"}`, path))
	if third["job"] != first["job"] || third["transaction"] != nil {
		t.Errorf("answer after a restart: %v", third)
	}
	if n := len(r.items()); n != 1 {
		t.Errorf("%d items", n)
	}
}

func TestRedelivery(t *testing.T) {
	r := newHarness(t)
	r.start()
	d := broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(4), QoS: 1, PacketID: 9}
	if !r.command(d) {
		t.Fatal("not acknowledged")
	}
	r.broker.final(t, 0)
	r.restart()
	d.Duplicate = true
	if !r.command(d) {
		t.Error("the redelivery was not acknowledged")
	}
	d.Duplicate = false // the packet's number is used for another command with the same bytes
	r.command(d)
	r.broker.await(t, "the second command's result", func() bool {
		results := r.broker.all("gphotos/home/upload/result")
		return len(results) >= 4 && results[len(results)-1]["status"] == "done"
	})
	d.Duplicate = true
	before := r.broker.count("gphotos/home/upload/result")
	r.command(d)
	if after := r.broker.count("gphotos/home/upload/result"); after != before {
		t.Error("a redelivery was answered")
	}
}

func TestPartialResult(t *testing.T) {
	r := newHarness(t)
	r.start()
	good, text := r.write("good.jpg", jpegOf(5)), r.write("text.jpg", []byte("not a picture at all"))
	payload, err := json.Marshal(map[string]any{"paths": []string{good, text, "/etc/passwd"}})
	if err != nil {
		t.Fatal(err)
	}
	got := r.upload(string(payload))
	if got["status"] != "partial" {
		t.Fatalf("result: %v", got)
	}
	var codes []any
	for _, item := range got["items"].([]any) {
		fields := item.(map[string]any)
		refused, _ := fields["error"].(map[string]any)
		codes = append(codes, fields["status"], refused["code"])
	}
	if diff := cmp.Diff([]any{"done", nil, "failed", "unsupported_type", "failed", "not_allowed"}, codes); diff != "" {
		t.Error(diff)
	}
}

func TestRetainedCommandIsRefused(t *testing.T) {
	r := newHarness(t)
	r.start()
	acked := r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(6), Retained: true, QoS: 1})
	got := r.broker.final(t, 0)
	refused, _ := got["error"].(map[string]any)
	if !acked || refused["code"] != "retained_command" {
		t.Errorf("acknowledged %v, result %v", acked, got)
	}
}
