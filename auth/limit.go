package auth

import (
	"maps"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

// What one visitor may ask for: a link takes three requests, and a hasty person reloads a few times.
const (
	visitRate   = rate.Limit(1) // requests per second
	visitBurst  = 20
	maxVisitors = 1024 // remembered at a time
)

// limiter bounds requests per visitor: one IPv4 address, or one IPv6 network of 64 bits, which is what one
// household has. Behind a reverse proxy all visitors are one, for nothing in a header is believed.
type limiter struct {
	mu sync.Mutex
	of map[netip.Prefix]*rate.Limiter
}

// allow reports whether the visitor may be served now. While too many visitors are remembered, those whose budget
// is whole again are forgotten, and if there is none, a new one is turned away.
func (l *limiter) allow(visitor netip.Addr) bool {
	network := networkOf(visitor)
	l.mu.Lock()
	defer l.mu.Unlock()
	budget, known := l.of[network]
	if !known {
		if len(l.of) >= maxVisitors {
			maps.DeleteFunc(l.of, func(_ netip.Prefix, b *rate.Limiter) bool { return b.Tokens() >= visitBurst })
		}
		if len(l.of) >= maxVisitors {
			return false
		}
		budget = rate.NewLimiter(visitRate, visitBurst)
		l.of[network] = budget
	}
	return budget.Allow()
}

// networkOf gives the zero prefix for an address that is none, so that all of those share one budget.
func networkOf(visitor netip.Addr) netip.Prefix {
	visitor = visitor.Unmap()
	bits := 64
	if visitor.Is4() {
		bits = 32
	}
	network, err := visitor.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
