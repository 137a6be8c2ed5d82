package broker

import (
	"bufio"
	"net"
	"sync"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// fake is a broker that answers as a test has it: as other brokers than Mosquitto do, or as none should.
type fake struct {
	addr string
	work sync.WaitGroup

	mu    sync.Mutex // guards all below
	conns []net.Conn
	ids   []string // of each CONNECT
}

// startFake serves until the test ends. answer gets each packet with the client id of its connection, and says what is sent for it;
// false hangs up then.
func startFake(t *testing.T, answer func(id string, p packets.ControlPacket) ([]packets.ControlPacket, bool)) *fake {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{addr: ln.Addr().String()}
	f.work.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, conn)
			f.mu.Unlock()
			f.work.Go(func() { f.serve(conn, answer) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		f.cut()
		f.work.Wait()
	})
	return f
}

func (f *fake) serve(conn net.Conn, answer func(id string, p packets.ControlPacket) ([]packets.ControlPacket, bool)) {
	defer conn.Close()
	id := ""
	for in := bufio.NewReader(conn); ; {
		p, err := packets.ReadPacket(in)
		if err != nil {
			return
		}
		if hello, ok := p.(*packets.ConnectPacket); ok {
			id = hello.ClientIdentifier
			f.mu.Lock()
			f.ids = append(f.ids, id)
			f.mu.Unlock()
		}
		answers, stay := answer(id, p)
		for _, a := range answers {
			if a.Write(conn) != nil {
				return
			}
		}
		if !stay {
			return
		}
	}
}

// cut ends all connections.
func (f *fake) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range f.conns {
		_ = conn.Close()
	}
	f.conns = nil
}

// connections is how many sessions of an id have begun.
func (f *fake) connections(id string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, other := range f.ids {
		if other == id {
			n++
		}
	}
	return n
}

// plainly answers as MQTT has it; present is what CONNACK says of a session from before.
func plainly(p packets.ControlPacket, present bool) []packets.ControlPacket {
	switch v := p.(type) {
	case *packets.ConnectPacket:
		yes := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
		yes.SessionPresent = present
		return []packets.ControlPacket{yes}
	case *packets.SubscribePacket:
		granted := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
		granted.MessageID, granted.ReturnCodes = v.MessageID, v.Qoss
		return []packets.ControlPacket{granted}
	case *packets.PublishPacket:
		taken := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		taken.MessageID = v.MessageID
		return []packets.ControlPacket{taken}
	case *packets.PingreqPacket:
		return []packets.ControlPacket{packets.NewControlPacket(packets.Pingresp)}
	}
	return nil
}
