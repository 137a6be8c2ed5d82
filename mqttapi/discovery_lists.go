package mqttapi

import "fmt"

// What the document of a device says in Jinja's words of documents with a list. newest writes such a document again with the first elements
// of its list, the newest, as many as Home Assistant records: attributes of at most 16,384 bytes, those that it adds itself included. It is
// made with the list's key, with what is kept of an element e, and with the part of the list that is meant: 1 is what fits, 2 what fits after
// that. Lengths are measured in ASCII, where they are never shorter than the bytes of UTF-8. part chooses the elements, n.kept; n.part is then
// the last part that there is.
// Source: https://github.com/home-assistant/core/blob/dev/homeassistant/components/recorder/db_schema.py (MAX_STATE_ATTRS_BYTES),
// https://www.home-assistant.io/template-functions/to_json
const (
	partOf = `{%% set room = 15000 - (dict(value_json, %[1]s=[]) | to_json(ensure_ascii=true) | length) %%}` +
		`{%% set n = namespace(kept=[], part=1, room=room) %%}` +
		`{%% for e in value_json['%[1]s'] %%}{%% set one = %[2]s %%}` +
		`{%% set size = one | to_json(ensure_ascii=true) | length + 2 %%}` +
		`{%% if n.room < size %%}{%% set n.part = n.part + 1 %%}{%% set n.room = room %%}{%% endif %%}{%% set n.room = n.room - size %%}` +
		`{%% if n.part == %[3]d and n.room >= 0 %%}{%% set n.kept = n.kept + [one] %%}{%% endif %%}{%% endfor %%}`
	newestOf = partOf +
		`{{ dict(value_json, %[1]s=n.kept, truncated=n.part > %[3]d or value_json.truncated | default(false)) | to_json }}`

	// newestMedia leaves room for items where a folder has made many media_items.
	newestMedia = `{% set n = value_json.media_items | length > 50 %}{% set value_json = dict(value_json, media_items=value_json.media_items[:50], ` +
		`truncated=n or value_json.truncated | default(false)) %}`
	mediaShown = `{'id': e.id, 'filename': e.filename, 'mime_type': e.mime_type, 'created': e.created, ` +
		`'product_url': e.product_url, 'base_url': e.base_url}`
)

func newest(list, element string, part int) string { return fmt.Sprintf(newestOf, list, element, part) }

func part(list, element string, part int) string { return fmt.Sprintf(partOf, list, element, part) }
