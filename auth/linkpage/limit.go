package linkpage

import (
	"maps"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

// limiter bounds requests per IPv4 address or household's IPv6 network. Behind a reverse proxy all are one: no header is believed.
type limiter struct {
	mu sync.Mutex // guards of
	of map[netip.Prefix]*rate.Limiter
}

// allow says if the visitor may be served. When full, whole budgets are forgotten, else new ones refused; the addressless share one.
func (l *limiter) allow(visitor netip.Addr) bool {
	network, _ := visitor.Prefix(min(visitor.BitLen(), 64))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[network] == nil {
		if len(l.of) >= maxVisitors {
			maps.DeleteFunc(l.of, func(_ netip.Prefix, b *rate.Limiter) bool { return b.Tokens() >= visitBurst })
		}
		if len(l.of) >= maxVisitors {
			return false
		}
		l.of[network] = rate.NewLimiter(visitRate, visitBurst)
	}
	return l.of[network].Allow()
}
