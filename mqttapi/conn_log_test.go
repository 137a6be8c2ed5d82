package mqttapi

import (
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

// LogPaho sets variables of paho that its clients read without a lock; this test
// does not run beside those that have clients.
func TestLogPaho(t *testing.T) {
	logger, logs := logtest.NewNullLogger()
	logger.SetLevel(logrus.DebugLevel)
	critical, failed := mqtt.CRITICAL, mqtt.ERROR
	defer func() { mqtt.CRITICAL, mqtt.ERROR = critical, failed }()
	LogPaho(logrus.NewEntry(logger))
	mqtt.CRITICAL.Println("[pinger]", "pingresp not received")
	mqtt.ERROR.Printf("A lookup for token %d returned nil\n", 7)
	var got []any
	for _, e := range logs.AllEntries() {
		if e.Level != logrus.DebugLevel {
			t.Errorf("level %v", e.Level)
		}
		got = append(got, e.Data["text"])
	}
	if len(got) != 2 || got[0] != "[pinger] pingresp not received" || got[1] != "A lookup for token 7 returned nil" {
		t.Errorf("%q", got)
	}
}
