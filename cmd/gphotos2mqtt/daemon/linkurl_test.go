package daemon

import (
	"net/netip"
	"testing"

	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// Pages that listen on every address are found at the machine's own; a setting counts before it.
func TestLinkURL(t *testing.T) {
	t.Parallel()
	if got := LinkURL(config.Config{HTTPListen: "0.0.0.0:8099", LinkURL: "https://photos.example.org"}); got != "https://photos.example.org" {
		t.Errorf("the setting became %s", got)
	}
	address := outbound()
	if !address.IsValid() {
		t.Skip("this machine has no way to others")
	}
	want := ""
	if !inContainer() || physical(address) {
		want = "http://" + netip.AddrPortFrom(address, 8099).String()
	}
	for _, every := range []string{"0.0.0.0:8099", ":8099", "[::]:8099"} {
		if got := LinkURL(config.Config{HTTPListen: every}); got != want {
			t.Errorf("%s: %q, want %q", every, got, want)
		}
	}
	if physical(netip.MustParseAddr("127.0.0.1")) || physical(netip.MustParseAddr("203.0.113.9")) {
		t.Error("an address of no device passes for one")
	}
}
