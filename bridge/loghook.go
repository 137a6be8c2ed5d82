package bridge

import (
	"context"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/mqttapi"
)

// logLines is how many lines may wait to be published; more are dropped, since
// the log itself has them.
const logLines = 64

// A LogHook publishes warnings and errors on gphotos/bridge/log. It is added to
// the logger, and run beside the bridge.
type LogHook struct {
	front *Front
	lines chan mqttapi.LogLine
}

// NewLogHook returns a hook that publishes through the front.
func NewLogHook(f *Front) *LogHook {
	return &LogHook{front: f, lines: make(chan mqttapi.LogLine, logLines)}
}

// Levels are those that a person should see.
func (h *LogHook) Levels() []logrus.Level { return []logrus.Level{logrus.ErrorLevel, logrus.WarnLevel} }

// Fire takes one line and never waits. Only the message and the names of entry
// and job go out: the cause may hold what is nobody's business.
func (h *LogHook) Fire(l *logrus.Entry) error {
	line := mqttapi.LogLine{Level: l.Level.String(), Message: l.Message, Time: mqttapi.At(l.Time)}
	line.Entry, _ = l.Data["entry"].(string)
	line.Job, _ = l.Data["job"].(string)
	select {
	case h.lines <- line:
		return nil
	default:
		return nil
	}
}

// Run publishes lines until ctx ends.
func (h *LogHook) Run(ctx context.Context) error {
	for {
		select {
		case line := <-h.lines:
			payload, err := line.Encode()
			if err != nil {
				return err
			}
			_ = h.front.cfg.Out.Send(ctx, h.front.topics.BridgeLog(), payload) // a line that is lost here is in the log
		case <-ctx.Done():
			return nil
		}
	}
}
