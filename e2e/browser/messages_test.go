package browser_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// listen keeps all messages.
func (h *house) listen(address string) {
	h.mqtt = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(address).SetProtocolVersion(4).SetClientID("somebody").
		SetConnectRetry(true).SetConnectRetryInterval(50 * time.Millisecond).
		SetOnConnectHandler(func(c mqtt.Client) { c.Subscribe("#", 1, nil) }).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.messages = append(h.messages, m)
			close(h.arrived)
			h.arrived = make(chan struct{})
		}))
	token := h.mqtt.Connect()
	h.t.Cleanup(func() { h.mqtt.Disconnect(0) })
	if !token.WaitTimeout(patience) {
		h.t.Fatalf("no broker at %s:\n%s", address, h.bridge.text())
	}
}

// await waits for a message on a topic, from all that came so far on.
func (h *house) await(topic string, is func(payload []byte) bool) []byte {
	h.t.Helper()
	over := time.After(patience)
	for {
		h.mu.Lock()
		messages, arrived := h.messages, h.arrived
		h.mu.Unlock()
		for _, m := range slices.Backward(messages) {
			if m.Topic() == topic && is(m.Payload()) {
				return m.Payload()
			}
		}
		select {
		case <-arrived:
		case <-over:
			h.t.Fatalf("nothing on %s is as it should be; the bridge says:\n%s", topic, h.bridge.text())
		}
	}
}

func (h *house) publish(topic, payload string) {
	h.t.Helper()
	if token := h.mqtt.Publish(topic, 1, false, payload); !token.WaitTimeout(patience) || token.Error() != nil {
		h.t.Fatalf("publish to %s: %v", topic, token.Error())
	}
}

// request sends a request and returns its answer.
func (h *house) request(verb, payload string) response {
	h.t.Helper()
	h.mu.Lock()
	before := len(h.messages)
	h.mu.Unlock()
	h.publish("gphotos/home/request/"+verb, payload)
	var r response
	h.await("gphotos/home/response/"+verb, func([]byte) bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, m := range h.messages[before:] {
			if m.Topic() == "gphotos/home/response/"+verb && json.Unmarshal(m.Payload(), &r) == nil {
				return true
			}
		}
		return false
	})
	return r
}

type response struct {
	Status string
	Data   struct {
		URL        string `json:"url"`
		ConsentURL string `json:"consent_url"`
		Account    struct{ Email string }
	}
	Error struct{ Code, Message string }
}

// state waits until the newest E/state says this of the link.
func (h *house) state(status, email, problem string) {
	h.t.Helper()
	h.await("gphotos/home/state", func([]byte) bool {
		var state struct {
			Link struct {
				Status, Problem string
				Account         struct{ Email string }
			}
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, m := range slices.Backward(h.messages) {
			if m.Topic() == "gphotos/home/state" {
				_ = json.Unmarshal(m.Payload(), &state)
				l := state.Link
				return l.Status == status && l.Account.Email == email && strings.Contains(l.Problem, problem) && (problem != "" || l.Problem == "")
			}
		}
		return false
	})
}

// upload publishes a path and waits for an answer of that status.
func (h *house) upload(path, status string) {
	h.t.Helper()
	n := h.results(status)
	h.publish("gphotos/home/upload", path)
	h.uploaded(status, n+1)
}

// uploaded waits for the n-th answer of that status.
func (h *house) uploaded(status string, n int) {
	h.t.Helper()
	h.await("gphotos/home/upload/result", func([]byte) bool { return h.results(status) >= n })
}

func (h *house) results(status string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.messages {
		var result struct{ Status string }
		if m.Topic() == "gphotos/home/upload/result" && json.Unmarshal(m.Payload(), &result) == nil && result.Status == status {
			n++
		}
	}
	return n
}

// photo is a picture followed by bytes that decoders skip; it differs with its size.
func photo(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), make([]byte, size)...)
}
