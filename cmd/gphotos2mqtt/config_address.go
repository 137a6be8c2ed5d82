package main

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/mqttapi"
)

// checkBroker sees that the broker can be reached as the settings say, or that
// the built-in one may listen where they say.
func (r *reader) checkBroker(c *Config) {
	r.want(clientID.MatchString(c.MQTTClientID), "MQTT_CLIENT_ID", "write 1 to 64 letters, digits, _ and -")
	r.want(c.MQTTPassword == "" || c.MQTTUser != "", "MQTT_USER", "write the user that "+prefix+"MQTT_PASSWORD belongs to; MQTT has no password without a user")
	if c.MQTTURL == "" {
		host, _, ok := hostPort(c.MQTTListen)
		r.want(ok, "MQTT_LISTEN", "write an address and a port, such as 127.0.0.1:1883")
		r.want(c.MQTTUser == "" || c.MQTTPassword != "", "MQTT_PASSWORD", "write the password that "+prefix+"MQTT_USER shall have at the built-in broker")
		r.want(isLoopback(host) || c.MQTTUser != "", "MQTT_LISTEN",
			"set "+prefix+"MQTT_USER and "+prefix+"MQTT_PASSWORD too, because other machines can reach this address; or write 127.0.0.1:1883")
	}
	r.checkTLS(c, r.brokerNetwork(c))
}

// brokerNetwork is how the broker is reached, see mqttapi.Broker; "" for the
// built-in one, and when the address is wrong.
func (r *reader) brokerNetwork(c *Config) string {
	if c.MQTTURL == "" {
		return ""
	}
	broker, err := mqttapi.ParseURL(c.MQTTURL)
	if err != nil {
		r.fail(prefix+"MQTT_URL", err.Error())
		return ""
	}
	r.want(broker.User == "", "MQTT_URL", "write the user in "+prefix+"MQTT_USER and the password in "+prefix+"MQTT_PASSWORD, the address without them")
	return broker.Network
}

// callbackPath is where auth.Handler takes the browser back from Google.
const callbackPath = "/oauth/callback"

// RedirectURL is the address to register in Google's console.
func (c Config) RedirectURL() string { return c.PublicURL + callbackPath }

// checkHTTP sees that a browser can come back from Google to the linking pages.
func (r *reader) checkHTTP(c *Config) {
	_, port, ok := hostPort(c.HTTPListen)
	r.want(ok, "HTTP_LISTEN", "write an address and a port, such as 127.0.0.1:8099")
	if c.PublicURL == "" {
		c.PublicURL = "http://localhost:" + port
	}
	c.PublicURL = strings.TrimRight(strings.TrimSuffix(c.PublicURL, callbackPath), "/")
	if err := auth.CheckRedirect(c.RedirectURL()); err != nil {
		r.fail(prefix+"PUBLIC_URL", err.Error())
	}
	if c.LinkURL == "" {
		c.LinkURL = c.linkURL()
	} else {
		_, ok = plainAddress(c.LinkURL)
		r.want(ok, "LINK_URL", "write the address a browser reaches the bridge at, such as http://192.168.1.10:8099")
	}
	c.LinkURL = strings.TrimRight(c.LinkURL, "/")
}

// linkURL is where a browser reaches the linking pages, as far as that is known;
// empty when they listen on every address of a machine or container, whose name
// for others nobody has said.
func (c Config) linkURL() string {
	host, port, _ := hostPort(c.HTTPListen)
	if public, err := url.Parse(c.PublicURL); err == nil && !isLoopback(public.Hostname()) || isLoopback(host) {
		return c.PublicURL
	}
	if address, err := netip.ParseAddr(host); host == "" || err == nil && address.IsUnspecified() {
		return ""
	}
	return "http://" + net.JoinHostPort(host, port)
}

// plainAddress parses an http or https address without user, query and fragment.
func plainAddress(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(address, "?#") {
		return nil, false
	}
	return u, u.Scheme == "http" || u.Scheme == "https"
}

// safeAddress tells whether tokens may be sent to an address: over TLS, or
// without leaving the machine.
func safeAddress(address string) bool {
	u, ok := plainAddress(address)
	return ok && (u.Scheme == "https" || isLoopback(u.Hostname()))
}

// hostPort splits a listening address; an empty host means every address of the machine.
func hostPort(address string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", "", false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return host, port, err == nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
