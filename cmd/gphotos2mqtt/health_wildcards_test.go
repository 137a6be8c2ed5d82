package main

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// withoutWildcards is a broker that gives what is retained to filters without wildcards alone, as RabbitMQ does. It returns its address.
func withoutWildcards(t *testing.T, retained map[string]string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serveExact(conn, retained) })
		}
	})
	return "mqtt://" + l.Addr().String()
}

func serveExact(conn net.Conn, retained map[string]string) {
	defer conn.Close()
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		switch p := p.(type) {
		case *packets.ConnectPacket:
			_ = packets.NewControlPacket(packets.Connack).Write(conn)
		case *packets.SubscribePacket:
			granted := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			granted.MessageID, granted.ReturnCodes = p.MessageID, p.Qoss
			_ = granted.Write(conn)
			for _, topic := range p.Topics {
				if payload, ok := retained[topic]; ok {
					m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
					m.TopicName, m.Payload, m.Retain = topic, []byte(payload), true
					_ = m.Write(conn)
				}
			}
		case *packets.PublishPacket:
			taken := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			taken.MessageID = p.MessageID
			_ = taken.Write(conn)
		}
	}
}

func TestHealthWithoutWildcards(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		garden, attic string // attic is an entry that was added
		want          string
	}{
		"all online": {"online", "online", ""},
		"one away":   {"offline", "online", `unhealthy: entry garden is "offline"`},
		"one silent": {"online", "", "unhealthy: no availability at the broker of entry attic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			retained := map[string]string{
				"gphotos/home/availability": "online", "gphotos/garden/availability": test.garden,
				"gphotos/bridge/info": `{"entries": ["attic", "garden", "home"]}`,
			}
			if test.attic != "" {
				retained["gphotos/attic/availability"] = test.attic
			}
			environ := with(minimal, "ENTRIES=home,garden", "MQTT_URL="+withoutWildcards(t, retained))
			var out bytes.Buffer
			err := health(t.Context(), read(t, environ), &out)
			if test.want == "" && (err != nil || out.String() != "healthy\n") || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("%v, %q; want %q", err, out.String(), test.want)
			}
		})
	}
}
