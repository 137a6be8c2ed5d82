package mqttapi

import (
	"cmp"
	"fmt"
	"strings"
)

// components returns the entities of a device by the keys under which Home Assistant knows them. A key never changes, and
// none is used again for something else.
//
// Every template here reads the list of a document as value_json['items']: value_json.items is Python's method of a
// dictionary.
func components(d Device) map[string]component {
	t := d.Topics
	all := map[string]component{}
	for _, group := range []map[string]component{
		uploadComponents(t), listComponents(t), stateComponents(t), linkComponents(t), albumComponents(t, d.Albums),
	} {
		for key, c := range group {
			c.UniqueID = t.device() + "_" + key
			c.DefaultEntityID = cmp.Or(c.DefaultEntityID, entityID(c.Platform, t, key))
			all[key] = c
		}
	}
	return all
}

// entityID is the id that Home Assistant is asked to give an entity when it sees it for the first time.
func entityID(platform string, t Topics, name string) string {
	return platform + "." + strings.ReplaceAll(t.device(), "-", "_") + "_" + name
}

func uploadComponents(t Topics) map[string]component {
	return map[string]component{
		// The one entity that sends text of any length, a path or JSON, as it is.
		"upload": {
			Platform: "notify", Name: nameUpload, Icon: "mdi:cloud-upload",
			CommandTopic: t.Upload(),
		},
		"upload_result": {
			Platform: "event", Name: nameUploadResult, Icon: "mdi:cloud-check",
			StateTopic: t.UploadResult(), EventTypes: Statuses(), ValueTemplate: newest("items", "e"),
		},
		"latest_upload": {
			Platform: "image", Name: nameLatestUpload, Icon: "mdi:image",
			ImageTopic: t.Image(), ContentType: "image/jpeg",
		},
		"upload_progress": {
			Platform: "sensor", Name: nameProgress, Icon: "mdi:progress-upload",
			StateTopic: t.Progress(), Unit: "%", ValueTemplate: "{{ value_json.percent }}",
			AttributesTopic: t.Progress(),
		},
	}
}

func listComponents(t Topics) map[string]component {
	return map[string]component{
		"albums": {
			Platform: "sensor", Name: nameAlbums, Icon: "mdi:image-album",
			StateTopic: t.Albums(), Unit: unitAlbums, ValueTemplate: "{{ value_json.count }}",
			AttributesTopic: t.Albums(), AttributesTemplate: newest("albums", "e"),
		},
		"recent_media": {
			Platform: "sensor", Name: nameRecentMedia, Icon: "mdi:image-multiple",
			StateTopic: t.Media(), Unit: unitItems, ValueTemplate: "{{ value_json.count }}",
			AttributesTopic: t.Media(),
			AttributesTemplate: newest("items", "{'id': e.id, 'filename': e.filename, 'mime_type': e.mime_type, "+
				"'created': e.created, 'product_url': e.product_url, 'url': e.url, 'thumbnail_url': e.thumbnail_url}"),
		},
	}
}

func stateComponents(t Topics) map[string]component {
	sensor := func(name, icon, value, attributes string) component {
		return component{
			Platform: "sensor", Name: name, Icon: icon,
			StateTopic: t.State(), ValueTemplate: value,
			AttributesTopic: t.State(), AttributesTemplate: attributes,
		}
	}
	// "name" is no attribute that Home Assistant lets through, so the file's name is called file.
	lastUpload := sensor(nameLastUpload, "mdi:clock-check-outline",
		"{{ value_json.last_upload.time if value_json.last_upload else none }}",
		"{% set u = value_json.last_upload %}{{ ({'file': u.name, 'album': u.album, 'media_item_id': u.media_item_id, "+
			"'product_url': u.product_url, 'job': u.job} if u else {}) | to_json }}")
	lastUpload.DeviceClass = "timestamp"
	queue := sensor(nameQueue, "mdi:tray-full", "{{ value_json.queue.waiting + value_json.queue.active }}",
		"{{ dict(value_json.queue, hold=value_json.hold) | to_json }}")
	queue.Unit, queue.StateClass = unitFiles, "measurement"
	uploaded := sensor(nameUploaded, "mdi:counter", "{{ value_json.totals.uploaded }}",
		"{{ {'failed': value_json.totals.failed} | to_json }}")
	uploaded.Unit, uploaded.StateClass = unitFiles, "total_increasing"
	left := sensor(nameRequestsLeft, "mdi:gauge",
		"{{ [value_json.quota.requests_limit - value_json.quota.requests_today, 0] | max }}", "{{ value_json.quota | to_json }}")
	left.Unit, left.StateClass, left.EntityCategory = unitRequests, "measurement", "diagnostic"
	problem := sensor(nameProblem, "",
		"{{ 'ON' if value_json.hold or value_json.link.status == 'relink' else 'OFF' }}",
		"{% set h = value_json.hold or {} %}{{ {'reason': h.reason | default(none), 'message': h.message | default(none), "+
			"'until': h.until | default(none), 'link_url': value_json.link.url, 'last_error': value_json.last_error} | to_json }}")
	problem.Platform, problem.DeviceClass, problem.EntityCategory = "binary_sensor", "problem", "diagnostic"
	return map[string]component{
		"last_upload": lastUpload, "queue": queue, "uploaded": uploaded, "requests_left": left, "problem": problem,
	}
}

func linkComponents(t Topics) map[string]component {
	status := component{
		Platform: "sensor", Name: nameLinkStatus, Icon: "mdi:link-variant", EntityCategory: "diagnostic", DeviceClass: "enum",
		StateTopic: t.State(), ValueTemplate: "{{ value_json.link.status }}",
		AttributesTopic: t.State(), AttributesTemplate: "{{ value_json.link | to_json }}",
	}
	for _, s := range LinkStatuses() {
		status.Options = append(status.Options, string(s))
	}
	button := func(name, icon string, v Verb) component {
		// A press sends "PRESS" unless it is told otherwise, and that is no JSON.
		return component{
			Platform: "button", Name: name, Icon: icon, EntityCategory: "config",
			CommandTopic: t.Request(v), PayloadPress: "{}",
		}
	}
	unlink := button(nameUnlink, "mdi:link-variant-off", VerbUnlink)
	unlink.Enabled = new(false) // one press ends the access to Google
	return map[string]component{
		"link_status": status,
		"refresh":     button(nameRefresh, "mdi:refresh", VerbRefresh),
		"link":        button(nameLink, "mdi:link-variant-plus", VerbLink),
		"unlink":      unlink,
		"finish_linking": {
			Platform: "notify", Name: nameFinishLinking, Icon: "mdi:link-variant", EntityCategory: "config",
			CommandTopic: t.Request(VerbLinkFinish), CommandTemplate: "{{ {'url': value} | to_json }}",
		},
	}
}

// attributeRoom is how much room a template leaves to a document, in bytes. Home Assistant does not record an entity
// whose attributes have more than 16,384 bytes, those that it adds itself included.
// Source: https://github.com/home-assistant/core/blob/dev/homeassistant/components/recorder/db_schema.py (MAX_STATE_ATTRS_BYTES)
const attributeRoom = 15000

// newest returns a template that writes the document again with the first elements of its list key, the newest, as many
// as Home Assistant records; one says in the template's language what is kept of an element e. Lengths are measured in
// ASCII, where they are never shorter than the bytes of UTF-8.
// Source: https://www.home-assistant.io/template-functions/to_json
func newest(key, one string) string {
	const template = "{%% set n = namespace(kept=[], room=%[1]d - (dict(value_json, %[2]s=[]) | to_json(ensure_ascii=true) | length)) %%}" +
		"{%% for e in value_json['%[2]s'] %%}{%% set one = %[3]s %%}" +
		"{%% set n.room = n.room - (one | to_json(ensure_ascii=true) | length) - 2 %%}" +
		"{%% if n.room > 0 %%}{%% set n.kept = n.kept + [one] %%}{%% endif %%}{%% endfor %%}" +
		"{%% set cut = n.kept | length < value_json['%[2]s'] | length %%}" +
		"{{ dict(value_json, %[2]s=n.kept, truncated=cut or value_json.truncated | default(false)) | to_json }}"
	return fmt.Sprintf(template, attributeRoom, key, one)
}
