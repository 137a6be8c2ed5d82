package mqttapi

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // the document
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
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
	values := map[string]string{
		"E": string(topics[1 : len(topics)-2]), "Device": device, "Object": strings.ReplaceAll(device, "-", "_"),
		"Name": quoted(cmp.Or(d.Name, "Google Photos "+d.Topics.Entry)), "Version": quoted(d.Version), "PageURL": quoted(d.PageURL),
		"SupportURL": quoted(d.SupportURL), "Upload": newestMedia,
		"NewestAlbums": newest("albums", "e", 1), "NewestItems": newest("items", "e", 1),
		"NewestMedia": newest("items", mediaShown, 1), "EarlierMedia": newest("items", mediaShown, 2), "EarlierPart": part("items", mediaShown, 2),
	}
	before, rest, _ := strings.Cut(discovery, "<<albums\n")
	album, after, _ := strings.Cut(rest, "albums>>\n")
	var text strings.Builder
	text.WriteString(fill(before, values))
	for _, key := range slices.Sorted(maps.Keys(albums)) {
		a := albums[key]
		values["Key"], values["AlbumObject"], values["AlbumName"], values["AlbumTopic"] = key, a.Object, quoted(a.Name), quoted(a.Topic)
		text.WriteString(fill(album, values))
	}
	text.WriteString(fill(after, values))
	var compact bytes.Buffer
	_ = json.Compact(&compact, []byte(text.String())) // only texts: it cannot fail
	return compact.Bytes()
}

// The document, with places for what differs. It is no template of the standard library: one of these keeps every exported method of the
// whole program in it, two to three megabytes.
//
//go:embed discovery.json.tmpl
var discovery string

// fill puts values into their places. A line without its value, and one of a comment, is left out.
func fill(text string, values map[string]string) string {
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, "<<"+name+">>", value)
	}
	places := strings.NewReplacer(pairs...)
	var filled strings.Builder
	for line := range strings.Lines(text) {
		empty := func(name string) bool { return values[name] == "" && strings.Contains(line, "<<"+name+">>") }
		if !strings.HasPrefix(line, "//") && !slices.ContainsFunc([]string{"Version", "PageURL", "SupportURL"}, empty) {
			filled.WriteString(places.Replace(line))
		}
	}
	return filled.String()
}

// quoted is a text as JSON, and nothing when it is empty.
func quoted(text string) string {
	if text == "" {
		return ""
	}
	encoded, _ := Encode(text)
	return strings.TrimSpace(string(encoded))
}

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
