package bridge

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// Every request to the bridge as a whole is answered once, and one of an id is carried out once, whichever process is asked.
func TestBridgeRequests(t *testing.T) {
	var said bytes.Buffer
	log := logrus.New()
	log.SetOutput(&said)
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Log: logrus.NewEntry(log)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := newBroker()
	asked := 0
	status := func() *Status {
		return NewStatus(StatusConfig{
			Root: "gphotos", Media: new(media.Folders), Store: s, Out: out, Log: logrus.NewEntry(log),
			Request: func(_ context.Context, params any) (any, error) {
				asked++
				switch p := params.(type) {
				case mqttapi.RemoveEntry:
					return mqttapi.RemovedData{Entry: p.Entry, Status: mqttapi.EntryRemoved}, nil
				case mqttapi.AddEntry:
					return nil, mqttapi.NewError(mqttapi.CodeEntryInSettings)
				}
				return nil, errors.New("the disk is on fire")
			},
		})
	}
	for _, tt := range []struct {
		topic, payload string
		retained       bool
		code           string // "" = it is carried out
		runs           bool
	}{
		{"entry/remove", `{"entry": "garden", "id": "1", "transaction": 1}`, false, "", true},
		{"entry/remove", `{"entry": "garden", "id": "1", "transaction": 2}`, false, "", false},
		{"entry/remove", `{"entry": "garden", "id": "2", "transaction": 3}`, false, "", true},
		{"entry/remove", `{"entry": "garden", "transaction": 4}`, true, "retained_command", false},
		{"entry/remove", `{"entry": "garden", "transaction": 5, "forced": true}`, false, "bad_payload", false},
		{"entry/add", `{"entry": "home", "id": "3", "client_secret": "whisper", "transaction": 6}`, false, "entry_in_settings", true},
		{"entry/add", `{"entry": "home", "id": "3", "transaction": 7}`, false, "entry_in_settings", true}, // what was refused is no answer
		{"entry/list", ``, false, "internal", true},
		{"entry/lost", `{}`, false, "unknown_command", false},
		{"entry/add", `{"entry": "` + strings.Repeat("x", mqttapi.MaxEntryRequest) + `"}`, false, "bad_payload", false},
	} {
		before, acked := asked, false
		answers := out.count("gphotos/bridge/response/" + tt.topic)
		d := broker.Delivery{Topic: "gphotos/bridge/request/" + tt.topic, Payload: []byte(tt.payload), QoS: 1, Retained: tt.retained}
		status().Handle(t.Context(), d.WithAck(func() { acked = true }))
		all := out.all("gphotos/bridge/response/" + tt.topic)
		if len(all) != answers+1 || !acked || (asked > before) != tt.runs {
			t.Fatalf("%s %.60s: %d answers, acknowledged %t, carried out %t", tt.topic, tt.payload, len(all)-answers, acked, asked > before)
		}
		answer := all[len(all)-1]
		refused, _ := answer["error"].(map[string]any)
		if code, _ := refused["code"].(string); code != tt.code {
			t.Errorf("%s %.60s: %v", tt.topic, tt.payload, answer)
		}
		if _, transaction, ok := strings.Cut(tt.payload, `"transaction": `); ok && tt.code != "retained_command" && answer["transaction"] != float64(transaction[0]-'0') {
			t.Errorf("%s %.60s: transaction %v", tt.topic, tt.payload, answer["transaction"])
		}
	}
	if text := said.String(); strings.Contains(text, "whisper") || !strings.Contains(text, "the disk is on fire") {
		t.Error(text)
	}
	// Without requests there is no such command.
	none := NewStatus(StatusConfig{Root: "gphotos", Media: new(media.Folders), Store: s, Out: out, Log: logrus.NewEntry(log)})
	none.Handle(t.Context(), broker.Delivery{Topic: "gphotos/bridge/request", QoS: 1}.WithAck(func() {}))
	if out.count("gphotos/bridge/response") != 1 {
		t.Error("a request without a verb is not answered")
	}
}
