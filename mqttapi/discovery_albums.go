package mqttapi

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// albumComponents returns an image entity for each album: its newest picture, which Home Assistant fetches itself from
// the address in the album's listing. Of a video it is the frame. Until Google has an address it is the album's cover.
// Source: https://www.home-assistant.io/integrations/image.mqtt/#url_topic
func albumComponents(t Topics, albums []Album) map[string]component {
	const newestPicture = "{% set e = value_json['items'] | selectattr('url') | first | default({}) %}" +
		"{{ (e.thumbnail_url if e.video else e.url) if e else value_json.album.cover_url }}"
	all := map[string]component{}
	taken := map[string]bool{}
	for _, a := range albums {
		key := albumKey(a.ID)
		name := slug(a.Title)
		if name == "" || taken[name] {
			name = strings.TrimPrefix(key, albumPrefix)
		}
		taken[name] = true
		all[key] = component{
			Platform: "image", DefaultEntityID: entityID("image", t, albumPrefix+name), Name: cmp.Or(strings.TrimSpace(a.Title), nameAlbum),
			Icon: "mdi:image-album", URLTopic: t.Album(a.ID), URLTemplate: newestPicture,
		}
	}
	return all
}

// albumPrefix starts the keys of albums, and no others.
const albumPrefix = "album_"

// albumKey is the key of an album's entity. It follows from the id alone, so that a new title keeps the entity, and has
// none of the characters that Home Assistant refuses in a key, whatever Google puts into its ids.
// Source: https://www.home-assistant.io/integrations/mqtt/#discovery-topic
func albumKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return albumPrefix + hex.EncodeToString(sum[:6])
}

// slug writes a title with a-z, 0-9 and "_", accents left out, as entity ids are written.
// Source: https://developers.home-assistant.io/docs/core/entity#entity-id
func slug(title string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(title)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r): // the accent of the letter before
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	return strings.TrimSuffix(b.String(), "_")
}
