package mqttapi

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The keys of Home Assistant 2026.9, by its own discovery schemas: of the document, of every entity, and of the
// platforms in use. Source: https://www.home-assistant.io/integrations/mqtt/
var (
	rootKeys = words("device origin components availability availability_mode availability_topic availability_template " +
		"payload_available payload_not_available state_topic command_topic qos encoding message_expiry_interval")
	deviceKeys = words("identifiers connections name manufacturer model model_id hw_version sw_version serial_number " +
		"suggested_area configuration_url via_device")
	originKeys = words("name sw_version support_url")
	entityKeys = words("platform availability availability_mode availability_topic availability_template default_entity_id " +
		"device origin enabled_by_default visible_by_default encoding entity_category entity_picture group icon " +
		"json_attributes_topic json_attributes_template message_expiry_interval name payload_available " +
		"payload_not_available qos unique_id")
	// platformKeys has alternatives in what is required as a|b: exactly one of them.
	platformKeys = map[string]struct{ required, optional []string }{
		"sensor": {words("state_topic"), words("device_class expire_after force_update last_reset_value_template options " +
			"state_class suggested_display_precision unit_of_measurement value_template")},
		"binary_sensor": {words("state_topic"), words("device_class expire_after force_update off_delay payload_on payload_off value_template")},
		"image":         {words("image_topic|url_topic"), words("image_topic url_topic content_type image_encoding url_template")},
		"event":         {words("event_types state_topic"), words("device_class value_template")},
		"notify":        {words("command_topic"), words("command_template retain")},
		"button":        {words("command_topic"), words("command_template device_class payload_press retain")},
	}
	deviceClasses = map[string][]string{
		"sensor": words("timestamp enum duration data_size date"), "binary_sensor": words("problem connectivity running update"),
		"event": words("button doorbell motion"), "button": words("identify restart update"),
	}
)

// validator collects what Home Assistant would refuse, drop or complain of in a device document.
type validator struct {
	problems []string
	seen     map[string]string // unique ids and entity ids, and which component has them
}

// validateDevice returns what is wrong with a device document.
func validateDevice(text []byte) []string {
	v := validator{seen: map[string]string{}}
	root := v.object("the root", text)
	v.keys("the root", root, rootKeys)
	device, origin := v.object("device", root["device"]), v.object("origin", root["origin"])
	v.keys("device", device, deviceKeys)
	v.keys("origin", origin, originKeys)
	v.check(device["identifiers"] != nil && v.text(origin, "name") != "", "device needs identifiers, origin a name")
	v.check(v.text(root, "availability_mode") == "all", "availability_mode is %s", root["availability_mode"])
	for key, raw := range v.object("components", root["components"]) {
		v.component(key, v.object(key, raw))
	}
	return v.problems
}

func (v *validator) component(key string, c map[string]json.RawMessage) {
	platform := v.text(c, "platform")
	keys, ok := platformKeys[platform]
	v.check(ok && componentKey.MatchString(key), "%s has the platform %q", key, platform)
	if len(c) == 1 {
		return // taken away
	}
	v.keys(key, c, entityKeys, keys.required, keys.optional)
	for _, needed := range slices.Concat(keys.required, words("unique_id default_entity_id name")) {
		given := 0
		for one := range strings.SplitSeq(needed, "|") {
			if c[one] != nil {
				given++
			}
		}
		v.check(given == 1, "%s has %d of %s", key, given, needed)
	}
	class, category := v.text(c, "device_class"), v.text(c, "entity_category")
	v.check(class == "" || slices.Contains(deviceClasses[platform], class), "%s has the device class %q", key, class)
	v.check(category == "" || category == "diagnostic" || category == "config" && !strings.HasSuffix(platform, "sensor"), "%s has the category %q", key, category)
	v.check(c["content_type"] == nil || c["image_topic"] != nil, "%s: content_type belongs to image_topic", key)
	v.check((c["options"] != nil) == (class == "enum"), "%s: options belong to the device class enum", key)
	icon, id := v.text(c, "icon"), v.text(c, "default_entity_id")
	v.check(icon == "" || strings.HasPrefix(icon, "mdi:"), "%s has the icon %q", key, icon)
	v.check(entityIDs.MatchString(id) && strings.HasPrefix(id, platform+"."), "%s has the entity id %q", key, id)
	for _, unique := range []string{id, v.text(c, "unique_id")} {
		v.check(v.seen[unique] == "", "%s and %s are both %q", key, v.seen[unique], unique)
		v.seen[unique] = key
	}
	for _, k := range words("value_template json_attributes_template command_template url_template") {
		t := v.text(c, k)
		paired := strings.Count(t, "{%") == strings.Count(t, "%}") && strings.Count(t, "{{") == strings.Count(t, "}}")
		v.check(paired && !pythonMethod.MatchString(t), "%s: %s is broken: %s", key, k, t)
	}
}

var (
	componentKey = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	entityIDs    = regexp.MustCompile(`^[a-z_]+\.[a-z0-9_]+$`)
	pythonMethod = regexp.MustCompile(`value_json\.(items|keys|values|get|pop|copy|update)\b`) // hides a key of that name
)

func (v *validator) check(ok bool, format string, args ...any) {
	if !ok {
		v.problems = append(v.problems, fmt.Sprintf(format, args...))
	}
}

func (v *validator) object(where string, raw json.RawMessage) (m map[string]json.RawMessage) {
	v.check(json.Unmarshal(raw, &m) == nil, "%s is no object: %.40s", where, raw)
	return m
}

func (v *validator) text(m map[string]json.RawMessage, key string) (s string) {
	if raw, ok := m[key]; ok {
		v.check(json.Unmarshal(raw, &s) == nil, "%s is no string", key)
	}
	return s
}

func (v *validator) keys(where string, m map[string]json.RawMessage, allowed ...[]string) {
	for key := range m {
		v.check(slices.Contains(slices.Concat(allowed...), key), "%s has the unknown key %q", where, key)
	}
}

// TestValidator proves that the validator finds what Home Assistant does.
func TestValidator(t *testing.T) {
	good := string(Discovery(Device{Topics: Topics{Root: "gphotos", Entry: "home"}, Albums: []Album{{ID: "one", Title: "One"}}}))
	for _, change := range [][2]string{
		{`{"device"`, `{"~":"x","device"`},
		{`{"device"`, `{"json_attributes_topic":"x","device"`},
		{`"identifiers"`, `"ids"`},
		{`"origin":{"name"`, `"origin":{"title"`},
		{`"availability_mode":"all"`, `"availability_mode":"latest"`},
		{`"platform":"sensor"`, `"platform":"sensors"`},
		{`"state_topic":"gphotos/home/state",`, ``},
		{`"state_topic"`, `"stat_topic"`},
		{`"default_entity_id"`, `"object_id"`},
		{`"entity_category":"diagnostic"`, `"entity_category":"config"`},
		{`"device_class":"timestamp"`, `"device_class":"time"`},
		{`"unique_id":"gphotos_home_queue"`, `"unique_id":"gphotos_home_albums"`},
		{`sensor.gphotos_home_queue`, `sensor.gphotos-home-queue`},
		{`"icon":"mdi:`, `"icon":"`},
		{`value_json['items']`, `value_json.items`},
		{`"image_topic":"gphotos/home/image",`, ``},
		{`"url_topic":`, `"image_topic":"x","url_topic":`},
		{`"url_topic":`, `"content_type":"image/jpeg","url_topic":`},
		{`"url_template":`, `"url_tpl":`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%q is not in the document", change[0])
		} else if len(validateDevice([]byte(bad))) == 0 {
			t.Errorf("%q is not noticed", change[1])
		}
	}
}

func words(s string) []string { return strings.Fields(s) }
