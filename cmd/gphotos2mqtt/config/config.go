// Package config reads the environment, once, into a typed Config.
//
// What is wrong with it is said all at once, one line for each variable, with what to write instead; what does nothing is said in warnings.
// Beside the environment only the files and folders that it names are looked at.
package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/cluster"
	"gphotos2mqtt/mqttapi/broker"
)

// Prefix starts the name of every variable that is ours.
const Prefix = "GPHOTOS_"

// MaxBuiltIn is how many entries the built-in broker serves. Each has a session there of files that are synced and about 0.4 MB of memory:
// with 250 all are online after 15 s of processor time, while with 1,000 its own calls run into their limits.
const MaxBuiltIn = 200

// Config holds all settings, checked and with their defaults. Each field is read from GPHOTOS_ followed by the name in its env tag; an
// empty variable counts as not set. A field tagged file:"true" may come from a file instead, whose path is in the variable of the same name
// with _FILE at its end. The comments are the manual: the tables of README.md are made from them.
type Config struct {
	// First level of every topic.
	Topic string `env:"TOPIC" default:"gphotos"`
	// Names of the entries, separated by commas. An entry is one linked Google account; its name is a level of its topics: 1 to 32 of
	// `a`-`z`, `0`-`9`, `_` and `-`, not `bridge`. `none`: only those that are added at run time.
	EntryNames []string `env:"ENTRIES" default:"home"`
	// Most entries that there may be, 1 to 1,000,000, with those that are added at run time; further ones are refused. The built-in broker
	// serves 200.
	MaxEntries int `env:"MAX_ENTRIES" default:"1000"`
	// Folder for the queue, the sealed links and the key that seals them; not used with GPHOTOS_NATS_URL. The container image sets `/data`. Default:
	// `$XDG_STATE_HOME/gphotos2mqtt`, else `~/.local/state/gphotos2mqtt`, on Windows `%LocalAppData%\gphotos2mqtt`.
	DataDir string `env:"DATA_DIR"`
	// Folders that files may be uploaded from, separated by `:` (on Windows `;`) or commas, as absolute paths. None: only uploads whose
	// bytes are in the message.
	MediaDirs Paths `env:"MEDIA_DIRS"`
	// How long a file is waited for that is not there when its command comes, at most 1h. 0: not at all. The key `wait` of a command says
	// otherwise for its files.
	MediaWait time.Duration `env:"MEDIA_WAIT" default:"10s"`
	// How long a file must not have changed whose content does not show that it is complete, such as a recording in MPEG-TS. 0: such files
	// are taken as they are.
	MediaQuiet time.Duration `env:"MEDIA_QUIET" default:"2s"`
	// How long a file is waited for that is still being written or cut off. Then it is taken as it is when it no longer changes, else it
	// fails with `changed`. 0: such files fail, or are taken as they are, at once.
	MediaLimit time.Duration `env:"MEDIA_LIMIT" default:"5m"`
	// Folders whose files the key `after` of a command may delete and move, and that it may move files into, as GPHOTOS_MEDIA_DIRS, each
	// below one of those. None: `after` may only be `keep`.
	MediaAfter Paths `env:"MEDIA_AFTER"`

	// Address of your MQTT broker: `mqtt://host:1883`, `mqtts://host:8883`, `ws://host/path` or `wss://host/path`. Empty: the bridge is the
	// broker itself, see GPHOTOS_MQTT_LISTEN.
	MQTTURL string `env:"MQTT_URL"`
	// Where the built-in broker listens when GPHOTOS_MQTT_URL is empty. Any address but a loopback one needs GPHOTOS_MQTT_USER and
	// GPHOTOS_MQTT_PASSWORD.
	MQTTListen string `env:"MQTT_LISTEN" default:"127.0.0.1:1883"`
	// User name at the broker. Empty: none.
	MQTTUser string `env:"MQTT_USER"`
	// Password at the broker. Empty: none.
	MQTTPassword secret.Text `env:"MQTT_PASSWORD" file:"true"`
	// Path of a PEM file with the certificate authorities that sign the broker's certificate. Empty: the system's.
	MQTTCA string `env:"MQTT_CA"`
	// Path of a PEM file with a client certificate for the broker. Needs GPHOTOS_MQTT_KEY. Empty: none.
	MQTTCert string `env:"MQTT_CERT"`
	// Path of the PEM file with the client certificate's private key.
	MQTTKey string `env:"MQTT_KEY"`
	// Start of the MQTT client ids; each entry adds `-` and its name. Two bridges at one broker need different ones.
	MQTTClientID string `env:"MQTT_CLIENT_ID" default:"gphotos2mqtt"`

	// Addresses of the servers of a NATS JetStream cluster, separated by commas: `nats://nats-1:4222,nats://nats-2:4222`, or `tls://`, `ws://`
	// or `wss://`. All processes of the bridge that name the same cluster share the entries among each other, and keep queue and links
	// there, see docs/scaling.md. Needs GPHOTOS_MQTT_URL and GPHOTOS_SECRET_KEY, in each process the same. Empty: one process, with the
	// data folder.
	NATSURL string `env:"NATS_URL"`
	// User name at the cluster. Empty: none.
	NATSUser string `env:"NATS_USER"`
	// Password at the cluster. Empty: none.
	NATSPassword secret.Text `env:"NATS_PASSWORD" file:"true"`
	// Token to log in to the cluster with, in place of a user. Empty: none.
	NATSToken secret.Text `env:"NATS_TOKEN" file:"true"`
	// Path of a file with the seed of an NKey to log in to the cluster with, in place of a user. Empty: none.
	NATSNKey string `env:"NATS_NKEY"`
	// Path of a credentials file (a JWT and a seed) to log in to the cluster with, in place of a user. Empty: none.
	NATSCreds string `env:"NATS_CREDS"`
	// Path of a PEM file with the certificate authorities that sign the cluster's certificates. Empty: the system's.
	NATSCA string `env:"NATS_CA"`
	// Path of a PEM file with a client certificate for the cluster. Needs GPHOTOS_NATS_KEY. Empty: none.
	NATSCert string `env:"NATS_CERT"`
	// Path of the PEM file with that client certificate's private key.
	NATSKey string `env:"NATS_KEY"`
	// On how many of the cluster's servers everything is kept: 1, 3 or 5. Of 3 one may be away, of 5 two.
	NATSReplicas int `env:"NATS_REPLICAS" default:"3"`
	// Start of the names of buckets and subjects in the cluster: 1 to 32 letters, digits, `_` and `-`. Two bridges in one account of a cluster
	// need different ones.
	NATSPrefix string `env:"NATS_PREFIX" default:"gphotos"`
	// Name of this machine among those with GPHOTOS_NATS_URL: a file above GPHOTOS_SPOOL_COPY is uploaded where it was seen. In a container,
	// give the machine's or the volume's name. Empty: the host name.
	Machine string `env:"MACHINE"`

	// Client id of your OAuth client in Google's console. Needed unless every entry has its own, or one of GPHOTOS_PROJECTS.
	ClientID string `env:"CLIENT_ID" file:"true"`
	// Client secret of that OAuth client. Needed as the client id is.
	ClientSecret secret.Text `env:"CLIENT_SECRET" file:"true"`
	// Names of further OAuth clients that entries may use, such as those of other Google Cloud projects, separated by commas and written as
	// names of entries are. Each has settings of its own, below. Empty: none.
	ProjectNames []string `env:"PROJECTS"`
	// Key that seals the links on disk: 32 bytes as base64 or hex. Empty: one is made at the first start and kept in the data folder; with
	// GPHOTOS_NATS_URL it is needed, because each process opens what another has sealed.
	SecretKey secret.Text `env:"SECRET_KEY" file:"true"`
	// Where the linking pages listen. The container image sets `0.0.0.0:8099`.
	HTTPListen string `env:"HTTP_LISTEN" default:"127.0.0.1:8099"`
	// Where the page for Home Assistant's ingress listens, which lets in its Supervisor alone; the app sets it. Empty: nowhere.
	PanelListen string `env:"PANEL_LISTEN"`
	// Address that Google sends the browser back to, without `/oauth/callback`. Google takes `https://` with a public host name, or
	// `http://localhost`. Default: `http://localhost` with the port of GPHOTOS_HTTP_LISTEN.
	PublicURL string `env:"PUBLIC_URL"`
	// Address under which your browser opens the bridge's pages, such as `http://192.168.1.10:8099`. Default: GPHOTOS_PUBLIC_URL, or the
	// address in GPHOTOS_HTTP_LISTEN; for `0.0.0.0` that of the machine, unless the bridge runs in a container with a network of its own:
	// there set this, or links lead straight to Google.
	LinkURL string `env:"LINK_URL"`

	// Most bytes that queued uploads may take on disk; when full, an upload is answered `busy`.
	SpoolMax Size `env:"SPOOL_MAX" default:"2GiB"`
	// Most uploads that may wait, over all entries, 1 to 1,000,000.
	SpoolMaxJobs int `env:"SPOOL_MAX_JOBS" default:"10000"`
	// A file up to this size is copied when the command arrives; a larger one is read from its place when its turn comes, and fails if it
	// has changed.
	SpoolCopy Size `env:"SPOOL_COPY" default:"32MiB"`
	// Largest message the bridge publishes, 16KiB to 32MiB. Stay below your broker's limit (2,000,000 bytes in Mosquitto 2.1, 1MiB in
	// EMQX). The default holds a listing of 500 items.
	MaxPublish Size `env:"MAX_PUBLISH" default:"1MB"`
	// How long an upload may wait for Google before it fails, at least 1m.
	MaxAge time.Duration `env:"MAX_AGE" default:"168h"`
	// Largest file to upload. 0: Google's limits, 200 MB for a photo and 20 GB for a video.
	MaxSize Size `env:"MAX_SIZE" default:"0"`
	// Uploads at the same time for each entry, 1 to 50; of files above 1 MiB at most 8, which fill a line.
	Uploads int `env:"UPLOADS" default:"25"`

	// Items in each retained listing, newest first, 1 to 500.
	ListItems int `env:"LIST_ITEMS" default:"100"`
	// Age that a listing reaches at most before it is fetched again, 1m to 50m: its picture addresses stop working after 60 minutes.
	Refresh time.Duration `env:"REFRESH" default:"50m"`
	// Whether to publish Home Assistant's discovery documents. `false` also clears those of an earlier run, under any prefix.
	Discovery bool `env:"DISCOVERY" default:"true"`
	// Home Assistant's discovery prefix.
	DiscoveryPrefix string `env:"DISCOVERY_PREFIX" default:"homeassistant"`
	// Topic of Home Assistant's birth message, which asks for the discovery documents again.
	BirthTopic string `env:"BIRTH_TOPIC" default:"homeassistant/status"`
	// Payload of Home Assistant's birth message.
	BirthPayload string `env:"BIRTH_PAYLOAD" default:"online"`

	// How much to log: `error`, `warn`, `info` or `debug`.
	LogLevel string `env:"LOG_LEVEL" default:"info"`
	// Form of the log: `text` or `json`.
	LogFormat string `env:"LOG_FORMAT" default:"text"`

	// Google's consent page. Set it, and the four below, only to use the simulator. Default: Google's.
	GoogleAuthURL string `env:"GOOGLE_AUTH_URL"`
	// Google's token endpoint. Default: Google's.
	GoogleTokenURL string `env:"GOOGLE_TOKEN_URL"`
	// Google's revocation endpoint. Default: Google's.
	GoogleRevokeURL string `env:"GOOGLE_REVOKE_URL"`
	// Google's user info endpoint. Default: Google's.
	GoogleUserInfoURL string `env:"GOOGLE_USERINFO_URL"`
	// Base address of the Google Photos Library API. Uploads and pictures may be on its host as well; others than Google's are not believed.
	// Default: Google's.
	GoogleLibraryURL string `env:"GOOGLE_LIBRARY_URL"`

	Entries  []Entry        `env:"-"` // Entries holds one element for each of EntryNames, in that order.
	Projects []Project      `env:"-"` // Projects holds one element for each of ProjectNames, in that order.
	Broker   broker.Address `env:"-"` // Broker is MQTTURL, read; zero for the built-in broker.
	MQTTTLS  *tls.Config    `env:"-"` // MQTTTLS is made from MQTTCA, MQTTCert and MQTTKey; nil for a broker without TLS.
	Cluster  cluster.Config `env:"-"` // Cluster is made from the settings of NATS, but for its Log; without Servers there is none.
}

// Entry holds the settings of one entry. Each is read from GPHOTOS_ENTRY_<NAME>_ followed by the name in its env tag, where <NAME> is the
// entry's name in capitals with `-` written as `_`.
type Entry struct {
	Name string `env:"-"` // Name is the entry's name in the topics.

	// Name of the device in Home Assistant. Default: `Google Photos` and the entry's name.
	DisplayName string `env:"NAME"`
	// Title of the album for uploads that name none. Empty: no album.
	Album string `env:"ALBUM"`
	// Albums that get a retained listing: `all` (at most 50), `none`, or titles separated by commas; a title with a comma in it is put in
	// double quotes.
	Listings Listings `env:"LISTINGS" default:"all"`
	// Albums that Home Assistant shows as images: how many of the listed ones, 0 to 50, the one that was changed last first, or titles
	// separated by commas, which get a listing with it and stay when other albums are made. An album without pictures is left out.
	AlbumImages Images `env:"ALBUM_IMAGES" default:"5"`
	// Titles of albums, separated by commas, whose newest items are kept as files below GPHOTOS_ENTRY_<NAME>_MIRROR_FOLDER, for Home
	// Assistant's media browser and other players. They get a listing with it. Empty: none, and what an earlier run has written is removed.
	Mirror Titles `env:"MIRROR"`
	// Folder for these files, in one of GPHOTOS_MEDIA_DIRS, as an absolute path such as `/media/google-photos`. Each album has a folder in
	// it, and each file the date, in the time zone of the bridge, and the name of its item. Files that the bridge has not written are never
	// touched.
	MirrorFolder string `env:"MIRROR_FOLDER"`
	// Most items of each album, 1 to 500, as far as GPHOTOS_LIST_ITEMS lists them; an item that leaves the album, or is too old by then, is
	// removed from the folder.
	MirrorItems int `env:"MIRROR_ITEMS" default:"50"`
	// Most bytes of all these files; what is older has no room.
	MirrorMax Size `env:"MIRROR_MAX" default:"1GiB"`
	// One of GPHOTOS_PROJECTS, whose OAuth client this entry uses. Empty: its own, or GPHOTOS_CLIENT_ID.
	Project string `env:"PROJECT"`
	// Client id of this entry's own OAuth client. Default: GPHOTOS_CLIENT_ID.
	ClientID string `env:"CLIENT_ID" file:"true"`
	// Client secret of this entry's own OAuth client. Default: GPHOTOS_CLIENT_SECRET.
	ClientSecret secret.Text `env:"CLIENT_SECRET" file:"true"`

	Own bool `env:"-"` // ClientID is the entry's own, not a project's or the common one
}

// Project is an OAuth client under a name, read from GPHOTOS_PROJECT_<NAME>_ followed by the name in the env tag.
type Project struct {
	Name string `env:"-"`

	// Client id of this OAuth client.
	ClientID string `env:"CLIENT_ID" file:"true"`
	// Client secret of this OAuth client.
	ClientSecret secret.Text `env:"CLIENT_SECRET" file:"true"`
}

// Read reads an environment like os.Environ's. The error has a line per wrong variable in Config's order; warnings: what does nothing.
func Read(environ []string) (Config, []string, error) {
	c, r := readAll(environ)
	return c, r.warnings(&c), r.errorOf(r.known)
}

// ReadClient is Read for a program beside the bridge, which needs the entries' names and the way to the broker alone: nothing else is
// missed, or wrong.
func ReadClient(environ []string) (Config, error) {
	c, r := readAll(environ)
	return c, r.errorOf([]string{
		"TOPIC", "ENTRIES", "MQTT_URL", "MQTT_LISTEN", "MQTT_USER", "MQTT_PASSWORD", "MQTT_CA", "MQTT_CERT", "MQTT_KEY", "MQTT_CLIENT_ID",
		"MAX_PUBLISH",
	})
}

// ReadStore is Read for a program that needs the store and its key alone.
func ReadStore(environ []string) (Config, error) {
	c, r := readAll(environ)
	return c, r.errorOf([]string{
		"DATA_DIR", "NATS_URL", "NATS_USER", "NATS_PASSWORD", "NATS_TOKEN", "NATS_NKEY", "NATS_CREDS", "NATS_CA", "NATS_CERT", "NATS_KEY",
		"NATS_REPLICAS", "NATS_PREFIX", "SECRET_KEY", "LOG_LEVEL", "LOG_FORMAT",
	})
}

func readAll(environ []string) (c Config, r reader) {
	r = reader{env: make(map[string]string), faults: make(map[string]error), hidden: make(map[string]bool)}
	for _, line := range environ {
		if name, value, _ := strings.Cut(line, "="); value != "" {
			r.env[name] = value
		}
	}
	r.read(&c, "")
	if len(c.EntryNames) == 1 && strings.TrimSpace(c.EntryNames[0]) == noEntries {
		c.EntryNames = nil
	}
	c.Projects = r.readProjects(c.ProjectNames)
	c.Entries = r.readEntries(c.EntryNames)
	r.check(&c)
	return c, r
}

func (r *reader) errorOf(names []string) error {
	var faults []error
	for _, name := range names {
		faults = append(faults, r.faults[name])
	}
	return errors.Join(faults...)
}

// RedirectURL is the address to register in Google's console.
func (c Config) RedirectURL() string { return c.PublicURL + auth.CallbackPath }

// DiscoversAt is where Home Assistant looks for devices, "" without discovery.
func (c Config) DiscoversAt() string {
	if !c.Discovery {
		return ""
	}
	return c.DiscoveryPrefix
}

// BrokerURL is the broker's address with port, without user; loopback for a built-in one that listens on every address.
func (c Config) BrokerURL() string {
	if c.MQTTURL != "" {
		return c.Broker.Network + "://" + c.Broker.Host + c.Broker.Path
	}
	host, port, _ := hostPort(c.MQTTListen) // Read has checked it
	if isEveryAddress(host) {
		host = "localhost"
	}
	return "tcp://" + net.JoinHostPort(host, port)
}

// hostPort splits a listening address; an empty host means every address of the machine.
func hostPort(address string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	_, bad := strconv.ParseUint(port, 10, 16)
	return host, port, err == nil && bad == nil
}

func isEveryAddress(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "" || err == nil && address.IsUnspecified()
}

// Public are the settings by variable, for all to see. What may come from a file, and so every secret, is left out, not masked.
func (c Config) Public() map[string]string {
	public := map[string]string{}
	add := func(of any, own string) {
		for field, value := range reflect.ValueOf(of).Fields() {
			name := Prefix + own + field.Tag.Get("env")
			if list, ok := reflect.TypeAssert[[]string](value); ok {
				public[name] = strings.Join(list, ",")
			} else if field.Tag.Get("env") != "-" && field.Tag.Get("file") == "" {
				public[name] = fmt.Sprint(value.Interface())
			}
		}
	}
	add(c, "")
	for _, e := range c.Entries {
		add(e, ownPrefix("ENTRY", e.Name))
	}
	return public
}
