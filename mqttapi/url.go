package mqttapi

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Broker is where an MQTT broker is and how it is spoken to. It is made by
// ParseURL. Printed in any way it shows neither user nor password.
type Broker struct {
	Network  string // tcp, tls, ws, wss or unix
	Address  string // host and port; for unix the path of the socket
	Path     string // path and query of a websocket, else empty
	User     string // from the address, may be empty
	Password string // from the address, may be empty
}

// scheme is one way of writing an address: the network it stands for and the
// port that is meant when none is written.
type scheme struct{ network, port string }

// schemes are those of paho.mqtt.golang without its rarer synonyms. The ports
// are IANA's (https://www.iana.org/assignments/service-names-port-numbers).
var schemes = map[string]scheme{
	"tcp": {"tcp", "1883"}, "mqtt": {"tcp", "1883"},
	"ssl": {"tls", "8883"}, "tls": {"tls", "8883"}, "mqtts": {"tls", "8883"},
	"ws": {"ws", "80"}, "wss": {"wss", "443"},
	"unix": {"unix", ""},
}

// errBadURL does not repeat what was written, because a password may be part of it.
var errBadURL = errors.New("not the address of a broker: write mqtt://host, mqtts://host, ws://host/path or wss://host/path, " +
	"with :port where it is not the usual one, and % signs for special characters in a user or password")

// ParseURL reads the address of a broker. The port defaults to 1883, with TLS
// to 8883, for websockets to 80 and 443. The error is a sentence that says what
// to write and never holds any part of a password.
func ParseURL(text string) (Broker, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Opaque != "" || u.Fragment != "" {
		return Broker{}, errBadURL
	}
	s, ok := schemes[u.Scheme]
	if !ok {
		return Broker{}, fmt.Errorf("no broker is reached by %q: write mqtt://, mqtts://, ws:// or wss:// and a host", u.Scheme)
	}
	b := Broker{Network: s.network, User: u.User.Username()}
	b.Password, _ = u.User.Password()
	if b.User == "" && b.Password != "" {
		return Broker{}, errors.New("the broker's address has a password but no user: MQTT knows no password without a user")
	}
	switch s.network {
	case "unix":
		b.Address = u.Host + u.Path
	case "ws", "wss":
		b.Path = u.RequestURI()
	default:
		if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			return Broker{}, errors.New("nothing may follow the port in the broker's address: only websockets have a path")
		}
	}
	if s.network != "unix" {
		b.Address, err = hostPort(u, s.port)
	} else if b.Address == "" {
		err = errors.New("the broker's address names no socket: write unix:///run/broker.sock")
	}
	return b, err
}

// String is the address without user, password and query.
func (b Broker) String() string {
	path, _, _ := strings.Cut(b.Path, "?")
	return b.Network + "://" + b.Address + path
}

// GoString keeps the password out of %#v.
func (b Broker) GoString() string { return strconv.Quote(b.String()) }

// host is what the broker's certificate must be for.
func (b Broker) host() string {
	host, _, err := net.SplitHostPort(b.Address)
	if err != nil {
		return b.Address
	}
	return host
}

// hostPort checks what the url package leaves open: it takes a port of any size
// and nearly anything as a host.
func hostPort(u *url.URL, port string) (string, error) {
	host := u.Hostname()
	if host == "" {
		return "", errors.New("the broker's address names no host: write mqtt://host")
	}
	if _, err := netip.ParseAddr(host); err != nil && strings.ContainsFunc(host, notInHost) {
		return "", errBadURL
	}
	if written := u.Port(); written != "" {
		n, err := strconv.ParseUint(written, 10, 16)
		if err != nil || n == 0 {
			return "", errors.New("the port of the broker's address must be a number from 1 to 65535")
		}
		port = strconv.FormatUint(n, 10)
	}
	return net.JoinHostPort(host, port), nil
}

// notInHost is what no host name has; letters of all languages may be in one.
func notInHost(r rune) bool {
	return r != '-' && r != '.' && r != '_' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
}

// login names the user in a sentence.
func (b Broker) login() string {
	if b.User == "" {
		return "a client without a user"
	}
	return "user " + strconv.Quote(b.User)
}
