package broker

import (
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/sirupsen/logrus"
)

func TestLogPaho(t *testing.T) {
	t.Parallel()
	mqtt.CRITICAL.Println("[test]", "no answer")
	mqtt.ERROR.Printf("[test] token %d\n", 7)
	got := map[any]logrus.Level{}
	for _, e := range pahoLogs.AllEntries() {
		got[e.Data["text"]] = e.Level
	}
	for _, text := range []string{"[test] no answer", "[test] token 7"} {
		if level, ok := got[text]; !ok || level != logrus.DebugLevel {
			t.Errorf("%q: logged %v, level %v", text, ok, level)
		}
	}
}
