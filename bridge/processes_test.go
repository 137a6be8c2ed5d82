package bridge

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// Health shows soon that another process has other entries, and is not published for what else it reports.
func TestHealthOfProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logrus.New()
		log.SetOutput(io.Discard)
		st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Log: logrus.NewEntry(log)})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		var entries atomic.Int64
		out := newBroker()
		s := NewStatus(StatusConfig{
			Root: "gphotos", Media: new(media.Folders), Store: st, Out: out, Log: logrus.NewEntry(log), Process: "one",
			Processes: func() map[string]Report {
				return map[string]Report{"one": {}, "two": {Process: mqttapi.Process{Entries: int(entries.Load()), Memory: 1}}}
			},
		})
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		go func() { _ = s.Run(ctx) }()
		shown := func() float64 {
			time.Sleep(healthOfMany / 3)
			synctest.Wait()
			processes, _ := out.document("gphotos/bridge/health")["processes"].(map[string]any)
			two, _ := processes["two"].(map[string]any)
			n, _ := two["entries"].(float64)
			return n
		}
		for _, tt := range []struct {
			entries int64
			report  string
			want    float64
		}{
			{0, `{"entries": 0, "memory": 1}`, 0},
			{2, `{"entries": 2, "memory": 1}`, 2},
			{3, `{"entries": 2, "memory": 3}`, 2}, // until the next health
		} {
			entries.Store(tt.entries)
			s.Saw("two", []byte(tt.report))
			if got := shown(); got != tt.want {
				t.Errorf("%s: %v entries are shown, want %v", tt.report, got, tt.want)
			}
		}
	})
}
