package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A digest is what the demo shows of the bridge's documents; each has some of it.
type digest struct {
	Status string
	Job    string
	Error  *struct{ Code, Message string }
	Album  *struct{ Title string }
	Items  []struct{ Name, FileName, Status string }
	Albums []struct {
		Title string
		Items int
	}
	Count  *int
	Link   *struct{ Status string }
	Queue  struct{ Waiting, Active int }
	Totals struct{ Uploaded, Failed int }
	Hold   *struct{ Reason, Message string }
}

// summary makes a few words of a payload, by the topic it is on.
func summary(topic string, payload []byte) string {
	var d digest
	switch {
	case len(payload) == 0:
		return "(cleared)"
	case !utf8.Valid(payload):
		return fmt.Sprintf("(%d bytes)", len(payload))
	case payload[0] != '{' || json.Unmarshal(payload, &d) != nil:
		return string(payload)
	case strings.HasSuffix(topic, "/upload/result"):
		return d.result()
	case d.Link != nil:
		return d.state()
	case d.Count != nil:
		return fmt.Sprintf("%d: %s", *d.Count, strings.Join(append(d.titles(), d.names()...), ", "))
	}
	return string(payload)
}

func (d digest) result() string {
	text := d.Status + "  " + strings.Join(d.names(), ", ")
	if d.Album != nil {
		text += fmt.Sprintf("  in album %q", d.Album.Title)
	}
	if d.Error != nil {
		text += "  " + d.Error.Code + ": " + d.Error.Message
	}
	return text + "  job " + d.Job
}

func (d digest) state() string {
	text := fmt.Sprintf("%s, %d waiting, %d active, %d uploaded, %d failed", d.Link.Status, d.Queue.Waiting, d.Queue.Active, d.Totals.Uploaded, d.Totals.Failed)
	if d.Hold != nil {
		text += fmt.Sprintf(", held (%s): %s", d.Hold.Reason, d.Hold.Message)
	}
	return text
}

func (d digest) names() []string {
	var names []string
	for _, item := range d.Items {
		names = append(names, item.Name+item.FileName)
	}
	return names
}

func (d digest) titles() []string {
	var titles []string
	for _, album := range d.Albums {
		titles = append(titles, fmt.Sprintf("%s (%d)", album.Title, album.Items))
	}
	return titles
}
