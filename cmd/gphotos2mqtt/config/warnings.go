package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (r *reader) warnings(c *Config) (out []string) {
	if c.MQTTURL != "" && r.env[Prefix+"MQTT_LISTEN"] != "" {
		out = append(out, Prefix+"MQTT_LISTEN does nothing because "+Prefix+"MQTT_URL names a broker")
	}
	if c.NATSURL == "" {
		for _, name := range []string{"USER", "PASSWORD", "TOKEN", "NKEY", "CREDS", "REPLICAS", "PREFIX"} {
			if r.env[Prefix+"NATS_"+name] != "" {
				out = append(out, Prefix+"NATS_"+name+" does nothing because "+Prefix+"NATS_URL names no cluster")
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.env)) {
		name, ours := strings.CutPrefix(key, Prefix)
		if !ours || slices.Contains(r.known, name) {
			continue
		}
		why := "is not a setting and does nothing"
		ofEntry := func(e Entry) bool { return strings.HasPrefix(name, ownPrefix("ENTRY", e.Name)) }
		if strings.HasPrefix(name, "ENTRY_") && !slices.ContainsFunc(c.Entries, ofEntry) {
			why = "does nothing because " + Prefix + "ENTRIES names no such entry"
		}
		out = append(out, fmt.Sprintf("%s %s; did you mean %s?", key, why, Prefix+Nearest(name, r.known)))
	}
	return out
}

// Nearest is the one of names, of which there must be some, that looks most like a name.
func Nearest(name string, names []string) string {
	return slices.MinFunc(names, func(a, b string) int { return distance(name, a) - distance(name, b) })
}

// distance is the length of what two names do not have in common between their starts and their ends.
func distance(a, b string) int {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return max(len(a), len(b))
}
