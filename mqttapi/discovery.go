package mqttapi

import (
	"cmp"
	"encoding/json"
	"strings"
)

// Device is what Home Assistant is told about one entry.
type Device struct {
	Topics Topics
	// Name is the device's name; "" is "Google Photos" and the entry's name.
	Name    string
	Version string // of the bridge
	// LinkURL is where the account can be linked, shown as the device's "Visit" link. Other addresses than http and https
	// would have Home Assistant refuse the whole device, so they are left out. "" is none.
	LinkURL string
	// SupportURL is the home page of the project, "" is none.
	SupportURL string
	// Albums are those that are image entities; each has a listing on Topics.Album. nil is none.
	Albums []Album
}

// Discovery returns the retained document that makes the entry a device in Home Assistant, in the device form of release
// 2024.12 and later. Publish it on Topics.Discovery, again on every connect, and again after Home Assistant's birth
// message. Leave a second between two different documents: Home Assistant drops parts of one that comes too early.
//
// The root has only keys that Home Assistant knows there, because one unknown key has the whole device refused.
// Source: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
func Discovery(d Device) []byte {
	document := deviceDocument{
		Device: deviceInfo{
			Identifiers:  []string{d.Topics.device()},
			Name:         cmp.Or(d.Name, nameDevice+d.Topics.Entry),
			Manufacturer: nameManufacturer,
			Model:        nameModel,
			SWVersion:    d.Version,
		},
		Origin:           originInfo{Name: nameOrigin, SWVersion: d.Version, SupportURL: d.SupportURL},
		Availability:     []availability{{Topic: d.Topics.Availability(), Available: Online, NotAvailable: Offline}},
		AvailabilityMode: "all",
		QoS:              1, // commands must not get lost; the default is 0
		Components:       components(d),
	}
	if strings.HasPrefix(d.LinkURL, "http://") || strings.HasPrefix(d.LinkURL, "https://") {
		document.Device.ConfigurationURL = d.LinkURL
	}
	text, _ := encode(document) // only texts and numbers: it cannot fail
	return text
}

// Retire returns the document to publish before next when components of old are gone from next, or changed their
// platform: they are reduced to their platform, which has Home Assistant remove them. Leaving them out is not enough. It
// returns nil when there is nothing to retire.
// Source: https://www.home-assistant.io/integrations/mqtt/#removing-a-component
func Retire(old, next []byte) []byte {
	type platform struct {
		Platform string `json:"platform"`
	}
	var before struct {
		Components map[string]platform `json:"components"`
	}
	var after map[string]json.RawMessage
	var stay map[string]json.RawMessage
	if json.Unmarshal(old, &before) != nil || json.Unmarshal(next, &after) != nil || json.Unmarshal(after["components"], &stay) != nil {
		return nil
	}
	retired := false
	for key, was := range before.Components {
		var is platform
		if raw, ok := stay[key]; ok && json.Unmarshal(raw, &is) == nil && is == was || was.Platform == "" {
			continue
		}
		stay[key], _ = encode(was)
		retired = true
	}
	if !retired {
		return nil
	}
	after["components"], _ = encode(stay)
	text, _ := encode(after)
	return text
}

type deviceDocument struct {
	Device           deviceInfo           `json:"device"`
	Origin           originInfo           `json:"origin"`
	Availability     []availability       `json:"availability"`
	AvailabilityMode string               `json:"availability_mode"`
	QoS              int                  `json:"qos"`
	Components       map[string]component `json:"components"`
}

type deviceInfo struct {
	Identifiers      []string `json:"identifiers"`
	Name             string   `json:"name"`
	Manufacturer     string   `json:"manufacturer"`
	Model            string   `json:"model"`
	SWVersion        string   `json:"sw_version,omitempty"`
	ConfigurationURL string   `json:"configuration_url,omitempty"`
}

type originInfo struct {
	Name       string `json:"name"`
	SWVersion  string `json:"sw_version,omitempty"`
	SupportURL string `json:"support_url,omitempty"`
}

type availability struct {
	Topic        string `json:"topic"`
	Available    string `json:"payload_available"`
	NotAvailable string `json:"payload_not_available"`
}

// component is one entity, with the keys that the platforms here use.
// Source: https://www.home-assistant.io/integrations/#search/mqtt, one page for each platform
type component struct {
	Platform           string   `json:"platform"`
	UniqueID           string   `json:"unique_id"`
	DefaultEntityID    string   `json:"default_entity_id"`
	Name               string   `json:"name"`
	Icon               string   `json:"icon,omitempty"`
	EntityCategory     string   `json:"entity_category,omitempty"`
	Enabled            *bool    `json:"enabled_by_default,omitempty"`
	DeviceClass        string   `json:"device_class,omitempty"`
	StateClass         string   `json:"state_class,omitempty"`
	Unit               string   `json:"unit_of_measurement,omitempty"`
	Options            []string `json:"options,omitempty"`
	EventTypes         []Status `json:"event_types,omitempty"`
	StateTopic         string   `json:"state_topic,omitempty"`
	ValueTemplate      string   `json:"value_template,omitempty"`
	CommandTopic       string   `json:"command_topic,omitempty"`
	CommandTemplate    string   `json:"command_template,omitempty"`
	PayloadPress       string   `json:"payload_press,omitempty"`
	ImageTopic         string   `json:"image_topic,omitempty"`
	ContentType        string   `json:"content_type,omitempty"`
	URLTopic           string   `json:"url_topic,omitempty"`
	URLTemplate        string   `json:"url_template,omitempty"`
	AttributesTopic    string   `json:"json_attributes_topic,omitempty"`
	AttributesTemplate string   `json:"json_attributes_template,omitempty"`
}
