package cluster_test

import (
	"testing"
	"time"
)

// TestShort is the cluster in a minute: one process is killed and comes back, one is frozen
// for longer than its lease while a NATS server is killed, and a link is cut.
func TestShort(t *testing.T) {
	w := newWorld(t, 20, 3)
	random := w.random()
	w.even()
	u, published := w.publishOver(100, 40*time.Second)
	bridges := random.Perm(len(w.bridges))
	killed, frozen := w.bridges[bridges[0]], w.bridges[bridges[1]]
	server := random.IntN(serverCount)

	w.quick("kill", w.kill(killed))
	w.restart(killed)
	w.nats.kill(server)
	w.freeze(frozen, 20*time.Second)
	w.nats.start(server)
	links := w.links(w.bridges[bridges[2]], server)
	w.sever(links[random.IntN(len(links))], 5*time.Second)
	<-published
	w.settled(u)
}
