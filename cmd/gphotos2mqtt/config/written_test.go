package config

import (
	"strings"
	"testing"
	"time"
)

// TestWritten reads values as people write them.
func TestWritten(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"7d": 168 * time.Hour, "1w": 168 * time.Hour, "2 weeks": 336 * time.Hour, "90s": 90 * time.Second, "1h30m": 90 * time.Minute,
		"1d 12h": 36 * time.Hour, "1 day, 2 hours": 26 * time.Hour, "50 Min": 50 * time.Minute, " 12H ": 12 * time.Hour, "1.5d": 36 * time.Hour,
	} {
		if got := read(t, append(minimal(), "GPHOTOS_MAX_AGE="+text)).MaxAge; got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]Size{"2G": 2 << 30, "2g": 2 << 30, "512 M": 512 << 20, "2GB": 2e9, "2 GiB": 2 << 30, "3221225472": 3 << 30} {
		if got := read(t, append(minimal(), "GPHOTOS_SPOOL_MAX="+text)).SpoolMax; got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]bool{"on": true, "Yes": true, " TRUE ": true, "1": true, "off": false, "No": false, "0": false} {
		if got := read(t, append(minimal(), "GPHOTOS_DISCOVERY="+text)).Discovery; got != want {
			t.Errorf("%q is %t", text, got)
		}
	}
	for text, want := range map[string]string{"INFO": "info", " Debug": "debug", "WARNING": "warn", "warn": "warn"} {
		if got := read(t, append(minimal(), "GPHOTOS_LOG_LEVEL="+text)).LogLevel; got != want {
			t.Errorf("%q is %q", text, got)
		}
	}
	if got := read(t, append(minimal(), "GPHOTOS_TOPIC= photos/ ", "GPHOTOS_UPLOADS= 4")); got.Topic != "photos" || got.Uploads != 4 {
		t.Errorf("topic %q, %d uploads", got.Topic, got.Uploads)
	}
	for _, line := range []string{"MAX_AGE=7", "MAX_AGE=7 moons", "MAX_AGE=d7", "MAX_AGE=-7d", "MAX_AGE=9999999w", "SPOOL_MAX=2X", "DISCOVERY=maybe"} {
		_, _, err := Read(append(minimal(), "GPHOTOS_"+line))
		name, _, _ := strings.Cut(line, "=")
		if err == nil || !strings.HasPrefix(err.Error(), "GPHOTOS_"+name) || !strings.Contains(err.Error(), "write ") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestReadClient shows that a client beside the bridge needs no secret of Google's, and what it still needs.
func TestReadClient(t *testing.T) {
	c, err := ReadClient([]string{"GPHOTOS_MQTT_URL=mqtt://broker", "GPHOTOS_ENTRIES=home,garden", "GPHOTOS_MAX_AGE=soon"})
	if err != nil || c.BrokerURL() != "tcp://broker:1883" || len(c.Entries) != 2 {
		t.Errorf("%v, %q, %d entries", err, c.BrokerURL(), len(c.Entries))
	}
	if _, err = ReadClient([]string{"GPHOTOS_MQTT_URL=broker", "GPHOTOS_MAX_AGE=soon"}); err == nil || strings.Contains(err.Error(), "MAX_AGE") {
		t.Error(err)
	}
}
