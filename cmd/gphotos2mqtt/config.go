package main

import (
	"crypto/tls"
	"time"

	"gphotos2mqtt/auth"
)

// Config holds all settings. Each field is read from GPHOTOS_ followed by the
// name in its env tag; an empty variable counts as not set. A field tagged
// file:"true" may come from a file instead, whose path is in the variable of
// the same name with _FILE at its end. The comments are the manual: the tables
// of README.md are made from them.
type Config struct {
	// First level of every topic.
	Topic string `env:"TOPIC" envDefault:"gphotos"`
	// Names of the entries, separated by commas. An entry is one linked Google account; its name is a level of its topics: 1 to 32 of `a`-`z`, `0`-`9`, `_` and `-`, not `bridge`.
	EntryNames []string `env:"ENTRIES" envDefault:"home"`
	// Folder for the queue, the sealed links and the key that seals them. The container image sets `/data`. Default: `$XDG_STATE_HOME/gphotos2mqtt`, else `~/.local/state/gphotos2mqtt`.
	DataDir string `env:"DATA_DIR"`
	// Folders that files may be uploaded from, separated by `:` or commas, as absolute paths. None: only uploads whose bytes are in the message.
	MediaDirs Paths `env:"MEDIA_DIRS"`

	// Address of your MQTT broker: `mqtt://host:1883`, `mqtts://host:8883`, `ws://host/path` or `wss://host/path`. Empty: the bridge is the broker itself, see GPHOTOS_MQTT_LISTEN.
	MQTTURL string `env:"MQTT_URL"`
	// Where the built-in broker listens when GPHOTOS_MQTT_URL is empty. Any address but a loopback one needs GPHOTOS_MQTT_USER and GPHOTOS_MQTT_PASSWORD.
	MQTTListen string `env:"MQTT_LISTEN" envDefault:"127.0.0.1:1883"`
	// User name at the broker. Empty: none.
	MQTTUser string `env:"MQTT_USER"`
	// Password at the broker. Empty: none.
	MQTTPassword auth.Secret `env:"MQTT_PASSWORD" file:"true"`
	// Path of a PEM file with the certificate authorities that sign the broker's certificate. Empty: the system's.
	MQTTCA string `env:"MQTT_CA"`
	// Path of a PEM file with a client certificate for the broker. Needs GPHOTOS_MQTT_KEY.
	MQTTCert string `env:"MQTT_CERT"`
	// Path of the PEM file with the client certificate's private key.
	MQTTKey string `env:"MQTT_KEY"`
	// Start of the MQTT client ids; each entry adds `-` and its name. Two bridges at one broker need different ones.
	MQTTClientID string `env:"MQTT_CLIENT_ID" envDefault:"gphotos2mqtt"`

	// Client id of your OAuth client in Google's console. Needed unless every entry has its own.
	ClientID string `env:"CLIENT_ID" file:"true"`
	// Client secret of that OAuth client. Needed unless every entry has its own.
	ClientSecret auth.Secret `env:"CLIENT_SECRET" file:"true"`
	// Key that seals the links on disk: 32 bytes as base64 or hex. Empty: one is made at the first start and kept in the data folder.
	SecretKey auth.Secret `env:"SECRET_KEY" file:"true"`
	// Where the linking pages listen. The container image sets `0.0.0.0:8099`.
	HTTPListen string `env:"HTTP_LISTEN" envDefault:"127.0.0.1:8099"`
	// Address that Google sends the browser back to, without `/oauth/callback`. Google takes `https://` with a public host name, or `http://localhost`. Default: `http://localhost` with the port of GPHOTOS_HTTP_LISTEN.
	PublicURL string `env:"PUBLIC_URL"`
	// Address under which your browser opens the bridge's one-time link page, such as `http://192.168.1.10:8099`. Default: GPHOTOS_PUBLIC_URL, or the address in GPHOTOS_HTTP_LISTEN when that is one of your network; for `0.0.0.0` there is no page in between, and links lead straight to Google.
	LinkURL string `env:"LINK_URL"`

	// Most bytes that queued uploads may take on disk; when full, an upload is answered `busy`.
	SpoolMax Size `env:"SPOOL_MAX" envDefault:"2GiB"`
	// Most uploads that may wait, over all entries.
	SpoolMaxJobs int `env:"SPOOL_MAX_JOBS" envDefault:"10000"`
	// A file up to this size is copied when the command arrives; a larger one is read from its place when its turn comes, and fails if it has changed.
	SpoolCopy Size `env:"SPOOL_COPY" envDefault:"32MiB"`
	// Largest message the bridge publishes, 16KiB to 32MiB. Stay below your broker's limit (2,000,000 bytes in Mosquitto 2.1, 1 MB in EMQX).
	MaxPublish Size `env:"MAX_PUBLISH" envDefault:"256KiB"`
	// How long an upload may wait for Google before it fails.
	MaxAge time.Duration `env:"MAX_AGE" envDefault:"168h"`
	// Largest file to upload. 0: Google's limits, 200 MB for a photo and 20 GB for a video.
	MaxSize Size `env:"MAX_SIZE" envDefault:"0"`
	// Uploads at the same time for each entry, 1 to 32.
	Uploads int `env:"UPLOADS" envDefault:"8"`

	// Items in each retained listing, newest first, 1 to 500.
	ListItems int `env:"LIST_ITEMS" envDefault:"100"`
	// Age that a listing reaches at most before it is fetched again, 1m to 50m: its picture addresses stop working after 60 minutes.
	Refresh time.Duration `env:"REFRESH" envDefault:"50m"`
	// Whether to publish Home Assistant's discovery documents. `false` also clears those of an earlier run, under any prefix.
	Discovery bool `env:"DISCOVERY" envDefault:"true"`
	// Home Assistant's discovery prefix.
	DiscoveryPrefix string `env:"DISCOVERY_PREFIX" envDefault:"homeassistant"`
	// Topic of Home Assistant's birth message, which asks for the discovery documents again.
	BirthTopic string `env:"BIRTH_TOPIC" envDefault:"homeassistant/status"`
	// Payload of Home Assistant's birth message.
	BirthPayload string `env:"BIRTH_PAYLOAD" envDefault:"online"`

	// How much to log: `error`, `warn`, `info` or `debug`.
	LogLevel string `env:"LOG_LEVEL" envDefault:"info"`
	// Form of the log: `text` or `json`.
	LogFormat string `env:"LOG_FORMAT" envDefault:"text"`

	// Google's consent page. Set it, and the four below, only to use the simulator. Default: Google's.
	GoogleAuthURL string `env:"GOOGLE_AUTH_URL"`
	// Google's token endpoint. Default: Google's.
	GoogleTokenURL string `env:"GOOGLE_TOKEN_URL"`
	// Google's revocation endpoint. Default: Google's.
	GoogleRevokeURL string `env:"GOOGLE_REVOKE_URL"`
	// Google's user info endpoint. Default: Google's.
	GoogleUserInfoURL string `env:"GOOGLE_USERINFO_URL"`
	// Base address of the Google Photos Library API. Default: Google's.
	GoogleLibraryURL string `env:"GOOGLE_LIBRARY_URL"`

	// Entries holds one element for each of EntryNames, in that order.
	Entries []EntryConfig `env:"-"`
	// MQTTTLS is made from MQTTCA, MQTTCert and MQTTKey; nil for a broker without TLS.
	MQTTTLS *tls.Config `env:"-"`
}

// EntryConfig holds the settings of one entry. Each is read from
// GPHOTOS_ENTRY_<NAME>_ followed by the name in its env tag, where <NAME> is the
// entry's name in capitals with `-` written as `_`.
type EntryConfig struct {
	// Entry is the entry's name in the topics.
	Entry string `env:"-"`

	// Name of the device in Home Assistant. Default: `Google Photos` and the entry's name.
	Name string `env:"NAME"`
	// Title of the album for uploads that name none. Empty: no album.
	Album string `env:"ALBUM"`
	// Albums that get a retained listing: `all` (at most 50), `none`, or titles separated by commas; a title with a comma in it is put in double quotes.
	Listings Listings `env:"LISTINGS" envDefault:"all"`
	// Listed albums, newest first, that Home Assistant shows as images, 0 to 50; an album without pictures is left out.
	AlbumImages int `env:"ALBUM_IMAGES" envDefault:"5"`
	// Client id of this entry's own OAuth client. Default: GPHOTOS_CLIENT_ID.
	ClientID string `env:"CLIENT_ID" file:"true"`
	// Client secret of this entry's own OAuth client. Default: GPHOTOS_CLIENT_SECRET.
	ClientSecret auth.Secret `env:"CLIENT_SECRET" file:"true"`
}
