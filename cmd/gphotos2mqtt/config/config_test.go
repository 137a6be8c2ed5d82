package config

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// minimal is the least that a bridge can start with.
func minimal() []string {
	return []string{"HOME=/home/ada", "GPHOTOS_CLIENT_ID=id", "GPHOTOS_CLIENT_SECRET=hush"}
}

// with adds lines of NAME=value to an environment.
func with(environ []string, lines ...string) []string {
	environ = slices.Clone(environ)
	for _, line := range lines {
		environ = append(environ, Prefix+line)
	}
	return environ
}

func read(t *testing.T, environ []string) Config {
	t.Helper()
	c, warnings, err := Read(environ)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("error %v, warnings %q; want none", err, warnings)
	}
	return c
}

func TestDefaults(t *testing.T) {
	want := Config{
		Topic: "gphotos", EntryNames: []string{"home"}, MaxEntries: MaxBuiltIn, DataDir: "/home/ada/.local/state/gphotos2mqtt",
		MediaWait: 10 * time.Second, MediaQuiet: 2 * time.Second, MediaLimit: 5 * time.Minute,
		MQTTListen: "127.0.0.1:1883", MQTTClientID: "gphotos2mqtt", NATSReplicas: 3, NATSPrefix: "gphotos",
		ClientID: "id", ClientSecret: "hush",
		HTTPListen: "127.0.0.1:8099", PublicURL: "http://localhost:8099", LinkURL: "http://localhost:8099",
		SpoolMax: 2 << 30, SpoolMaxJobs: 10000, SpoolCopy: 32 << 20, MaxPublish: 1_000_000,
		MaxAge: 168 * time.Hour, Uploads: 25, ListItems: 100, Refresh: 50 * time.Minute,
		Discovery: true, DiscoveryPrefix: "homeassistant", BirthTopic: "homeassistant/status", BirthPayload: "online",
		LogLevel: "info", LogFormat: "text",
		Entries: []Entry{
			{Name: "home", Listings: Listings{All: true}, AlbumImages: Images{Newest: 5}, MirrorItems: 50, MirrorMax: 1 << 30, ClientID: "id", ClientSecret: "hush"},
		},
	}
	if diff := cmp.Diff(want, read(t, minimal())); diff != "" {
		t.Error("(-want +got)", diff)
	}
}

func TestDefaultDataDir(t *testing.T) {
	if got, want := read(t, append(minimal(), "XDG_STATE_HOME=/srv/state")).DataDir, "/srv/state/gphotos2mqtt"; got != want {
		t.Errorf("data folder %q; want %q", got, want)
	}
}

func TestEntries(t *testing.T) {
	media := t.TempDir()
	c := read(t, with(minimal(),
		"ENTRIES=home, back-garden",
		"ENTRY_HOME_LISTINGS=none",
		`ENTRY_HOME_ALBUM_IMAGES=Birds,"Summer, 2026"`,
		"MEDIA_DIRS="+media, "ENTRY_HOME_MIRROR=Birds,Cats", "ENTRY_HOME_MIRROR_FOLDER="+media+"/google/", "ENTRY_HOME_MIRROR_ITEMS=7",
		"ENTRY_HOME_MIRROR_MAX=20MB",
		"ENTRY_BACK_GARDEN_NAME=Back garden",
		"ENTRY_BACK_GARDEN_ALBUM=Birds",
		"ENTRY_BACK_GARDEN_ALBUM_IMAGES=0",
		`ENTRY_BACK_GARDEN_LISTINGS=Birds, "Summer, 2026"`,
		"ENTRY_BACK_GARDEN_CLIENT_ID=other",
		"ENTRY_BACK_GARDEN_CLIENT_SECRET=whisper",
	))
	want := []Entry{
		{
			Name: "home", AlbumImages: Images{Titles: []string{"Birds", "Summer, 2026"}}, ClientID: "id", ClientSecret: "hush",
			Mirror: Titles{"Birds", "Cats"}, MirrorFolder: media + "/google", MirrorItems: 7, MirrorMax: 20_000_000,
		},
		{
			Name: "back-garden", DisplayName: "Back garden", Album: "Birds", ClientID: "other", ClientSecret: "whisper", Own: true,
			Listings: Listings{Titles: []string{"Birds", "Summer, 2026"}}, MirrorItems: 50, MirrorMax: 1 << 30,
		},
	}
	if diff := cmp.Diff(want, c.Entries); diff != "" {
		t.Error("(-want +got)", diff)
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(content string) string {
		f, err := os.CreateTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(content); err != nil {
			t.Fatal(err)
		}
		return f.Name()
	}
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	c := read(t, []string{
		"GPHOTOS_DATA_DIR=" + dir,
		"GPHOTOS_CLIENT_ID_FILE=" + file("id\n"),
		"GPHOTOS_CLIENT_SECRET_FILE=" + file("hush\r\n"),
		"GPHOTOS_MQTT_USER=bridge",
		"GPHOTOS_MQTT_PASSWORD_FILE=" + file(" two lines \n\n"),
		"GPHOTOS_SECRET_KEY_FILE=" + file(key),
		"GPHOTOS_ENTRY_HOME_CLIENT_ID=own",
		"GPHOTOS_ENTRY_HOME_CLIENT_SECRET_FILE=" + file("whisper\n"),
	})
	got := []string{
		c.ClientID, string(c.ClientSecret), string(c.MQTTPassword), string(c.SecretKey),
		string(c.Entries[0].ClientSecret),
	}
	want := []string{"id", "hush", " two lines \n", key, "whisper"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)", diff)
	}
}

func TestAddresses(t *testing.T) {
	for given, want := range map[string]string{
		"":                          "tcp://127.0.0.1:1883",
		"mqtt://broker":             "tcp://broker:1883",
		"mqtt://broker:1884/":       "tcp://broker:1884",
		"tcp://[::1]":               "tcp://[::1]:1883",
		"mqtts://broker":            "tls://broker:8883",
		"wss://broker/mqtt?a=b":     "wss://broker:443/mqtt?a=b",
		"ws://192.168.1.4:8080/a/b": "ws://192.168.1.4:8080/a/b",
	} {
		c := read(t, with(minimal(), "MQTT_URL="+given))
		if got := c.BrokerURL(); got != want {
			t.Errorf("%q leads to %s; want %s", given, got, want)
		}
		secure := strings.HasPrefix(want, "tls") || strings.HasPrefix(want, "wss")
		if secure != (c.MQTTTLS != nil) {
			t.Errorf("%q has TLS %v; want %v", given, !secure, secure)
		}
	}
	for listen, want := range map[string]string{
		":1884": "tcp://localhost:1884", "0.0.0.0:1884": "tcp://localhost:1884", "[::]:1884": "tcp://localhost:1884",
		"192.168.1.4:1884": "tcp://192.168.1.4:1884",
	} {
		c := read(t, with(minimal(), "MQTT_LISTEN="+listen, "MQTT_USER=home", "MQTT_PASSWORD=hush"))
		if got := c.BrokerURL(); got != want {
			t.Errorf("%q is reached at %s; want %s", listen, got, want)
		}
	}
	c := read(t, with(minimal(), "HTTP_LISTEN=0.0.0.0:80", "PUBLIC_URL=https://photos.example.org/", "LINK_URL=http://pi.lan/"))
	got := []string{c.PublicURL, c.LinkURL, c.RedirectURL()}
	want := []string{"https://photos.example.org", "http://pi.lan", "https://photos.example.org/oauth/callback"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)", diff)
	}
}

func TestMediaDirs(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for _, list := range []string{a + ":" + b, a + "/, " + b, "," + a + ":" + filepath.Join(b, "..", filepath.Base(b)) + ":"} {
		got := read(t, with(minimal(), "MEDIA_DIRS="+list)).MediaDirs
		if diff := cmp.Diff(Paths{a, b}, got); diff != "" {
			t.Error(list, "(-want +got)", diff)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "7": 7, "7B": 7, "256KiB": 256 << 10, "2 gib": 2 << 30, "20MB": 20e6, " 1tb ": 1e12, "1TIB": 1 << 40,
	} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "lots", "-1", "1.5GiB", "1 PiB", "MiB", "9223372036854775807KB", "0x10"} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d; want an error", text, got)
		}
	}
}
