package mqttapi

import (
	"fmt"
	"strings"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/sirupsen/logrus"
)

// LogPaho gives what paho.mqtt.golang has to say to log, at debug level: what
// matters of it is a Reason already. paho's loggers belong to the whole process and are
// not guarded, so call it once, before the first Run.
func LogPaho(log *logrus.Entry) {
	mqtt.CRITICAL = pahoLog{log}
	mqtt.ERROR = pahoLog{log}
}

// pahoLog is a paho logger.
type pahoLog struct{ log *logrus.Entry }

func (l pahoLog) Println(words ...any) { l.write(fmt.Sprintln(words...)) }

func (l pahoLog) Printf(format string, words ...any) { l.write(fmt.Sprintf(format, words...)) }

func (l pahoLog) write(text string) {
	l.log.WithField("text", strings.TrimSpace(text)).Debug("paho")
}
