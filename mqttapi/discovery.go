package mqttapi

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // the document
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"text/template"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/unicode/norm"
)

// Device is what Home Assistant is told about one entry.
type Device struct {
	Topics     Topics
	Name       string  // of the device; "" is "Google Photos" and the entry's name
	Version    string  // of the bridge
	PageURL    string  // how its link stands, "" is none; left out when it is not http or https: Home Assistant would refuse the whole device
	SupportURL string  // the home page of the project, "" is none
	Albums     []Album // those that are image entities; each has a listing on Topics.Album
}

// Discovery returns the retained document that makes the entry a device in Home Assistant. Publish it on Topics.Discovery, on every
// connect, and after Home Assistant's birth message, a second after a different one: Home Assistant drops parts of one that is too early.
// Source: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
func Discovery(d Device) []byte {
	type albumImage struct{ Object, Name, Topic string }
	albums, used := map[string]albumImage{}, map[string]bool{}
	for _, a := range slices.SortedFunc(slices.Values(d.Albums), func(a, b Album) int { return cmp.Compare(a.ID, b.ID) }) {
		// The key follows from the id alone, so that a new title keeps the entity, and has none of the characters that Home Assistant
		// refuses in one. Source: https://www.home-assistant.io/integrations/mqtt/#discovery-topic
		sum := sha256.Sum256([]byte(a.ID))
		id := hex.EncodeToString(sum[:6])
		name := slug(a.Title)
		if name == "" || used[name] {
			name = id
		}
		used[name] = true
		albums["album_"+id] = albumImage{"album_" + name, cmp.Or(strings.TrimSpace(a.Title), "Album"), d.Topics.Album(a.ID)}
	}
	if !strings.HasPrefix(d.PageURL, "http://") && !strings.HasPrefix(d.PageURL, "https://") {
		d.PageURL = ""
	}
	device := d.Topics.device()
	topics, _ := Encode(d.Topics.under("")) // stands within quotes
	var text, compact bytes.Buffer
	_ = discovery.Execute(&text, map[string]any{ // only texts: neither can fail
		"E": string(topics[1 : len(topics)-2]), "Device": device, "Object": strings.ReplaceAll(device, "-", "_"), "Albums": albums,
		"Name": cmp.Or(d.Name, "Google Photos "+d.Topics.Entry), "Version": d.Version, "PageURL": d.PageURL, "SupportURL": d.SupportURL,
	})
	_ = json.Compact(&compact, text.Bytes())
	return bytes.Clone(compact.Bytes()) // it is kept for long, and Compact takes more room than it needs
}

//go:embed discovery.json.tmpl
var discoveryText string

var discovery = template.Must(template.New("discovery").Delims("<<", ">>").Funcs(template.FuncMap{
	"json": func(text string) (string, error) {
		quoted, err := Encode(text)
		return string(quoted), err
	},
}).Parse(discoveryText))

// Removal returns the document to publish before next when components of old are gone from next, or changed their platform, else nil:
// they are reduced to their platform, which has Home Assistant remove them. Leaving them out is not enough.
// Source: https://www.home-assistant.io/integrations/mqtt/#removing-a-component
func Removal(old, next []byte) []byte {
	type component struct{ Platform string }
	var before struct{ Components map[string]component }
	var after, stay map[string]json.RawMessage
	if json.Unmarshal(old, &before) != nil || json.Unmarshal(next, &after) != nil || json.Unmarshal(after["components"], &stay) != nil {
		return nil
	}
	removed := false
	for key, was := range before.Components {
		var is component
		if raw, ok := stay[key]; ok && json.Unmarshal(raw, &is) == nil && is == was || was.Platform == "" {
			continue
		}
		stay[key], _ = Encode(map[string]string{"platform": was.Platform})
		removed = true
	}
	if !removed {
		return nil
	}
	after["components"], _ = Encode(stay)
	text, _ := Encode(after)
	return text
}

// slug writes a title with a-z, 0-9 and "_", accents left out, as entity ids are written.
// Source: https://developers.home-assistant.io/docs/core/entity#entity-id
func slug(title string) string {
	plain := runes.Remove(runes.In(unicode.Mn)).String(norm.NFD.String(strings.ToLower(title)))
	return strings.Join(strings.FieldsFunc(plain, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }), "_")
}
