package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge"
	"gphotos2mqtt/mqttapi"
)

// level patterns keep topics to what every broker and Home Assistant take: no
// wildcard, no space, no empty level. The built-in broker has no spaces and no
// dots in topics: https://docs.nats.io/running-a-nats-service/configuration/mqtt/mqtt_config.
var (
	topicLevels = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7}$`)
	clientID    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

const topicAdvice = "write letters, digits, _ and -, in levels separated by /, such as "

// check applies what a type alone does not say, and fills in the defaults that
// depend on other settings.
func (r *reader) check(c *Config) {
	r.checkFolders(c)
	r.checkBroker(c)
	r.checkGoogle(c)
	r.checkLimits(c)
	r.want(topicLevels.MatchString(c.Topic), "TOPIC", topicAdvice+"gphotos")
	r.want(topicLevels.MatchString(c.DiscoveryPrefix), "DISCOVERY_PREFIX", topicAdvice+"homeassistant")
	r.want(topicLevels.MatchString(c.BirthTopic), "BIRTH_TOPIC", topicAdvice+"homeassistant/status")
	r.oneOf(c.LogLevel, "LOG_LEVEL", "error", "warn", "info", "debug")
	r.oneOf(c.LogFormat, "LOG_FORMAT", "text", "json")
}

// want notes the advice unless the setting is as it should be.
func (r *reader) want(ok bool, name, advice string) {
	if !ok {
		r.fail(prefix+name, advice)
	}
}

func (r *reader) oneOf(value, name string, choices ...string) {
	last := len(choices) - 1
	r.want(slices.Contains(choices, value), name, "write "+strings.Join(choices[:last], ", ")+" or "+choices[last])
}

func (r *reader) checkFolders(c *Config) {
	if c.DataDir == "" {
		c.DataDir = r.stateFolder()
	}
	r.want(c.DataDir != "", "DATA_DIR", "write the path of a folder for the queue and the links")
	data, err := filepath.Abs(c.DataDir)
	r.want(err == nil, "DATA_DIR", "write an absolute path")
	for _, dir := range c.MediaDirs {
		info, err := os.Stat(dir)
		r.want(err == nil && info.IsDir(), "MEDIA_DIRS", dir+" is not a folder that can be read; create or mount it, or leave it out")
		r.want(!within(data, dir), "MEDIA_DIRS", "the data folder "+data+" lies in "+dir+", where uploads could read the keys in it; move one of them")
	}
}

// stateFolder is where a user's programs keep their state:
// https://specifications.freedesktop.org/basedir-spec/latest/.
func (r *reader) stateFolder() string {
	if base := r.env["XDG_STATE_HOME"]; filepath.IsAbs(base) {
		return filepath.Join(base, "gphotos2mqtt")
	}
	if home := r.env["HOME"]; home != "" {
		return filepath.Join(home, ".local", "state", "gphotos2mqtt")
	}
	return ""
}

// within tells whether path is dir or lies below it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

func (r *reader) checkLimits(c *Config) {
	r.want(c.SpoolMax >= max(c.SpoolCopy, 1<<20), "SPOOL_MAX", "write a size of at least 1MiB that is not below "+prefix+"SPOOL_COPY, 32MiB unless you set it")
	r.want(c.SpoolMaxJobs >= 1 && c.SpoolMaxJobs <= 1e6, "SPOOL_MAX_JOBS", "write a whole number from 1 to 1000000")
	r.want(c.MaxPublish >= 16<<10 && c.MaxPublish <= 32<<20, "MAX_PUBLISH", "write a size from 16KiB to 32MiB")
	r.want(c.MaxAge >= time.Minute, "MAX_AGE", "write a duration of at least 1m, such as 168h")
	r.want(c.Uploads >= 1 && c.Uploads <= 32, "UPLOADS", "write a whole number from 1 to 32")
	r.want(c.ListItems >= 1 && c.ListItems <= 500, "LIST_ITEMS", "write a whole number from 1 to 500")
	r.want(c.Refresh >= time.Minute && c.Refresh <= 50*time.Minute, "REFRESH", "write a duration from 1m to 50m; the picture addresses in a listing stop working after 60 minutes")
}

// checkGoogle sees that each entry has an OAuth client and that Google's and our
// addresses can work.
func (r *reader) checkGoogle(c *Config) {
	r.checkHTTP(c)
	for name, address := range map[string]string{
		"GOOGLE_AUTH_URL": c.GoogleAuthURL, "GOOGLE_TOKEN_URL": c.GoogleTokenURL, "GOOGLE_REVOKE_URL": c.GoogleRevokeURL,
		"GOOGLE_USERINFO_URL": c.GoogleUserInfoURL, "GOOGLE_LIBRARY_URL": c.GoogleLibraryURL,
	} {
		r.want(address == "" || safeAddress(address), name, "write an https:// address, or an http:// one of this machine, such as http://127.0.0.1:8085; tokens are sent to it")
	}
	if c.SecretKey != "" {
		_, err := auth.ReadKey(string(c.SecretKey))
		r.want(err == nil, "SECRET_KEY", "write 32 random bytes as base64 or hex; `openssl rand -base64 32` makes them")
	}
	for i := range c.Entries {
		r.checkEntry(c, &c.Entries[i])
	}
}

// checkEntry gives an entry without an OAuth client the common one.
func (r *reader) checkEntry(c *Config, e *EntryConfig) {
	own := entryPrefix(e.Entry)
	if e.AlbumImages < 0 || e.AlbumImages > bridge.MaxListings {
		r.fail(own+"ALBUM_IMAGES", fmt.Sprintf("write a whole number from 0 to %d", bridge.MaxListings))
	}
	if utf8.RuneCountInString(e.Album) > mqttapi.MaxTitle {
		r.fail(own+"ALBUM", fmt.Sprintf("write a title of at most %d characters", mqttapi.MaxTitle))
	}
	if e.ClientID == "" && e.ClientSecret == "" {
		const where = " of your OAuth client from https://console.cloud.google.com/auth/clients"
		r.want(c.ClientID != "", "CLIENT_ID", "write the client id"+where)
		r.want(c.ClientSecret != "", "CLIENT_SECRET", "write the client secret"+where)
		e.ClientID, e.ClientSecret = c.ClientID, c.ClientSecret
		return
	}
	if e.ClientID == "" {
		r.fail(own+"CLIENT_ID", "write the client id that belongs to "+own+"CLIENT_SECRET")
	}
	if e.ClientSecret == "" {
		r.fail(own+"CLIENT_SECRET", "write the secret that belongs to "+own+"CLIENT_ID")
	}
}
