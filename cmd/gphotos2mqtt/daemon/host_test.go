package daemon

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// runDaemon runs a bridge until the test ends.
func runDaemon(t *testing.T, lines ...string) *Daemon {
	t.Helper()
	c := read(t, with(minimal, append(lines, "DATA_DIR="+t.TempDir(), "MQTT_LISTEN=127.0.0.1:0", "HTTP_LISTEN=127.0.0.1:0",
		"PUBLIC_URL=http://localhost:8099")...))
	ctx, stop := context.WithCancel(t.Context())
	d, err := Open(ctx, c, "v1", logTo(t.Output()))
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := d.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return d
}

// subscribe connects to the built-in broker of a bridge; what comes is handed to got.
func subscribe(t *testing.T, d *Daemon, filter string, got func(topic, payload string)) mqtt.Client {
	t.Helper()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + d.Settings().MQTTListen).SetClientID(t.Name()))
	done := func(token mqtt.Token) {
		t.Helper()
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	done(client.Connect())
	t.Cleanup(func() { client.Disconnect(100) })
	done(client.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) { got(m.Topic(), string(m.Payload())) }))
	return client
}

// An entry that is stopped leaves nothing in the process, and its session at the broker.
func TestRunEntry(t *testing.T) {
	d := runDaemon(t, "LOG_LEVEL=error")
	online, answered := make(chan string, 1000), make(chan string, 10)
	client := subscribe(t, d, "gphotos/#", func(topic, payload string) {
		switch entry := strings.Split(topic, "/")[1]; {
		case strings.HasSuffix(topic, "/availability") && payload == "online" && entry != "home":
			online <- entry
		case topic == "gphotos/garden-0/response/jobs":
			answered <- payload
		}
	})
	var links []weak.Pointer[auth.Link] // whatever holds an entry holds its link
	once := func(n int) {
		t.Helper()
		name := fmt.Sprintf("garden-%d", n%5)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()
		running.Go(func() {
			if err := d.host.runEntry(ctx, config.Entry{Name: name, ClientID: "id", ClientSecret: "hush", MirrorItems: 1}, func() {}); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		for end := time.After(time.Minute); ; {
			select {
			case entry := <-online:
				if entry != name {
					continue
				}
			case <-end:
				t.Fatalf("%s is not online", name)
			}
			break
		}
		for _, l := range d.links.here.All() {
			if l.Entry() == name {
				links = append(links, weak.Make(l))
			}
		}
	}
	for n := range 5 { // so that the broker has all sessions
		once(n)
	}
	client.Publish("gphotos/garden-0/request/jobs", 1, false, `{"transaction": 1}`).Wait()
	goroutines := runtime.NumGoroutine()
	for n := range 50 {
		once(n)
	}
	if got := <-answered; got == "" {
		t.Error("the command that was sent to a stopped entry had an empty answer")
	}
	held := func() (n int) {
		runtime.GC()
		for _, l := range links {
			if l.Value() != nil {
				n++
			}
		}
		return n
	}
	for try := 0; held() > 0 || runtime.NumGoroutine() > goroutines; try++ { // the broker and the runtime end some in their own time
		if time.Sleep(50 * time.Millisecond); try == 200 {
			t.Fatalf("%d entries of %d are still held, %d goroutines, %d after one run", held(), len(links), runtime.NumGoroutine(), goroutines)
		}
	}
	if len(links) != 55 {
		t.Errorf("%d entries have run", len(links))
	}
}
