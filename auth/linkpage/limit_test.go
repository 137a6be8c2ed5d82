package linkpage

import (
	"context"
	"encoding/binary"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

func TestLimiterForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{of: map[netip.Prefix]*rate.Limiter{}}
		nth := func(n int) netip.Addr {
			return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n))))
		}
		for n := range maxVisitors {
			if !l.allow(nth(n)) {
				t.Fatalf("visitor %d was turned away", n)
			}
		}
		if l.allow(nth(maxVisitors)) {
			t.Error("remembers more visitors than it may")
		}
		for range 2 {
			if !l.allow(nth(0)) {
				t.Error("a known visitor was turned away")
			}
		}
		time.Sleep(time.Second)
		if !l.allow(nth(maxVisitors)) || len(l.of) != 2 {
			t.Errorf("%d visitors remembered; want the busy one and the new one", len(l.of))
		}
		if !l.allow(netip.Addr{}) || l.of[netip.Prefix{}] == nil {
			t.Error("no address is some network")
		}
	})
}

func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
