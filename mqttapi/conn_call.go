package mqttapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// denied is the return code of a subscription that is refused
// (https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718071).
const denied = 0x80

// quiesce is how long DISCONNECT may take to leave, in milliseconds.
const quiesce = 250

// call is one connection to the broker, from CONNACK to its end.
type call struct {
	conn     *Conn
	client   mqtt.Client
	wire     *wire
	born     time.Time  // when the attempt ended, one way or the other
	died     time.Time  // when an accepted call ended
	ended    chan error // what paho found wrong
	accepted bool       // CONNACK said yes

	// What follows belongs to the goroutine in run.
	suback    mqtt.Token  // nil while no answer is awaited
	patience  *time.Timer // until an answer is overdue, or until the next question
	granted   bool        // all subscriptions stand
	announced bool        // Online is on its way or out
	up        bool        // Online is confirmed
	flights   []flight    // oldest first

	mu       sync.Mutex
	inFlight map[*publication]time.Time // when each was handed over
}

func newCall(c *Conn) *call {
	return &call{conn: c, ended: make(chan error, 1), inFlight: map[*publication]time.Time{}}
}

// run carries the call until it is lost, which is the error, or ctx ends.
func (k *call) run(ctx context.Context) error {
	c := k.conn
	c.retained.begin(c.cfg.Availability)
	k.patience = time.NewTimer(c.pace.connect)
	defer k.patience.Stop()
	k.subscribe()
	c.attach(k)
	defer c.attach(nil)
	calm := time.NewTimer(c.pace.calm)
	defer calm.Stop()
	for {
		k.announce()
		k.launch()
		select {
		case <-done(k.suback):
			k.subscribed()
		case <-k.patience.C:
			k.impatient()
		case <-k.oldest():
			k.confirm()
		case <-c.retained.wake:
		case <-calm.C:
			c.troubles.calm()
			k.well()
		case <-k.wire.gone:
			return k.lost()
		case <-ctx.Done():
			k.goodbye()
			return nil
		}
	}
}

// subscribe asks for all subscriptions at once.
func (k *call) subscribe() {
	filters := map[string]byte{}
	for _, sub := range k.conn.cfg.Subscriptions {
		filters[sub.Filter] = sub.QoS
	}
	if len(filters) == 0 {
		k.granted = true
		k.patience.Stop()
		return
	}
	k.suback = k.client.SubscribeMultiple(filters, nil)
}

// subscribed reads the answer. paho reports a refused subscription as a success.
func (k *call) subscribed() {
	token := k.suback.(*mqtt.SubscribeToken)
	k.suback = nil
	if err := token.Error(); err != nil {
		k.wire.fail(fmt.Errorf("subscribe: %w", err))
		return
	}
	granted := token.Result()
	var refused []string
	for _, sub := range k.conn.cfg.Subscriptions {
		if code, ok := granted[sub.Filter]; !ok || code == denied {
			refused = append(refused, sub.Filter)
		}
	}
	if len(refused) == 0 {
		k.granted = true
		k.patience.Stop()
		return
	}
	// What is still to be sent can go out without commands coming in, and whoever mends the broker's access list need
	// not restart anything here: stay, say offline, ask again.
	k.patience.Reset(k.conn.pace.retry)
	k.say(Offline)
	k.conn.report(false, "the broker does not let "+k.conn.broker.login()+" subscribe to "+strings.Join(refused, " and "), nil)
}

// impatient ends a call whose broker does not answer, and asks for refused
// subscriptions again.
func (k *call) impatient() {
	if k.suback != nil {
		k.wire.fail(errors.New("the broker does not answer SUBSCRIBE"))
		return
	}
	k.patience.Reset(k.conn.pace.connect)
	k.subscribe()
}

// lost finds out why, and lets paho take the client apart before the next begins.
func (k *call) lost() error {
	k.died = time.Now()
	err := k.wire.cause()
	if errors.Is(err, net.ErrClosed) { // by paho: a ping was not answered, or what came was no MQTT
		select {
		case err = <-k.ended:
		case <-time.After(flushLimit):
			err = errWire
		}
	}
	k.client.Disconnect(quiesce)
	return err
}

// goodbye stops the intake, sends what is left, says Offline and disconnects.
func (k *call) goodbye() {
	k.settle(k.conn.intake.shut())
	k.say(Offline)
	if !k.settle(nil) {
		// Without DISCONNECT the broker publishes the will, so availability is right once it notices.
		k.wire.fail(errors.New("the broker did not confirm what was sent last"))
	}
	k.client.Disconnect(quiesce)
}

// done is the token's channel, or one that never closes when there is no token.
func done(token mqtt.Token) <-chan struct{} {
	if token == nil {
		return nil
	}
	return token.Done()
}
