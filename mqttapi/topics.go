package mqttapi

import (
	"net/url"
	"strings"
)

// Topics builds the topics of one entry. It is a plain value; building allocates one string.
type Topics struct {
	// Root is the first part of every topic of the bridge, "gphotos" by default. It may have several levels, no
	// wildcards, and no slash at either end.
	Root string
	// Entry is the name of the entry, see ValidEntry.
	Entry string
}

// Upload is the command that uploads photos and videos.
func (t Topics) Upload() string { return t.under("upload") }

// UploadResult is where every upload is answered: first accepted, at last what became of it.
func (t Topics) UploadResult() string { return t.under("upload/result") }

// Progress is where the bytes of a running upload are counted.
func (t Topics) Progress() string { return t.under("upload/progress") }

// Request is the command of a verb.
func (t Topics) Request(v Verb) string { return t.under(levels("request", string(v))) }

// Response is where the request of a verb is answered, also when there is no such verb.
func (t Topics) Response(v Verb) string { return t.under(levels("response", string(v))) }

// Availability is "online" or "offline", retained; it is also the topic of the will.
func (t Topics) Availability() string { return t.under("availability") }

// State is the State document, retained.
func (t Topics) State() string { return t.under("state") }

// Albums is the AlbumList document, retained.
func (t Topics) Albums() string { return t.under("albums") }

// Album is the Listing of one album, retained. Characters of the id that MQTT gives a meaning to are percent-encoded;
// Google's ids have none of them today.
func (t Topics) Album(id string) string { return t.under("albums/" + escape.Replace(id)) }

// AlbumID returns the album whose listing a topic holds, so that listings of an earlier run can be found and cleared.
func (t Topics) AlbumID(topic string) (id string, ok bool) {
	level, ok := strings.CutPrefix(topic, t.under("albums/"))
	if !ok || level == "" || strings.ContainsAny(level, "/+#") {
		return "", false
	}
	id, err := url.PathUnescape(level)
	return id, err == nil
}

// Media is the Listing of the newest items of the library, retained.
func (t Topics) Media() string { return t.under("media") }

// Image is the bytes of the newest upload as JPEG, retained.
func (t Topics) Image() string { return t.under("image") }

// Commands are the subscriptions that receive every command of the entry.
func (t Topics) Commands() []string {
	return []string{t.Upload(), t.under("request/#")}
}

// Retained are the subscriptions that receive everything the entry keeps at the broker, discovery left out. They serve
// to clean up after an entry that was removed.
func (t Topics) Retained() []string {
	return []string{t.Availability(), t.State(), t.Albums(), t.under("albums/+"), t.Media(), t.Image()}
}

// Discovery is the topic of Home Assistant's device document, retained. Home Assistant allows [a-zA-Z0-9_-] in its
// parts, which an entry's name keeps to. An empty prefix means Home Assistant's default, "homeassistant".
// Source: https://www.home-assistant.io/integrations/mqtt/#discovery-topic
func (t Topics) Discovery(prefix string) string {
	if prefix == "" {
		prefix = "homeassistant"
	}
	return prefix + "/device/" + t.device() + "/config"
}

// BridgeInfo is the Info document, retained. It belongs to the bridge, not to the entry.
func (t Topics) BridgeInfo() string { return t.Root + "/" + bridge + "/info" }

// BridgeHealth is the Health document, retained.
func (t Topics) BridgeHealth() string { return t.Root + "/" + bridge + "/health" }

// BridgeLog is where a LogLine is published for each warning and error.
func (t Topics) BridgeLog() string { return t.Root + "/" + bridge + "/log" }

// EveryCommand are the subscriptions that receive the commands of all entries below root, also of entries that do not
// exist: those want an answer too.
func EveryCommand(root string) []string {
	return Topics{Root: root, Entry: "+"}.Commands()
}

// ParseTopic returns the entry and the verb that a command's topic names. The entry is not checked: a command for an
// entry that does not exist is still a command. The verb is VerbUpload for E/upload, else what follows E/request/, which
// is "" when nothing follows; E/request/upload is thus one more way to write E/upload. ok is false for every topic that is no command, such as the bridge's own answers.
func ParseTopic(root, topic string) (entry string, verb Verb, ok bool) {
	rest, ok := strings.CutPrefix(topic, root+"/")
	if !ok {
		return "", "", false
	}
	entry, command, _ := strings.Cut(rest, "/")
	if command == string(VerbUpload) {
		return entry, VerbUpload, true
	}
	kind, name, _ := strings.Cut(command, "/")
	if kind != "request" {
		return "", "", false
	}
	return entry, Verb(name), true
}

// ValidEntry reports whether name can name an entry: 1 to 32 characters of a-z, 0-9, "_" and "-", but not "bridge",
// whose topics belong to the bridge itself.
func ValidEntry(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789_-"
	return len(name) >= 1 && len(name) <= 32 && name != bridge && strings.Trim(name, letters) == ""
}

// bridge is the level below the root that no entry may be named after.
const bridge = "bridge"

// escape keeps an id within one level of a topic. Source: MQTT 3.1.1, 4.7.1 and 1.5.3
// (https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html).
var escape = strings.NewReplacer("%", "%25", "/", "%2F", "+", "%2B", "#", "%23", "\x00", "%00")

func (t Topics) under(rest string) string {
	return t.Root + "/" + t.Entry + "/" + rest
}

// device is the name of the entry's device in Home Assistant. It never changes, or people would lose their settings.
func (t Topics) device() string {
	return "gphotos_" + t.Entry
}

func levels(kind, name string) string {
	if name == "" {
		return kind
	}
	return kind + "/" + name
}
