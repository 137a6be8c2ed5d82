package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gphotos2mqtt/mqttapi"
)

// healthLimit is how long the whole check may take; Docker's own limit in the
// Dockerfile is longer, so that the reason is always printed.
const healthLimit = 5 * time.Second

// health is the subcommand: it prints one line, and succeeds when every entry of
// the settings is online at the broker.
func health(environ map[string]string, stdout, stderr io.Writer) int {
	config, _, err := ReadConfig(environ)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthLimit)
	defer cancel()
	if err := checkHealth(ctx, config); err != nil {
		fmt.Fprintln(stderr, "unhealthy:", err)
		return exitFailed
	}
	fmt.Fprintln(stdout, "healthy")
	return exitDone
}

// checkHealth asks the broker, not the process: what counts is whether a command
// that is published now is received.
func checkHealth(ctx context.Context, c Config) error {
	arrived := make(chan mqtt.Message, len(c.Entries))
	waiting := make(map[string]string) // availability topic to entry
	var topics []string
	for _, e := range c.Entries {
		topic := mqttapi.Topics{Root: c.Topic, Entry: e.Entry}.Availability()
		waiting[topic] = e.Entry
		topics = append(topics, topic)
	}
	client, err := c.dial(ctx, "health", arrived, topics...)
	if err != nil {
		return err
	}
	defer client.Disconnect(0)
	for len(waiting) > 0 {
		select {
		case m := <-arrived:
			if string(m.Payload()) != mqttapi.Online {
				return fmt.Errorf("entry %s is %.40q", waiting[m.Topic()], m.Payload())
			}
			delete(waiting, m.Topic())
		case <-ctx.Done():
			return fmt.Errorf("no availability at the broker of entry %s", joined(waiting))
		}
	}
	return nil
}

// brokerURL is the address of the broker in use, with its port. A built-in one that listens on
// every address is reached over loopback.
func (c Config) brokerURL() string {
	if c.MQTTURL != "" {
		broker, _ := mqttapi.ParseURL(c.MQTTURL) // ReadConfig has checked it
		return broker.Network + "://" + broker.Address + broker.Path
	}
	host, port, _ := hostPort(c.MQTTListen) // ReadConfig has checked it
	if address, err := netip.ParseAddr(host); host == "" || err == nil && address.IsUnspecified() {
		host = "localhost"
	}
	return "tcp://" + net.JoinHostPort(host, port)
}

// wait waits for paho's outcome of one packet.
func wait(ctx context.Context, token mqtt.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		return errors.New("no answer in time")
	}
}

func joined(waiting map[string]string) string {
	var entries []string
	for _, entry := range waiting {
		entries = append(entries, entry)
	}
	slices.Sort(entries)
	return strings.Join(entries, ", ")
}
