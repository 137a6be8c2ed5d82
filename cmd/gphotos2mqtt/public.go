package main

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/mqttapi"
)

// public are the settings by variable as gphotos/bridge/info shows them. Secrets, and
// what may come from a file, are left out, not masked.
func (c Config) public() map[string]string {
	shown := map[string]string{}
	add := func(of any, prefix string) {
		value := reflect.ValueOf(of).Elem()
		for field := range settings(of) {
			if field.Tag.Get("file") == "true" || field.Type == reflect.TypeFor[auth.Secret]() {
				continue
			}
			shown[prefix+field.Tag.Get("env")] = written(value.FieldByIndex(field.Index).Interface())
		}
	}
	add(&c, prefix)
	for i := range c.Entries {
		add(&c.Entries[i], entryPrefix(c.Entries[i].Entry))
	}
	return shown
}

// written is a value as the environment has it.
func written(value any) string {
	switch v := value.(type) {
	case []string:
		return strings.Join(v, ",")
	case Paths:
		return strings.Join(v, ":")
	case Listings:
		if v.All {
			return "all"
		}
		return cmp.Or(strings.Join(v.Titles, ","), "none")
	}
	return fmt.Sprint(value)
}

func (c Config) limits() mqttapi.Limits {
	return mqttapi.Limits{
		Files: mqttapi.MaxFiles, Photo: mqttapi.MaxPhoto, Video: mqttapi.MaxVideo, Publish: int(c.MaxPublish),
		SpoolCopy: int64(c.SpoolCopy), SpoolMax: int64(c.SpoolMax),
		Name: mqttapi.MaxName, Description: mqttapi.MaxDescription, Transaction: mqttapi.MaxTransaction,
	}
}
