package daemon

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// LinkURL is where a browser reaches the pages: as the settings say, else, for pages that listen on every address, at the address with
// which this machine goes out. Empty when that is no other machine's way in.
func LinkURL(c config.Config) string {
	if c.LinkURL != "" {
		return c.LinkURL
	}
	_, port, err := net.SplitHostPort(c.HTTPListen)
	address := outbound()
	if err != nil || !address.IsValid() || inContainer() && !physical(address) {
		return ""
	}
	return "http://" + net.JoinHostPort(address.String(), port)
}

// outbound is the machine's own address towards others, from RFC 5737 and RFC 3849. Choosing a way sends nothing with UDP.
func outbound() netip.Addr {
	for _, other := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} {
		conn, err := new(net.Dialer).DialContext(context.Background(), "udp", other)
		if err != nil {
			continue
		}
		local, err := netip.ParseAddrPort(conn.LocalAddr().String())
		_ = conn.Close()
		if address := local.Addr().Unmap().WithZone(""); err == nil && address.IsGlobalUnicast() {
			return address
		}
	}
	return netip.Addr{}
}

// inContainer tells by what Docker, Podman and Kubernetes leave there.
func inContainer() bool {
	left := func(path string) bool { _, err := os.Stat(path); return err == nil }
	return left("/.dockerenv") || left("/run/.containerenv") || left("/var/run/secrets/kubernetes.io")
}

// physical reports whether the address is that of a device; the network of a container has none, unless it is the machine's.
// https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-net
func physical(address netip.Addr) bool {
	devices, _ := filepath.Glob("/sys/class/net/*/device")
	return slices.ContainsFunc(devices, func(device string) bool {
		i, err := net.InterfaceByName(filepath.Base(filepath.Dir(device)))
		if err != nil {
			return false
		}
		addresses, _ := i.Addrs()
		return slices.ContainsFunc(addresses, func(a net.Addr) bool {
			prefix, err := netip.ParsePrefix(a.String())
			return err == nil && prefix.Addr() == address
		})
	})
}

// free tells, before anything else happens, that the linking pages could not be served.
func free(ctx context.Context, address string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("the linking pages cannot be served: end what listens there, or set %sHTTP_LISTEN to another address: %w",
			config.Prefix, err)
	}
	return l.Close()
}
