package mqttapi

import (
	"encoding/csv"
	"fmt"
	"strings"
	"unicode"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos/spec"
)

// The verbs of the bridge as a whole, on <root>/bridge/request/<verb>, answered on <root>/bridge/response/<verb>.
const (
	VerbEntryAdd    Verb = "entry/add"
	VerbEntryRemove Verb = "entry/remove"
	VerbEntryList   Verb = "entry/list"
)

// MaxEntryRequest is the most bytes of a request to the bridge: three lists of 50 titles fit in, and what is kept of it into any store.
const MaxEntryRequest = 256 << 10

// The params of the requests to the bridge, and the data of their responses.
type (
	// AddEntry are the params of VerbEntryAdd. Settings are as in the variables of an entry, by the ends of their names in small letters;
	// the client secret is not among them. What is not given has its default. That the values are good is still to be seen.
	AddEntry struct {
		Entry        string
		Settings     map[string]string
		ClientSecret secret.Text
	}
	// RemoveEntry are the params of VerbEntryRemove.
	RemoveEntry struct {
		Entry  string
		Force  bool // also when uploads wait, which are dropped
		Keep   bool // link, uploads and what is known of the library stay in the store
		Revoke bool // Google is told that the link ends
	}
	// ListEntries are the params of VerbEntryList: one Entry, or all whose names come after After.
	ListEntries struct{ Entry, After string }

	// AddedData is the data of VerbEntryAdd.
	AddedData struct {
		Change EntryChange `json:"change"`
		Entry  EntryInfo   `json:"entry"`
	}
	// RemovedData is the data of VerbEntryRemove.
	RemovedData struct {
		Entry  string      `json:"entry"`
		Status EntryStatus `json:"status"` // EntryRemoved, or EntryRemoving when it takes longer
	}
	// EntriesData is the data of VerbEntryList, in the order of their names.
	EntriesData struct {
		Entries   []EntryInfo `json:"entries"`
		Count     int         `json:"count"`     // how many there are, also when the list had to be cut
		Truncated bool        `json:"truncated"` // set by Encode: the others come after the last one here
	}
	// EntryInfo is how an entry stands. Settings is what VerbEntryAdd takes, with the defaults and without the client secret.
	EntryInfo struct {
		Entry    string         `json:"entry"`
		Source   EntrySource    `json:"source"`
		Status   EntryStatus    `json:"status"`
		Link     Optional       `json:"link"`    // a LinkStatus; "" while the process that runs it does not say
		Process  Optional       `json:"process"` // of a fleet, the one that runs it; "" without
		Problem  string         `json:"problem"` // why it is not online, and what to do
		Settings map[string]any `json:"settings"`
	}
	// EntryChange is what became of VerbEntryAdd.
	EntryChange string
	// EntrySource is where an entry comes from.
	EntrySource string
	// EntryStatus is whether an entry works.
	EntryStatus string
)

// What there is of these.
const (
	EntryAdded   EntryChange = "added"
	EntryChanged EntryChange = "changed" // an added one has other settings now
	EntrySame    EntryChange = "none"

	FromSettings EntrySource = "settings"
	FromRequest  EntrySource = "added"

	EntryOnline   EntryStatus = "online" // its commands are received
	EntryOffline  EntryStatus = "offline"
	EntryRemoving EntryStatus = "removing"
	EntryRemoved  EntryStatus = "removed"
)

// ParseBridgeRequest is ParseRequest for the command on <root>/bridge/request/<verb>.
func ParseBridgeRequest(verb Verb, payload []byte) (Request, error) {
	if len(payload) > MaxEntryRequest {
		return Request{Verb: verb}, Errorf(CodeBadPayload, "The request has %d bytes; at most %d are possible.", len(payload), MaxEntryRequest)
	}
	return parseRequest(bridgeVerbs, verb, payload)
}

var bridgeVerbs = map[Verb]func(*object) any{
	VerbEntryAdd: params(func(o *object, p *AddEntry) {
		p.Settings = map[string]string{}
		set := func(key, kinds, none string) field {
			return field{key, func(place string) { p.Settings[key] = o.setting(place, kinds, none) }, 0}
		}
		o.expect(o.entry(&p.Entry), set("name", `"`, ""), set("album", `"`, ""), set("listings", `"[`, "none"), set("album_images", `0["`, "0"),
			set("mirror", `["`, ""), set("mirror_folder", `"`, ""), set("mirror_items", `0`, ""), set("mirror_max", `0"`, ""),
			set("project", `"`, ""), set("client_id", `"`, ""), field{"client_secret", (*string)(&p.ClientSecret), maxSecret}).need("entry")
	}),
	VerbEntryRemove: params(func(o *object, p *RemoveEntry) {
		p.Revoke = true
		o.expect(o.entry(&p.Entry), field{"force", &p.Force, 0}, field{"keep", &p.Keep, 0}, field{"revoke", &p.Revoke, 0}).need("entry")
	}),
	VerbEntryList: params(func(o *object, p *ListEntries) {
		o.expect(o.entry(&p.Entry), field{"after", &p.After, MaxID}).choose("entry", "after")
	}),
}

// maxSecret is how many characters a client secret may have; Google's have 35.
const maxSecret = 1024

func (o *object) entry(to *string) field {
	return field{"entry", func(place string) {
		if *to = o.text(place, MaxID); !ValidEntry(*to) {
			o.fail(`%q is %q: write 1 to 32 of a-z, 0-9, _ and -, but not "bridge".`, place, clip(*to))
		}
	}, 0}
}

// setting reads a value of one of the kinds, named as jsontext does, as what stands in a variable: an array is a line of titles, none for
// an empty one.
func (r *reader) setting(place, kinds, none string) (text string) {
	switch kind := byte(r.dec.PeekKind()); {
	case strings.IndexByte(kinds, kind) < 0:
		want := strings.NewReplacer(`"[`, "a string or an array of titles", `["`, "an array of titles or a string", `0"`, "a number of bytes or a string",
			`0["`, "a number or an array of titles", `"`, "a string", `0`, "a number").Replace(kinds)
		r.mistyped(place, want, r.value())
	case kind == '"':
		if text = r.text(place, MaxEntryRequest); strings.ContainsFunc(strings.TrimSpace(text), unicode.IsControl) {
			r.fail("%q has a control character, such as NUL or a line break.", place)
		}
	case kind == '0':
		text = string(r.value())
	default:
		var titles []string
		for r.token(); r.more(']'); {
			titles = append(titles, r.line(fmt.Sprintf("%s[%d]", place, len(titles)), spec.MaxTitle))
		}
		if len(titles) == 0 {
			return none
		}
		var line strings.Builder
		w := csv.NewWriter(&line)
		_ = w.Write(titles) // a Builder takes all
		w.Flush()
		text = strings.TrimSpace(line.String())
	}
	return text
}
