// Package mqttapi is the contract between the bridge and everyone who publishes to it or reads from it, as pure functions and plain
// structs. The connection that carries it is broker's.
//
// E is <root>/<entry>, for example gphotos/home; an entry is one linked Google account. Topics has a method for each topic and names
// what is published there; docs/mqtt-api.md is the same for users, with an example of each.
//
// # Rules
//
// Commands are QoS 1 and never retained, and every one of them is answered, also one that cannot be understood. What strangers write
// is read strictly, because a typo must not be silently ignored: an unknown key, a key given twice, a wrong type and a value out of
// its limits are errors that name the key. A command's transaction, any JSON value, comes back in every message about it; its id, a
// string, makes it idempotent. Content inside a command is never copied.
//
// Errors are *Error: a Code for programs, and one sentence that a person can act on. The parsers return no other, and never panic.
//
// Nothing that is published is larger than a limit that the caller gives: lists are cut, oldest first, and say so in "truncated". JSON
// is written in UTF-8 with keys in snake_case, times in RFC 3339 and UTC, sizes in bytes, durations in seconds.
package mqttapi

import (
	"cmp"
	"strings"
)

// MaxTopic is the most bytes of a topic that is answered: the longest of ours has less, some brokers take no more than 4,096.
const MaxTopic = 1024

// Topics builds the topics of one entry. It is a plain value; building allocates one string.
type Topics struct {
	Root  string // the first part of every topic, "gphotos" by default: one or several levels, no wildcards, no slash at either end
	Entry string // the name of the entry, see ValidEntry
}

// Upload is the command that uploads photos and videos, see ParseUpload. Like every command it must not be retained.
func (t Topics) Upload() string { return t.under("upload") }

// UploadResult is where every upload is answered with a Result: first accepted, at last what became of it.
func (t Topics) UploadResult() string { return t.under("upload/result") }

// Progress is where the bytes of a running upload are counted, as Progress.
func (t Topics) Progress() string { return t.under("upload/progress") }

// Request is the command of a verb, everything else than an upload, see ParseRequest.
func (t Topics) Request(v Verb) string { return t.under("request/" + string(v)) }

// Response is where the request of a verb is answered with a Response, also when there is no such verb, or none at all.
func (t Topics) Response(v Verb) string {
	if v == "" {
		return t.under("response")
	}
	return t.under("response/" + string(v))
}

// Availability is Online or Offline, retained; it is also the topic of the will.
func (t Topics) Availability() string { return t.under("availability") }

// State is the State document, retained.
func (t Topics) State() string { return t.under("state") }

// Albums is the AlbumList document, retained.
func (t Topics) Albums() string { return t.under("albums") }

// Album is the Listing of one album, retained. Characters of the id that mean something to MQTT are percent-encoded.
func (t Topics) Album(id string) string { return t.under("albums/" + escape.Replace(id)) }

// Media is the Listing of the newest items of the library, retained.
func (t Topics) Media() string { return t.under("media") }

// Image is the bytes of the newest upload as JPEG, retained.
func (t Topics) Image() string { return t.under("image") }

// Commands are the subscriptions that receive every command of the entry, also those that do not exist.
func (t Topics) Commands() []string { return []string{t.Upload(), t.under("request/#")} }

// Discovery is the topic of Home Assistant's device document, retained; prefix is "homeassistant" when it is "".
// Source: https://www.home-assistant.io/integrations/mqtt/#discovery-topic
func (t Topics) Discovery(prefix string) string {
	return cmp.Or(prefix, "homeassistant") + "/device/" + t.device() + "/config"
}

// Bridge is a topic of the bridge: "info" (Info) and "health" (Health), retained; "log", a LogLine for each warning and error.
// Requests to it, and their answers, are those of Topics with the Entry "bridge".
func (t Topics) Bridge(name string) string { return t.Root + "/" + bridge + "/" + name }

// bridge stands for the name of an entry in the topics of the bridge as a whole.
const bridge = "bridge"

// BridgeRequest returns the verb of a topic <root>/bridge/request/<verb>, real or not.
func BridgeRequest(root, topic string) (verb Verb, ok bool) {
	entry, verb, ok := ParseTopic(root, topic)
	return verb, ok && entry == bridge && verb != VerbUpload
}

// ParseTopic returns a command topic's entry and verb, real or not, else !ok: VerbUpload for E/upload, E/request/upload, "" for E/request.
func ParseTopic(root, topic string) (entry string, verb Verb, ok bool) {
	rest, below := strings.CutPrefix(topic, root+"/")
	entry, command, _ := strings.Cut(rest, "/")
	kind, name, _ := strings.Cut(command, "/")
	switch {
	case below && command == string(VerbUpload):
		return entry, VerbUpload, true
	case below && kind == "request":
		return entry, Verb(name), true
	}
	return "", "", false
}

// ValidEntry reports whether name can name an entry: 1 to 32 characters of a-z, 0-9, "_" and "-", but not "bridge".
func ValidEntry(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789_-"
	return len(name) >= 1 && len(name) <= 32 && name != bridge && strings.Trim(name, letters) == ""
}

// escape keeps an id within one level of a topic: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html (4.7.1 and 1.5.3).
var escape = strings.NewReplacer("%", "%25", "/", "%2F", "+", "%2B", "#", "%23", "\x00", "%00")

func (t Topics) under(rest string) string { return t.Root + "/" + t.Entry + "/" + rest }

// device is the name of the entry's device in Home Assistant. It never changes, or people would lose their settings.
func (t Topics) device() string { return "gphotos_" + t.Entry }
