package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi"
)

// infoWait is how long the list of entries may be behind what the broker retains of each, and that behind the subscription.
const infoWait = time.Second

// health succeeds when every entry is online, those too that were added at run time. It asks the broker, not the process: what counts is
// whether commands are received.
func health(ctx context.Context, c config.Config, stdout io.Writer) error {
	if c.NATSURL != "" {
		return processHealth(ctx, c, stdout)
	}
	ctx, cancel := context.WithTimeout(ctx, brokerWait)
	defer cancel()
	h := hearing{root: c.Topic, said: map[string]string{}}
	for _, name := range c.EntryNames {
		h.names = append(h.names, strings.TrimSpace(name))
	}
	slices.Sort(h.names)
	whole, err := h.ask(ctx, c, mqttapi.Topics{Root: c.Topic, Entry: "+"}.Availability())
	if err == nil && !whole && ctx.Err() == nil { // RabbitMQ gives what is retained to filters without wildcards alone
		var exact []string
		for _, name := range h.missing() {
			exact = append(exact, mqttapi.Topics{Root: c.Topic, Entry: name}.Availability())
		}
		whole, err = h.ask(ctx, c, exact...)
	}
	switch {
	case err != nil:
		return err
	case len(h.names) == 0 && !h.listed:
		return errors.New("unhealthy: no bridge has said at the broker which entries it has")
	case !whole:
		return fmt.Errorf("unhealthy: no availability at the broker of entry %s", strings.Join(h.missing(), ", "))
	}
	fmt.Fprintln(stdout, "healthy")
	return nil
}

// hearing is what the broker has said of the entries.
type hearing struct {
	root   string
	names  []string // of the settings, and of the list
	listed bool     // the list was there, or is not to be had
	said   map[string]string
	second bool // it is asked once more
}

func (h *hearing) missing() []string {
	return slices.DeleteFunc(slices.Clone(h.names), func(name string) bool { return h.said[name] == mqttapi.Online })
}

// ask subscribes to the list and to availabilities, and reports whether all are online; an error is of one that is not.
func (h *hearing) ask(ctx context.Context, c config.Config, topics ...string) (bool, error) {
	info := mqttapi.Topics{Root: c.Topic}.Bridge("info")
	broker, err := dial(ctx, c, "health", append(topics, info)...)
	if err != nil {
		return false, fmt.Errorf("unhealthy: %w", err)
	}
	defer broker.close()
	defer func() { h.second = true }()
	for !h.listed || len(h.missing()) > 0 {
		waiting, cancel := ctx, context.CancelFunc(func() {})
		if len(h.names) > 0 && (!h.second || len(h.missing()) == 0) { // without the right to read the list, those of the settings count
			waiting, cancel = context.WithTimeout(ctx, infoWait)
		}
		m, err := broker.next(waiting)
		cancel()
		switch {
		case err != nil && ctx.Err() == nil && len(h.missing()) == 0:
			h.listed = true
		case err != nil:
			return false, nil
		case m.Topic == info:
			var now mqttapi.Info
			h.listed = json.Unmarshal(m.Payload, &now) == nil
			h.names = slices.Compact(slices.Sorted(slices.Values(append(h.names, now.Entries...))))
		default:
			entry := strings.TrimSuffix(strings.TrimPrefix(m.Topic, h.root+"/"), "/availability")
			h.said[entry] = string(m.Payload)
		}
		for _, name := range h.names {
			if said, ok := h.said[name]; ok && said != mqttapi.Online {
				return false, fmt.Errorf("unhealthy: entry %s is %.40q", name, said)
			}
		}
	}
	return true, nil
}
