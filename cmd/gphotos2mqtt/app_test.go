package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// supervisor stands in for Supervisor's API: it knows its token and answers as Supervisor does.
func supervisor(t *testing.T, status int, answer string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer t0ken":
			http.Error(w, "401: Unauthorized", http.StatusUnauthorized)
		case r.Method != http.MethodGet || r.URL.Path != "/services/mqtt":
			http.NotFound(w, r)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(answer))
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const coreMosquitto = `{"result": "ok", "data": {"addon": "core_mosquitto", "host": "core-mosquitto", "port": 1883, "ssl": false,
	"protocol": "3.1.1", "username": "addons", "password": "hush=1"}}`

func options(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "options.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestApp fills in every field of the form, and reads what comes of it as the bridge does.
func TestApp(t *testing.T) {
	media := t.TempDir()
	a := app{data: "/data/gphotos2mqtt", supervisor: supervisor(t, 200, coreMosquitto), options: options(t, `{
		"client_id": " id ", "client_secret": "s3cret", "media_dirs": ["`+media+`"], "topic": "photos", "public_url": "https://photos.example.org",
		"link_url": "http://192.168.1.10:8099", "log_level": "debug", "settings": ["GPHOTOS_MAX_AGE=14d", "GPHOTOS_LOG_LEVEL=warn"],
		"entries": [{"name": "home", "title": "Ours", "album": "Front door", "listings": "none", "album_images": "3"}, {"name": "back-garden"}]}`)}
	environ, err := a.environ(t.Context(), []string{"SUPERVISOR_TOKEN=t0ken", "TZ=Europe/Berlin"})
	if err != nil {
		t.Fatal(err)
	}
	c, warnings, err := config.Read(environ)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	got := []string{
		c.BrokerURL(), c.MQTTUser, string(c.MQTTPassword), c.ClientID, string(c.ClientSecret), c.DataDir, c.HTTPListen + " " + c.PanelListen, c.Topic, c.PublicURL,
		c.LinkURL, c.LogLevel, c.MaxAge.String(), c.MediaDirs.String(), strings.Join(c.EntryNames, " "),
		c.Entries[0].DisplayName, c.Entries[0].Album, c.Entries[0].Listings.String(), c.Entries[0].AlbumImages.String(), c.Entries[1].Album,
	}
	want := []string{
		"tcp://core-mosquitto:1883", "addons", "hush=1", "id", "s3cret", "/data/gphotos2mqtt", "0.0.0.0:8099 0.0.0.0:8098", "photos",
		"https://photos.example.org", "http://192.168.1.10:8099", "warn", "336h0m0s", media, "home back-garden", "Ours", "Front door", "none", "3", "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)", diff)
	}
}

// TestAppUnwell shows what a person reads in the app's log.
func TestAppUnwell(t *testing.T) {
	const some = `{"client_id": "id", "client_secret": "s3cret", "entries": [{"name": "home"}]}`
	for name, tt := range map[string]struct {
		options, token, answer, want string
		status                       int
	}{
		"no broker": {some, "t0ken", `{"result": "error", "message": "Service not enabled"}`, "Service not enabled): install and start the Mosquitto", 400},
		"no token":  {some, "", coreMosquitto, "401 Unauthorized", 200},
		"no form":   {"", "t0ken", coreMosquitto, "save it again below Configuration", 200},
	} {
		a := app{options: options(t, tt.options), supervisor: supervisor(t, tt.status, tt.answer)}
		_, err := a.environ(t.Context(), []string{"SUPERVISOR_TOKEN=" + tt.token})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (app{options: "/nowhere/options.json"}).environ(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "Supervisor is not here") {
		t.Error(err)
	}
}

// TestAppForm shows that nothing is asked for in vain: each field of addon/config.yaml is read.
func TestAppForm(t *testing.T) {
	text, err := os.ReadFile("../../addon/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Schema map[string]any }
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	var read []string
	for field := range reflect.TypeFor[form]().Fields() {
		read = append(read, field.Tag.Get("json"))
	}
	slices.Sort(read)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(c.Schema)), read); diff != "" {
		t.Error("(-addon/config.yaml +form)", diff)
	}
}
