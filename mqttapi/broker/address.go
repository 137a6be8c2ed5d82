package broker

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"gphotos2mqtt/auth/secret"
)

// Address is where an MQTT broker is and how it is spoken to, as ParseURL reads it. Printed in any way it shows neither user nor password.
type Address struct {
	Network  string      // tcp, tls, ws, wss or unix
	Host     string      // host and port; for unix the path of the socket
	Path     string      // path and query of a websocket, else empty
	User     string      // may be empty
	Password secret.Text // may be empty
}

// schemes are those of paho.mqtt.golang without its rarer synonyms, with the network and the port that is meant when none is written,
// which is IANA's (https://www.iana.org/assignments/service-names-port-numbers).
var schemes = map[string]struct{ network, port string }{
	"tcp": {"tcp", "1883"}, "mqtt": {"tcp", "1883"},
	"ssl": {"tls", "8883"}, "tls": {"tls", "8883"}, "mqtts": {"tls", "8883"},
	"ws": {"ws", "80"}, "wss": {"wss", "443"},
	"unix": {"unix", ""},
}

var (
	hostName = regexp.MustCompile(`^[-._\p{L}\p{M}\p{Nd}]+$`) // letters of all languages
	// errBadURL does not repeat what was written, because a password may be part of it.
	errBadURL = errors.New("not the address of a broker: write mqtt://host, mqtts://host, ws://host/path or wss://host/path, " +
		"with :port where it is not the usual one, and % signs for special characters in a user or password")
)

// ParseURL reads a broker's address. Default ports 1883, TLS 8883, websockets 80 and 443. The error says what to write, no password.
func ParseURL(text string) (Address, error) {
	if _, rest, ok := strings.Cut(text, "://"); ok && bareIPv6(rest) {
		return Address{}, errors.New("an IPv6 address stands in brackets: write mqtt://[2001:db8::1] or mqtt://[2001:db8::1]:1883")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Opaque != "" || u.Fragment != "" {
		return Address{}, errBadURL
	}
	s, ok := schemes[u.Scheme]
	if !ok {
		return Address{}, fmt.Errorf("no broker is reached by %q: write mqtt://, mqtts://, ws:// or wss:// and a host", u.Scheme)
	}
	password, _ := u.User.Password()
	a := Address{Network: s.network, User: u.User.Username(), Password: secret.Text(password)}
	web := a.Network == "ws" || a.Network == "wss"
	switch {
	case a.User == "" && password != "":
		return Address{}, errors.New("the broker's address has a password but no user: MQTT knows no password without a user")
	case a.Network == "unix" && u.Host+u.Path == "":
		return Address{}, errors.New("the broker's address names no socket: write unix:///run/broker.sock")
	case a.Network == "unix":
		a.Host = u.Host + u.Path
		return a, nil
	case web:
		a.Path = u.RequestURI()
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return Address{}, errors.New("nothing may follow the port in the broker's address: only websockets have a path")
	}
	// The url package takes a port of any size and nearly anything as a host.
	host := u.Hostname()
	_, noIP := netip.ParseAddr(host)
	port, err := strconv.ParseUint(cmp.Or(u.Port(), s.port), 10, 16)
	switch {
	case host == "":
		return Address{}, errors.New("the broker's address names no host: write mqtt://host")
	case noIP != nil && !hostName.MatchString(host):
		return Address{}, errBadURL
	case err != nil || port == 0:
		return Address{}, errors.New("the port of the broker's address must be a number from 1 to 65535")
	}
	a.Host = net.JoinHostPort(host, strconv.FormatUint(port, 10))
	return a, nil
}

// bareIPv6 reports whether an address without its scheme has an IPv6 host, with a port or not, and no brackets.
func bareIPv6(rest string) bool {
	rest, _, _ = strings.Cut(rest, "/")
	host := rest[strings.LastIndex(rest, "@")+1:]
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Is6() || strings.Count(host, ":") > 2 && !strings.ContainsAny(host, "[]")
}

// String is the address without user, password and query.
func (a Address) String() string {
	return a.Network + "://" + a.Host + strings.SplitN(a.Path, "?", 2)[0]
}

// GoString is String for %#v.
func (a Address) GoString() string { return strconv.Quote(a.String()) }

func (a Address) login() string {
	if a.User == "" {
		return "a client without a user"
	}
	return "user " + strconv.Quote(a.User)
}
