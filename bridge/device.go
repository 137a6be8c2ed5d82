package bridge

import (
	"context"
	"fmt"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/mqttapi"
)

// devicePause is the shortest time between two discovery documents: Home
// Assistant drops parts of one that comes while it still works on the last.
const devicePause = 2 * time.Second

// keepDevice keeps Home Assistant's document of the entry true until ctx ends.
func (e *Entry) keepDevice(ctx context.Context) error {
	if e.cfg.DiscoveryPrefix == "" {
		return nil
	}
	for {
		if err := e.announce(e.link.State()); err != nil {
			return err
		}
		if sleep(ctx, nil, devicePause) != nil || sleep(ctx, e.device, 0) != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
	}
}

// announce publishes the document; while an account is being linked, the
// device's "Visit" leads to where that goes on.
func (e *Entry) announce(s auth.State) error {
	document := mqttapi.Discovery(mqttapi.Device{
		Topics: e.topics, Name: e.cfg.DisplayName, Version: e.cfg.Version, LinkURL: s.URL, SupportURL: projectURL,
	})
	if err := e.out.Retain(e.topics.Discovery(e.cfg.DiscoveryPrefix), document); err != nil {
		return fmt.Errorf("announce device: %w", err)
	}
	return nil
}

// projectURL is where a user of the device finds help.
const projectURL = "https://github.com/gphotos2mqtt/gphotos2mqtt"
