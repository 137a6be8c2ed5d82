package config

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/mqttapi"
)

const secretFileMax = 64 << 10 // of a file that a _FILE variable names; keys and passwords are far shorter

// byteOrderMarks are those of UTF-8 and UTF-16. https://www.unicode.org/faq/utf_bom.html
var byteOrderMarks = []string{"\uFEFF", "\xff\xfe", "\xfe\xff"}

// reader gathers everything that is wrong, so that one start of the program tells a person all of it. Names are without Prefix.
type reader struct {
	env    map[string]string                      // by variable in full; none is empty
	known  []string                               // every name that means something, in the order of Config
	hidden map[string]bool                        // names whose value is a secret
	faults map[string]error                       // by name, at most one each
	said   func(name, value, advice string) error // how a fault is told; nil: by the variable
}

func (r *reader) read(into any, own string) {
	for field, value := range reflect.ValueOf(into).Elem().Fields() {
		name := own + field.Tag.Get("env")
		if name == own+"-" {
			continue
		}
		r.known = append(r.known, name)
		if field.Tag.Get("file") == "true" {
			r.known = append(r.known, name+"_FILE")
			r.hidden[name] = field.Type == reflect.TypeFor[secret.Text]()
			r.readFile(name)
		}
		if text := cmp.Or(r.env[Prefix+name], field.Tag.Get("default")); text != "" {
			err := parse(text, value.Addr().Interface())
			r.want(err == nil, name, fmt.Sprint(err))
		}
	}
}

// parse reads a value of one of the types that settings have; the error says what to write.
func parse(text string, into any) (err error) {
	switch v := into.(type) {
	case *string:
		*v = strings.TrimSpace(text)
	case *secret.Text:
		*v = secret.Text(text)
	case *[]string:
		*v = strings.Split(text, ",")
	case *bool:
		*v, err = readBool(strings.TrimSpace(text))
	case *int:
		if *v, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
			return errors.New("write a whole number")
		}
	case *time.Duration:
		*v, err = readDuration(strings.TrimSpace(text))
	default:
		return v.(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) // every other type of a setting is one
	}
	return err
}

func (r *reader) readFile(name string) {
	key := Prefix + name
	path := r.env[key+"_FILE"]
	switch {
	case path == "":
		return
	case r.env[key] != "":
		r.faults[name] = fmt.Errorf("%s and %s_FILE are both set: keep one of them", key, key)
		return
	}
	content, err := readSecretFile(path)
	if onPath, ok := errors.AsType[*fs.PathError](err); ok {
		err = onPath.Err // the path stands in the message already
	}
	if err != nil {
		r.fail(name, err.Error()+"; write the path of a readable file that holds the value")
	}
	r.env[key] = content
}

func readSecretFile(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", errors.New("this is not a regular file")
	case info.Size() > secretFileMax:
		return "", fmt.Errorf("the file is larger than %d bytes", secretFileMax)
	}
	content, err := os.ReadFile(path)
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	marked := func(mark string) bool { return strings.HasPrefix(text, mark) }
	switch {
	case err != nil:
	case text == "":
		err = errors.New("the file is empty")
	case slices.ContainsFunc(byteOrderMarks, marked):
		err = errors.New("the file begins with a byte order mark, as Windows writes it: save it as UTF-8 without one")
	}
	return text, err
}

func ownPrefix(kind, name string) string {
	return kind + "_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_"
}

// name is what a setting is called where it is set.
func (r *reader) name(name string) string {
	if r.said != nil {
		return strings.ToLower(name)
	}
	return Prefix + name
}

func (r *reader) want(ok bool, name, advice string) {
	if !ok {
		r.fail(name, advice)
	}
}

// fail notes that a variable must change; the advice says what to write. Of several faults of one variable the first stays.
func (r *reader) fail(name, advice string) {
	key := Prefix + name
	value, path := r.env[key], r.env[key+"_FILE"]
	switch {
	case r.faults[name] != nil:
		return
	case r.said != nil:
		if value = printable(value); r.hidden[name] && value != "" {
			value = "…"
		}
		r.faults[name] = r.said(name, value, advice)
		return
	case path != "":
		key += fmt.Sprintf("_FILE=%q", path)
	case value == "":
		key += " is not set"
	case !r.hidden[name]:
		key += fmt.Sprintf("=%q", printable(value))
	}
	r.faults[name] = fmt.Errorf("%s: %s", key, advice)
}

// printable is a value fit for a message: without the user and password of an address, and not longer than a line.
func printable(value string) string {
	if scheme, rest, ok := strings.Cut(value, "://"); ok {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			value = scheme + "://…@" + rest[at+1:]
		}
	}
	if r := []rune(value); len(r) > 80 {
		value = string(r[:80]) + "…"
	}
	return value
}

// The patterns keep topics to what every broker and Home Assistant take: no wildcard, no space, no empty level. The built-in broker has no
// spaces and no dots in topics: https://docs.nats.io/running-a-nats-service/configuration/mqtt/mqtt_config.
var (
	topicLevels = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7}$`)
	clientID    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// check applies what a type alone does not say, and fills in the defaults that depend on other settings.
func (r *reader) check(c *Config) {
	r.checkFolders(c)
	r.checkBroker(c)
	r.checkCluster(c)
	r.checkPages(c)
	r.want(c.SecretKey != "" || c.NATSURL == "", "SECRET_KEY", "write 32 random bytes as base64 or hex, the same in every process: with "+
		Prefix+"NATS_URL each must open what another has sealed; `openssl rand -base64 32` makes them")
	_, err := secret.ReadKey(string(c.SecretKey))
	r.want(c.SecretKey == "" || err == nil, "SECRET_KEY", "write 32 random bytes as base64 or hex; `openssl rand -base64 32` makes them")
	for i := range c.Entries {
		r.checkEntry(c, &c.Entries[i], ownPrefix("ENTRY", c.Entries[i].Name))
	}
	r.want(c.SpoolMax >= max(c.SpoolCopy, 1<<20), "SPOOL_MAX",
		"write a size of at least 1MiB that is not below "+Prefix+"SPOOL_COPY, 32MiB unless you set it")
	r.want(c.MaxEntries >= max(1, len(c.Entries)) && c.MaxEntries <= 1e6, "MAX_ENTRIES",
		"write a whole number from 1 to 1000000 that is not below the number of "+Prefix+"ENTRIES")
	if c.MQTTURL == "" {
		r.want(len(c.Entries) <= MaxBuiltIn, "ENTRIES", fmt.Sprintf("name at most %d entries, which are what the built-in broker serves, "+
			"or set %sMQTT_URL to a broker of your own, such as Mosquitto", MaxBuiltIn, Prefix))
		c.MaxEntries = min(c.MaxEntries, MaxBuiltIn)
	}
	r.want(c.SpoolMaxJobs >= 1 && c.SpoolMaxJobs <= 1e6, "SPOOL_MAX_JOBS", "write a whole number from 1 to 1000000")
	r.want(c.MaxPublish >= 16<<10 && c.MaxPublish <= 32<<20, "MAX_PUBLISH", "write a size from 16KiB to 32MiB")
	r.want(c.MediaWait >= 0 && c.MediaWait <= mqttapi.MaxWait, "MEDIA_WAIT", "write a duration from 0s to 1h, such as 10s")
	r.want(c.MediaQuiet >= 0, "MEDIA_QUIET", "write a duration such as 2s, or 0s")
	r.want(c.MediaLimit >= 0, "MEDIA_LIMIT", "write a duration such as 5m, or 0s")
	r.want(c.MaxAge >= time.Minute, "MAX_AGE", "write a duration of at least 1m, such as 168h")
	r.want(c.Uploads >= 1 && c.Uploads <= 50, "UPLOADS", "write a whole number from 1 to 50")
	r.want(c.ListItems >= 1 && c.ListItems <= 500, "LIST_ITEMS", "write a whole number from 1 to 500")
	r.want(c.Refresh >= time.Minute && c.Refresh <= 50*time.Minute, "REFRESH",
		"write a duration from 1m to 50m; the picture addresses in a listing stop working after 60 minutes")
	for name, address := range map[string]string{
		"GOOGLE_AUTH_URL": c.GoogleAuthURL, "GOOGLE_TOKEN_URL": c.GoogleTokenURL, "GOOGLE_REVOKE_URL": c.GoogleRevokeURL,
		"GOOGLE_USERINFO_URL": c.GoogleUserInfoURL, "GOOGLE_LIBRARY_URL": c.GoogleLibraryURL,
	} {
		u, ok := webAddress(address)
		r.want(address == "" || ok && (u.Scheme == "https" || auth.IsLoopback(u.Hostname())), name, "write an https:// address, "+
			"or an http:// one of this machine, such as http://127.0.0.1:8085; tokens are sent to it")
	}
	const levels = "write letters, digits, _ and -, in levels separated by /, such as "
	c.Topic = strings.TrimSuffix(c.Topic, "/")
	r.want(topicLevels.MatchString(c.Topic), "TOPIC", levels+"gphotos")
	r.want(topicLevels.MatchString(c.DiscoveryPrefix), "DISCOVERY_PREFIX", levels+"homeassistant")
	r.want(topicLevels.MatchString(c.BirthTopic), "BIRTH_TOPIC", levels+"homeassistant/status")
	c.LogLevel, c.LogFormat = strings.ToLower(c.LogLevel), strings.ToLower(c.LogFormat)
	if c.LogLevel == "warning" {
		c.LogLevel = "warn"
	}
	r.want(slices.Contains([]string{"error", "warn", "info", "debug"}, c.LogLevel), "LOG_LEVEL", "write error, warn, info or debug")
	r.want(c.LogFormat == "text" || c.LogFormat == "json", "LOG_FORMAT", "write text or json")
}

// checkFolders finds the data folder where a user's programs keep their state: https://specifications.freedesktop.org/basedir-spec/latest/.
func (r *reader) checkFolders(c *Config) {
	base, home := cmp.Or(r.env["XDG_STATE_HOME"], r.env["LOCALAPPDATA"]), r.env["HOME"] // the second is of Windows
	if c.DataDir == "" && filepath.IsAbs(base) {
		c.DataDir = filepath.Join(base, "gphotos2mqtt")
	} else if c.DataDir == "" && home != "" {
		c.DataDir = filepath.Join(home, ".local", "state", "gphotos2mqtt")
	}
	r.want(c.DataDir != "" || c.NATSURL != "", "DATA_DIR", "write the path of a folder for the queue and the links")
	data, err := filepath.Abs(c.DataDir)
	r.want(err == nil, "DATA_DIR", "write an absolute path")
	for _, dir := range c.MediaAfter {
		r.want(slices.ContainsFunc(c.MediaDirs, func(in string) bool {
			below, err := filepath.Rel(in, dir)
			return err == nil && filepath.IsLocal(below)
		}), "MEDIA_AFTER", dir+" is not below a folder of "+Prefix+"MEDIA_DIRS; name it there too")
	}
	for _, dir := range c.MediaDirs {
		below, err := filepath.Rel(dir, data)
		r.want(err != nil || !filepath.IsLocal(below), "MEDIA_DIRS",
			"the data folder "+data+" lies in "+dir+", where uploads could read the keys in it; move one of them")
	}
}

// checkPages sees that a browser can come back from Google. LinkURL stays empty when the pages listen on every address: cmd looks for one.
func (r *reader) checkPages(c *Config) {
	host, port, ok := hostPort(c.HTTPListen)
	r.want(ok, "HTTP_LISTEN", listenAdvice(c.HTTPListen)+"127.0.0.1:8099")
	c.PublicURL = cmp.Or(c.PublicURL, "http://localhost:"+port)
	c.PublicURL = strings.TrimRight(strings.TrimSuffix(c.PublicURL, auth.CallbackPath), "/")
	err := auth.CheckRedirect(c.RedirectURL())
	r.want(err == nil, "PUBLIC_URL", fmt.Sprint(err))
	public, err := url.Parse(c.PublicURL)
	switch _, ok = webAddress(c.LinkURL); {
	case c.LinkURL != "":
		r.want(ok, "LINK_URL", "write the address a browser reaches the bridge at, such as http://192.168.1.10:8099")
	case err == nil && !auth.IsLoopback(public.Hostname()) || auth.IsLoopback(host):
		c.LinkURL = c.PublicURL
	case !isEveryAddress(host):
		c.LinkURL = "http://" + net.JoinHostPort(host, port)
	}
	c.LinkURL = strings.TrimRight(c.LinkURL, "/")
}

func listenAdvice(address string) string {
	if strings.Count(address, ":") > 1 && !strings.Contains(address, "[") {
		return "write an IPv6 address in brackets and a port, such as [::1]:1883, or an IPv4 one, such as "
	}
	return "write an address and a port, such as "
}

func webAddress(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(address, "?#") {
		return nil, false
	}
	return u, u.Scheme == "http" || u.Scheme == "https"
}
