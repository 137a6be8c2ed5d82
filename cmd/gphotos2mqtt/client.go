package main

import (
	"context"
	"crypto/rand"
	"fmt"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// refused is the return code of a subscription that the broker does not allow:
// https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718071.
const refused = 0x80

// dial connects to the broker of the settings as an onlooker beside the bridge,
// with a client id and a session of its own, so that it never takes over the
// bridge's, and subscribes. What arrives is put into the channel until ctx ends.
func (c Config) dial(ctx context.Context, role string, arrived chan<- mqtt.Message, topics ...string) (mqtt.Client, error) {
	client := mqtt.NewClient(mqtt.NewClientOptions().
		AddBroker(c.brokerURL()).
		SetProtocolVersion(4). // 3.1.1; without it a refusal is tried a second time as 3.1
		SetClientID(c.MQTTClientID + "-" + role + "-" + rand.Text()).
		SetUsername(c.MQTTUser).
		SetPassword(string(c.MQTTPassword)).
		SetTLSConfig(c.MQTTTLS).
		SetConnectTimeout(healthLimit).
		SetAutoReconnect(false).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			select {
			case arrived <- m:
			case <-ctx.Done():
			}
		}))
	err := wait(ctx, client.Connect())
	if err != nil {
		err = fmt.Errorf("connect to %s: %w", c.brokerURL(), err)
	} else {
		err = c.subscribe(ctx, client, topics)
	}
	if err != nil {
		client.Disconnect(0)
		return nil, err
	}
	return client, nil
}

func (c Config) subscribe(ctx context.Context, client mqtt.Client, topics []string) error {
	filters := make(map[string]byte)
	for _, topic := range topics {
		filters[topic] = 1
	}
	subscribed := client.SubscribeMultiple(filters, nil)
	if err := wait(ctx, subscribed); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	for topic, code := range subscribed.(*mqtt.SubscribeToken).Result() {
		if code == refused {
			return fmt.Errorf("the broker refuses user %q to read %s", c.MQTTUser, topic)
		}
	}
	return nil
}
