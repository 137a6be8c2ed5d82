package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// A narrow broker takes messages of 16 KiB, the least that may be set.
type narrow struct{ *fakeBroker }

func (n narrow) Retain(topic string, payload []byte) error {
	if len(payload) > 16<<10 {
		return fmt.Errorf("%w: %d bytes", broker.ErrTooLarge, len(payload))
	}
	return n.fakeBroker.Retain(topic, payload)
}

// However many entries there are, it is said what runs and how it does: first what is wrong.
func TestManyEntriesAreSaidShortly(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		entries, down           int
		named, connections, set int
	}{
		{10, 3, 10, 10, 11},
		{500, 3, 500, 3, 1},
		{3000, 500, 0, maxTroubled, 1},
	} {
		r := newHarness(t)
		r.start()
		log := logrus.New()
		log.SetOutput(io.Discard)
		out := narrow{newBroker()}
		settings := map[string]string{"GPHOTOS_TOPIC": "gphotos"}
		var names []string
		for n := range tc.entries {
			names = append(names, fmt.Sprint("entry-", n))
			settings[fmt.Sprintf("GPHOTOS_ENTRY_ENTRY_%d_LISTINGS", n)] = "all"
		}
		s := NewStatus(StatusConfig{Root: "gphotos", Media: new(media.Folders), Store: r.store, Out: out, Log: logrus.NewEntry(log), Settings: settings})
		r.must(s.Know(t.Context(), names))
		for n, name := range names {
			state := broker.State{Connected: n >= tc.down}
			if !state.Connected {
				state.Reason = "the broker does not answer"
			}
			s.Connected(name, state)
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = s.Run(ctx) })
		var info mqttapi.Info
		var health mqttapi.Health
		out.await(t, "health", func() bool { return out.document("gphotos/bridge/health") != nil })
		stop()
		running.Wait()
		r.must(json.Unmarshal(out.retained["gphotos/bridge/info"], &info))
		r.must(json.Unmarshal(out.retained["gphotos/bridge/health"], &health))
		if len(info.Entries) != tc.named || len(info.Settings) != tc.set || len(health.Connections) != tc.connections {
			t.Errorf("%d entries: %d named, %d settings, %d connections", tc.entries, len(info.Entries), len(info.Settings), len(health.Connections))
		}
		for name, c := range health.Connections {
			if tc.entries > 10 && c.Connected {
				t.Errorf("%d entries: %s does well", tc.entries, name)
			}
		}
	}
}
