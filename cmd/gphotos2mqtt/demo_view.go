package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gphotos2mqtt/mqttapi/broker"
)

// A view shows messages, a line each. Retained documents that come again as they were, and the minute's health, would only distract.
type view map[string]string // by topic what was shown last

func (v view) line(m broker.Delivery) string {
	text, command := shown(m), strings.Contains(m.Topic, "/request/") || strings.HasSuffix(m.Topic, "/upload")
	if strings.HasSuffix(m.Topic, "/bridge/health") || !command && v[m.Topic] == text {
		return ""
	}
	v[m.Topic] = text
	topic := m.Topic
	if start, id, ok := strings.Cut(topic, "/albums/"); ok && len(id) > 12 {
		topic = start + "/albums/" + id[:12] + "…"
	}
	return fmt.Sprintf("%s  %-28s %s\n", time.Now().Format("15:04:05.000"), topic, text)
}

// shown is what a message says, in at most 160 characters.
func shown(m broker.Delivery) string {
	text := strings.Join(strings.Fields(summary(m.Topic, m.Payload)), " ")
	if runes := []rune(text); len(runes) > 160 {
		return string(runes[:160]) + "…"
	}
	return text
}

// A digest is what the demo shows of the bridge's documents; each has some of it.
type digest struct {
	Status, Job   string
	Error         *struct{ Code, Message string }
	Album         *struct{ Title string }
	Items         []struct{ Name, FileName string }
	Albums        []struct{ Title, Items any }
	Count         *int
	Link          *struct{ Status string }
	Queue, Totals struct{ Waiting, Active, Uploaded, Failed int }
	Hold          *struct{ Reason, Message string }
}

// result is what became of an upload; what it lacks is left out.
func (d digest) result() string {
	text := d.Status + "  " + d.items()
	if d.Album != nil {
		text += fmt.Sprintf("  in album %q", d.Album.Title)
	}
	if d.Error != nil {
		text += "  " + d.Error.Code + ": " + d.Error.Message
	}
	return text + "  job " + d.Job
}

func (d digest) items() string {
	var names []string
	for _, i := range d.Items {
		names = append(names, i.Name+i.FileName)
	}
	return strings.Join(names, ", ")
}

func (d digest) state() string {
	text := fmt.Sprintf("%s, %d waiting, %d active, %d uploaded, %d failed",
		d.Link.Status, d.Queue.Waiting, d.Queue.Active, d.Totals.Uploaded, d.Totals.Failed)
	if d.Hold != nil {
		text += fmt.Sprintf(", held (%s): %s", d.Hold.Reason, d.Hold.Message)
	}
	return text
}

func (d digest) listing() string {
	var albums []string
	for _, a := range d.Albums {
		albums = append(albums, fmt.Sprintf("%v (%v)", a.Title, a.Items))
	}
	return fmt.Sprintf("%d: %s%s", *d.Count, d.items(), strings.Join(albums, ", "))
}

func summary(topic string, payload []byte) string {
	var d digest
	switch {
	case len(payload) == 0 && strings.Contains(topic, "/request/"):
		return "(no payload)"
	case len(payload) == 0:
		return "(cleared)"
	case !utf8.Valid(payload):
		return fmt.Sprintf("(%d bytes)", len(payload))
	case payload[0] != '{':
		return string(payload)
	case json.Unmarshal(payload, &d) != nil:
		return inWords(payload)
	case strings.HasSuffix(topic, "/upload/result"):
		return d.result()
	case d.Link != nil:
		return d.state()
	case d.Count == nil:
		return inWords(payload)
	}
	return d.listing()
}

// inWords is what a document says, without the signs of JSON: each value with its name, and of lists and objects how much is in them.
func inWords(payload []byte) string {
	var document map[string]any
	if json.Unmarshal(payload, &document) != nil {
		return string(payload)
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(document)) {
		switch v := document[name].(type) {
		case nil:
			continue
		case map[string]any:
			words = append(words, fmt.Sprintf("%s (%d)", name, len(v)))
		case []any:
			words = append(words, fmt.Sprintf("%s (%d)", name, len(v)))
		case float64:
			words = append(words, fmt.Sprintf("%s %.0f", name, v))
		case string:
			if v != "" {
				words = append(words, name+" "+v)
			}
		default:
			words = append(words, fmt.Sprint(name, " ", v))
		}
	}
	return strings.Join(words, ", ")
}
