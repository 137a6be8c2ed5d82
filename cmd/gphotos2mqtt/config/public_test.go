package config

import (
	"fmt"
	"strings"
	"testing"
)

// What is shown to all who may read the broker is what was set, without secrets.
func TestPublic(t *testing.T) {
	public := read(t, with(minimal(), "MQTT_USER=home", "MQTT_PASSWORD=hush", "MEDIA_DIRS=",
		"ENTRIES=home,back-garden", "ENTRY_HOME_LISTINGS=Birds", "ENTRY_BACK_GARDEN_CLIENT_ID=own",
		"ENTRY_BACK_GARDEN_CLIENT_SECRET=hush", "SPOOL_MAX=1GiB", "REFRESH=40m")).Public()
	for name, want := range map[string]string{
		"ENTRIES": "home,back-garden", "MQTT_USER": "home", "MEDIA_DIRS": "", "SPOOL_MAX": "1073741824", "REFRESH": "40m0s",
		"DISCOVERY": "true", "ENTRY_HOME_LISTINGS": "Birds", "ENTRY_BACK_GARDEN_LISTINGS": "all",
	} {
		if got, ok := public[Prefix+name]; !ok || got != want {
			t.Errorf("%s is %q (%v), want %q", name, got, ok, want)
		}
	}
	if text := fmt.Sprint(public); strings.Contains(text, "hush") {
		t.Errorf("a secret is in %s", text)
	}
	for name := range public {
		for _, hidden := range []string{"PASSWORD", "SECRET", "_CLIENT_ID"} {
			if strings.Contains(name, hidden) && name != Prefix+"MQTT_CLIENT_ID" {
				t.Errorf("%s is shown", name)
			}
		}
	}
}
