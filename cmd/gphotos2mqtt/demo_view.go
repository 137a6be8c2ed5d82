package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
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

var summaries = template.Must(template.New("").Parse(`
{{- define "items"}}{{range $i, $_ := .Items}}{{if $i}}, {{end}}{{.Name}}{{.FileName}}{{end}}{{end}}
{{- define "result"}}{{.Status}}  {{template "items" .}}
	{{- with .Album}}  in album {{printf "%q" .Title}}{{end}}{{with .Error}}  {{.Code}}: {{.Message}}{{end}}  job {{.Job}}{{end}}
{{- define "state"}}{{.Link.Status}}, {{.Queue.Waiting}} waiting, {{.Queue.Active}} active,
	{{- printf " %d uploaded, %d failed" .Totals.Uploaded .Totals.Failed}}{{with .Hold}}, held ({{.Reason}}): {{.Message}}{{end}}{{end}}
{{- define "listing"}}{{.Count}}: {{template "items" .}}
	{{- range $i, $_ := .Albums}}{{if $i}}, {{end}}{{.Title}} ({{.Items}}){{end}}{{end}}`))

func summary(topic string, payload []byte) string {
	var d digest
	kind := "listing"
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
		kind = "result"
	case d.Link != nil:
		kind = "state"
	case d.Count == nil:
		return inWords(payload)
	}
	var text strings.Builder
	_ = summaries.ExecuteTemplate(&text, kind, d) // what it lacks is left out
	return text.String()
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
