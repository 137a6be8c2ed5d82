package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"gphotos2mqtt/photos/photosim"
)

// settings are the addresses with which gphotos2mqtt uses a simulator that listens on addr, ready for its environment.
func settings(addr string) string {
	at := photosim.EndpointsAt("http://" + reachable(addr))
	return fmt.Sprintf(`GPHOTOS_GOOGLE_AUTH_URL=%s
GPHOTOS_GOOGLE_TOKEN_URL=%s
GPHOTOS_GOOGLE_REVOKE_URL=%s
GPHOTOS_GOOGLE_USERINFO_URL=%s
GPHOTOS_GOOGLE_LIBRARY_URL=%s
`, at.AuthURL, at.TokenURL, at.RevokeURL, at.UserInfoURL, at.Library)
}

// reachable puts the local host in place of "all addresses", to which nobody can connect.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
