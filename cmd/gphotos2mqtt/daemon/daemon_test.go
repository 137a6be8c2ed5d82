package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gphotos2mqtt/bridge/task"
)

// Connections outlive what works, and whoever fails ends all and is named.
func TestDaemonStops(t *testing.T) {
	broken := errors.New("broken")
	untilStop := func(ctx context.Context) error { <-ctx.Done(); return nil }
	fail := func(context.Context) error { return broken }
	for name, tt := range map[string]struct {
		work, connection func(context.Context) error
		want             string
	}{
		"stop":              {untilStop, untilStop, ""},
		"work fails":        {fail, untilStop, "entry home: broken"},
		"connection fails":  {untilStop, fail, "connection home: broken"},
		"work has to speak": {nil, untilStop, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			online, offline := make(chan struct{}), make(chan struct{})
			if tt.work == nil { // its last results need a connection after the stop
				tt.work = func(ctx context.Context) error {
					<-online
					stop()
					<-ctx.Done()
					select {
					case <-offline:
						return errors.New("the connection is gone")
					default:
						return nil
					}
				}
			}
			if name == "stop" {
				stop()
			}
			d := &Daemon{connections: []task.Task{{Name: "connection home", Run: func(ctx context.Context) error {
				close(online)
				defer close(offline)
				return tt.connection(ctx)
			}}}}
			err := d.Run(ctx, task.Task{Name: "entry home", Run: tt.work})
			if got := errorText(err); got != tt.want {
				t.Errorf("error %q, want %q", got, tt.want)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimSpace(err.Error())
}
