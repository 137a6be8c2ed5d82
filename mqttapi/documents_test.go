package mqttapi

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"gphotos2mqtt/photos/spec"
)

// TestDocuments holds the form of everything else that is published.
func TestDocuments(t *testing.T) {
	at := At(received)
	documents := map[string]any{
		"state-new": State{Link: LinkState{Status: LinkUnlinked}},
		"state-linking": State{Link: LinkState{
			Status: LinkLinking, URL: "http://bridge.lan:8099/link/K7pQ2mXv", Expires: At(received.Add(10 * time.Minute)),
		}},
		"state-busy": State{
			Link: LinkState{
				Status:        LinkLinked,
				Account:       &Account{ID: "1234567890", Name: "Ada Example", Email: "ada@example.com"},
				MissingScopes: []string{"https://www.googleapis.com/auth/photoslibrary.edit.appcreateddata"},
			},
			Queue: Queue{
				Waiting: 12, Active: 4, Bytes: 48_000_000, Oldest: at,
				Waits: &Hold{Reason: WaitSilent, Message: "The media folder /media/nas does not answer: check the share or the disk."},
			},
			Hold:       &Hold{Reason: HoldQuotaDaily, Message: NewError(CodeQuotaDaily).Message, Until: At(received.Add(13 * time.Hour))},
			Quota:      Quota{RequestsToday: 10_000, RequestsLimit: 10_000, Resets: At(received.Add(13 * time.Hour))},
			Totals:     Totals{Uploaded: 5120, Failed: 3},
			LastUpload: &LastUpload{Time: at, Name: "door.jpg", Album: "Front door", MediaItemID: "AF1QipItem1", ProductURL: picture.ProductURL, Job: "01JDC2M6TB0000000000000000"},
			LastError:  &LastError{Time: at, Code: CodeQuotaDaily, Message: NewError(CodeQuotaDaily).Message},
		},
		"progress":       Progress{Job: "01JDC2M6TB0000000000000000", Transaction: json.RawMessage(`7`), File: "door.mp4", Sent: 26_214_400, Size: 104_857_600, Stage: StageSending},
		"progress-idle":  Progress{Stage: StageIdle},
		"progress-empty": Progress{Job: "01JDC2M6TB0000000000000000", File: "door.mp4", Stage: StageDone},
		"info": Info{
			Version: "1.2.3", Started: at, Entries: []string{"home", "garden"}, Settings: map[string]string{"GPHOTOS_TOPIC": "gphotos", "GPHOTOS_MAX_AGE": "168h0m0s"},
			Limits: Limits{
				Files: MaxFiles, Photo: spec.MaxPhotoSize, Video: spec.MaxVideoSize, Publish: 1_000_000, SpoolCopy: 33_554_432, SpoolMax: 1 << 30,
				Name: spec.MaxFileName, Description: spec.MaxDescription, Transaction: MaxTransaction,
			},
		},
		"health": Health{
			Time: at, Uptime: 86_400, Memory: 31_457_280, Goroutines: 42,
			Connections: map[string]Connection{
				"home":   {Connected: true, Since: at, Reconnects: 1},
				"garden": {Since: at, Problem: "The broker refused the password: check GPHOTOS_MQTT_PASSWORD."},
			},
			Counters: map[string]int64{"commands": 5200, "uploads": 5120},
			Folders: map[string]Folder{
				"/media":     {Available: true, Since: at},
				"/media/nas": {Since: at, Problem: "The media folder /media/nas does not answer: check the share or the disk."},
			},
			Problem: "The media folder /media/nas does not answer: check the share or the disk.",
		},
		"health-processes": Health{
			Time: at, Uptime: 86_400, Memory: 31_457_280, Goroutines: 42,
			Connections: map[string]Connection{"home": {Connected: true, Since: at}, "bridge": {Connected: true, Since: at}},
			Counters:    map[string]int64{"uploaded": 5120, "failed": 0, "waiting": 3, "active": 1},
			Folders:     map[string]Folder{"/media": {Available: true, Since: at}},
			Processes: map[string]Process{
				"QX3FZ7KD2M4V": {
					Machine: "bridge-1", Version: "1.2.3", Started: at, Leads: true, Entries: 1, Connected: 1, Memory: 31_457_280, Goroutines: 42,
				},
				"ZTN5A6WLE2PB": {
					Machine: "bridge-2", Version: "1.2.3", Started: at, Leaving: true, Entries: 1, Connected: 1, Memory: 30_408_704, Goroutines: 40,
				},
			},
		},
		"log":         LogLine{Level: "warning", Message: "upload held", Entry: "home", Job: "01JDC2M6TB0000000000000000", Time: at},
		"albums":      AlbumList{Updated: at, Albums: []Album{album, {ID: "AF1QipEmpty", Title: "Garden & <pond>", Writeable: true}}},
		"album":       Listing{Updated: at, Expires: At(received.Add(time.Hour)), Sizes: sizes, Album: &album, Items: listed(film, picture)},
		"media":       Listing{Updated: at, Expires: At(received.Add(time.Hour)), Sizes: sizes, Items: listed(picture)},
		"media-empty": Listing{Updated: at, Sizes: sizes},
	}
	var files []txtar.File
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		encode := func() ([]byte, error) { return Encode(documents[name]) }
		switch d := documents[name].(type) {
		case interface{ Encode() ([]byte, error) }:
			encode = d.Encode
		case interface{ Encode(int) ([]byte, error) }:
			encode = func() ([]byte, error) { return d.Encode(0) }
		}
		text, err := encode()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		files = append(files, txtar.File{Name: name, Data: pretty(t, text)})
	}
	golden(t, "documents", files)
}

func TestTime(t *testing.T) {
	for want, at := range map[string]time.Time{
		`null`:                   {},
		`"2026-11-22T19:00:00Z"`: received,
		`"0001-01-01T00:00:01Z"`: time.Time{}.Add(time.Second),
	} {
		if got, err := Encode(At(at)); err != nil || string(got) != want {
			t.Errorf("got %s (%v), want %s", got, err, want)
		}
	}
}

func TestEncodeFails(t *testing.T) {
	broken := json.RawMessage(`{`)
	notANumber := ListedItem{Video: &Video{FPS: math.NaN()}}
	for name, encode := range map[string]func() ([]byte, error){
		"result":   func() ([]byte, error) { return Result{Transaction: broken}.Encode(100) },
		"response": func() ([]byte, error) { return Response{Transaction: broken}.Encode(100) },
		"progress": Progress{Transaction: broken}.Encode,
		"frame":    func() ([]byte, error) { return Response{Transaction: broken, Data: MediaData{}}.Encode(100) },
		"item":     func() ([]byte, error) { return Listing{Items: []ListedItem{notANumber}}.Encode(100_000) },
	} {
		if text, err := encode(); err == nil {
			t.Errorf("%s: got %s", name, text)
		}
	}
}

// TestTransactionStaysAsWritten has values that a JSON encoder would rather write otherwise, or not at all.
func TestTransactionStaysAsWritten(t *testing.T) {
	for _, transaction := range []string{`"\u0041\ud800\/<"`, `{"a":1,"a":2}`, `{"b":1.0,"a":1e400}`, `"\u2028"`} {
		u, err := ParseUpload([]byte(`{"path":"/a.jpg","transaction":`+transaction+`}`), "home", nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := Result{Transaction: u.Transaction}.Encode(0)
		if err != nil || !strings.Contains(string(text), `"transaction":`+transaction+`,`) {
			t.Errorf("%s is not in %s (%v)", transaction, text, err)
		}
	}
}

func TestWithTransaction(t *testing.T) {
	first, err := Response{Transaction: json.RawMessage(`{"n": [1]}`), Data: SavedData{Path: `/a"},{`, Bytes: 1}}.Encode(0)
	if err != nil {
		t.Fatal(err)
	}
	for transaction, want := range map[string]string{
		`2`:  `{"status":"ok","data":{"path":"/a\"},{","bytes":1},"transaction":2}`,
		`[]`: `{"status":"ok","data":{"path":"/a\"},{","bytes":1},"transaction":[]}`,
		``:   `{"status":"ok","data":{"path":"/a\"},{","bytes":1},"transaction":null}`,
	} {
		var raw json.RawMessage
		if transaction != "" {
			raw = json.RawMessage(transaction)
		}
		got, err := WithTransaction(first, raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", transaction, diff)
		}
	}
	for _, damaged := range []string{"", "{", "{}", "[]", `{"a":}`} {
		if got, err := WithTransaction([]byte(damaged), nil); err == nil {
			t.Errorf("%q: got %s", damaged, got)
		}
	}
}
