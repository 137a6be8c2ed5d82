package mqttapi

import (
	"fmt"
	"slices"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// window is how many retained values are sent ahead of their acknowledgements.
const window = 16

// flight is a retained value that is not confirmed yet.
type flight struct {
	*publication
	token mqtt.Token
}

// announce says Online once all subscriptions stand and everything that was
// retained at the start of the call is confirmed.
func (k *call) announce() {
	if k.announced || !k.granted || k.conn.retained.owes() {
		return
	}
	k.announced = true
	k.say(Online)
	if k.conn.cfg.Availability == "" {
		k.up = true
		k.well()
	}
}

// say retains an availability, which is too short to be refused. Only a call
// does it, so that what held for the last one is never said at the start of the next.
func (k *call) say(availability string) {
	if topic := k.conn.cfg.Availability; topic != "" {
		_ = k.conn.retained.set(&publication{topic: topic, payload: []byte(availability), retained: true})
	}
}

// launch sends the retained values that have changed, as far as the window goes.
func (k *call) launch() {
	for len(k.flights) < window {
		p := k.conn.retained.next()
		if p == nil {
			return
		}
		k.flights = append(k.flights, flight{p, k.put(p)})
	}
}

// oldest is closed when the first flight has ended; brokers acknowledge in order.
func (k *call) oldest() <-chan struct{} {
	if len(k.flights) == 0 {
		return nil
	}
	return k.flights[0].token.Done()
}

// confirm ends the oldest flight.
func (k *call) confirm() {
	f := k.flights[0]
	k.flights = slices.Delete(k.flights, 0, 1)
	if err := f.token.Error(); err != nil {
		k.wire.fail(fmt.Errorf("publish to %s: %w", f.topic, err))
		return
	}
	k.landed(f.publication)
	k.conn.retained.confirm(f.publication)
	if f.topic == k.conn.cfg.Availability && string(f.payload) == Online {
		k.up = true
	}
	k.well()
}

// well reports a working connection, which may still have something amiss.
func (k *call) well() {
	if k.up {
		k.conn.report(true, k.conn.concern(), nil)
	}
}

// settle sends retained values until enough is closed or, without it, until none
// is left. It gives up after a time and when the call is lost.
func (k *call) settle(enough <-chan struct{}) bool {
	limit := time.NewTimer(k.conn.pace.goodbye)
	defer limit.Stop()
	for {
		k.launch()
		if enough == nil && len(k.flights) == 0 {
			return true
		}
		select {
		case <-enough:
			return true
		case <-k.oldest():
			k.confirm()
		case <-k.conn.retained.wake:
		case <-k.wire.gone:
			return false
		case <-limit.C:
			return false
		}
	}
}

// put hands a publication to paho. It may be called from any goroutine.
func (k *call) put(p *publication) mqtt.Token {
	k.mu.Lock()
	k.inFlight[p] = time.Now()
	k.mu.Unlock()
	return k.client.Publish(p.topic, 1, p.retained, p.payload)
}

// landed notes that the broker has a publication, or that nobody waits for it.
func (k *call) landed(p *publication) {
	k.mu.Lock()
	delete(k.inFlight, p)
	k.mu.Unlock()
}

// suspect is what the broker may have hung up on: the largest publication it
// was given last and did not confirm. Brokers close the connection of an MQTT 3.1.1 client that sends more than they
// take, without a word; a small publication is not suspected.
func (k *call) suspect() *publication {
	k.mu.Lock()
	defer k.mu.Unlock()
	var largest *publication
	for p, at := range k.inFlight {
		if k.died.Sub(at) < shortCall && len(p.payload) >= suspectSize && (largest == nil || len(p.payload) > len(largest.payload)) {
			largest = p
		}
	}
	return largest
}
