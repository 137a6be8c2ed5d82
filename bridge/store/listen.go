package store

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Listen makes the engine an MQTT 3.1.1 broker: QoS 0 to 2, retained messages,
// persistent sessions, messages up to 32 MiB, no shared subscriptions. What its
// clients can reach is apart from the store.
// https://docs.nats.io/running-a-nats-service/configuration/mqtt
type Listen struct {
	// Addr is host:port; port 0 takes any free one. Without User and Password the
	// host must be a loopback address.
	Addr string
	// User and Password are what clients must present; both empty = anybody may
	// connect.
	User, Password string
}

// check refuses settings that would open the broker to the network.
func (l *Listen) check() error {
	if l == nil {
		return nil
	}
	host, _, err := l.split()
	if err != nil {
		return err
	}
	if (l.User == "") != (l.Password == "") {
		return errors.New("set both GPHOTOS_MQTT_USER and GPHOTOS_MQTT_PASSWORD, or neither")
	}
	if l.User == "" && !isLoopback(host) {
		return fmt.Errorf("GPHOTOS_MQTT_LISTEN is %s, which other machines can reach: set GPHOTOS_MQTT_USER and GPHOTOS_MQTT_PASSWORD, or listen on 127.0.0.1", l.Addr)
	}
	return nil
}

func (l *Listen) split() (host string, port int, err error) {
	host, text, err := net.SplitHostPort(l.Addr)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("GPHOTOS_MQTT_LISTEN is %q, which is not an address such as 127.0.0.1:1883", l.Addr)
	}
	return host, port, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
