package main

import (
	"bytes"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"gphotos2mqtt/mqttapi/broker"
)

func TestSummary(t *testing.T) {
	for name, tc := range map[string]struct{ topic, payload, want string }{
		"cleared":  {"gphotos/demo/albums/x", "", "(cleared)"},
		"bytes":    {"gphotos/demo/upload", "\xff\xd8\xff", "(3 bytes)"},
		"a path":   {"gphotos/demo/upload", "/media/a.jpg", "/media/a.jpg"},
		"a word":   {"gphotos/demo/availability", "online", "online"},
		"a result": {"gphotos/demo/upload/result", `{"status":"done","job":"J","album":{"title":"Door"},"items":[{"name":"a.jpg"},{"name":"b.jpg"}]}`, `done  a.jpg, b.jpg  in album "Door"  job J`},
		"a refusal": {
			"gphotos/demo/upload/result", `{"status":"failed","job":"J","error":{"code":"empty","message":"It is empty."},"items":[{"name":"a.jpg"}]}`,
			"failed  a.jpg  empty: It is empty.  job J",
		},
		"a listing": {"gphotos/demo/media", `{"count":2,"items":[{"filename":"a.jpg"},{"filename":"b.jpg"}]}`, "2: a.jpg, b.jpg"},
		"albums":    {"gphotos/demo/albums", `{"count":1,"albums":[{"title":"Door","items":3}]}`, "1: Door (3)"},
		"a state": {
			"gphotos/demo/state", `{"link":{"status":"linked"},"queue":{"waiting":1,"active":2},"totals":{"uploaded":3,"failed":4},"hold":{"reason":"relink","message":"Link again."}}`,
			"linked, 1 waiting, 2 active, 3 uploaded, 4 failed, held (relink): Link again.",
		},
		"an empty request": {"gphotos/demo/request/albums", "", "(no payload)"},
		"a command":        {"gphotos/demo/upload", `{"path":"/media/a.jpg","album":"Door","paths":["x"],"wait":3,"recursive":true}`, "album Door, path /media/a.jpg, paths (1), recursive true, wait 3"},
		"another document": {"gphotos/bridge/info", `{"version":"1","settings":{"a":1},"hold":null,"problem":""}`, "settings (1), version 1"},
		"not a document":   {"gphotos/demo/upload", `{"path"`, `{"path"`},
	} {
		if got := summary(tc.topic, []byte(tc.payload)); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// What came before in the same words is left out, but for commands; so is the minute's health, and most of an album's id.
func TestView(t *testing.T) {
	v := view{}
	for _, tt := range []struct{ topic, payload, want string }{
		{"gphotos/demo/availability", "online", "online"},
		{"gphotos/demo/availability", "online", ""},
		{"gphotos/demo/availability", "offline", "offline"},
		{"gphotos/demo/availability", "online", "online"},
		{"gphotos/demo/upload", "/a.jpg", "/a.jpg"},
		{"gphotos/demo/upload", "/a.jpg", "/a.jpg"},
		{"gphotos/bridge/health", "{}", ""},
		{"gphotos/demo/albums/AF1Qip8dyxw63fzC", `{"count":0}`, "albums/AF1Qip8dyxw6… 0:"},
	} {
		got := v.line(broker.Delivery{Topic: tt.topic, Payload: []byte(tt.payload)})
		if (tt.want == "") != (got == "") || !strings.Contains(strings.Join(strings.Fields(got), " "), tt.want) {
			t.Errorf("%s %s: %q, want %q", tt.topic, tt.payload, got, tt.want)
		}
	}
}

func TestDemoPhoto(t *testing.T) {
	first, second := demoPhoto(time.Unix(10, 0)), demoPhoto(time.Unix(10, 5e8))
	if bytes.Equal(first, second) {
		t.Error("two starts of the demo send the same photo")
	}
	picture, err := jpeg.Decode(bytes.NewReader(first))
	if err != nil || picture.Bounds().Dx() != 640 {
		t.Errorf("not the picture that was meant: %v", err)
	}
}
