package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/url"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gphotos2mqtt/mqttapi"
)

// A show is the demo's audience: it subscribes to everything, prints one line for
// each message, and sends the first photo.
type show struct {
	config Config
	google string // address of the simulator
	out    io.Writer
}

// run prints until ctx ends.
func (s *show) run(ctx context.Context) error {
	messages := make(chan mqtt.Message, 64)
	client := mqtt.NewClient(mqtt.NewClientOptions().
		AddBroker(s.config.MQTTURL).SetProtocolVersion(4).SetClientID(s.config.MQTTClientID + "-demo-show").
		SetUsername(s.config.MQTTUser).SetPassword(string(s.config.MQTTPassword)).SetTLSConfig(s.config.MQTTTLS).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			select {
			case messages <- m:
			case <-ctx.Done():
			}
		}))
	defer client.Disconnect(250)
	if err := wait(ctx, client.Connect()); err != nil {
		return s.stopped(ctx, fmt.Errorf("connect to %s: %w", s.config.MQTTURL, err))
	}
	if err := wait(ctx, client.Subscribe(s.config.Topic+"/#", 1, nil)); err != nil {
		return s.stopped(ctx, fmt.Errorf("subscribe: %w", err))
	}
	topics := mqttapi.Topics{Root: s.config.Topic, Entry: demoEntry}
	ready := false
	for {
		select {
		case m := <-messages:
			s.print(m)
			if !ready && m.Topic() == topics.Availability() && string(m.Payload()) == mqttapi.Online {
				ready = true
				s.welcome(topics)
				if err := wait(ctx, client.Publish(topics.Upload(), 1, false, drawPhoto(time.Now()))); err != nil {
					return s.stopped(ctx, fmt.Errorf("publish the first photo: %w", err))
				}
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// stopped hides an error that only the end of the demo caused.
func (s *show) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // a stop is no failure
	}
	return err
}

// welcome says that the bridge is online, and what to try.
func (s *show) welcome(topics mqttapi.Topics) {
	at := ""
	if u, err := url.Parse(s.config.MQTTURL); err == nil && u.Host != "127.0.0.1:1883" && u.Host != "localhost:1883" {
		at = " -h " + u.Hostname() + " -p " + u.Port()
	}
	fmt.Fprintf(s.out, `ready

The bridge is online, with a simulated Google at %s. Try, in another terminal:

  mosquitto_pub%s -t %s -f photo.jpg
  mosquitto_sub%s -t '%s/#' -v
  mosquitto_pub%s -t %s -m '{"title": "Front door"}'

Control-C ends it. What happens on the topics:

`, s.google, at, topics.Upload(), at, s.config.Topic, at, topics.Request(mqttapi.VerbAlbumCreate))
}

// print shows one message in one line.
func (s *show) print(m mqtt.Message) {
	text := strings.Join(strings.Fields(summary(m.Topic(), m.Payload())), " ")
	if runes := []rune(text); len(runes) > lineMax {
		text = string(runes[:lineMax]) + "…"
	}
	fmt.Fprintf(s.out, "%s  %-28s %s\n", time.Now().Format("15:04:05.000"), m.Topic(), text)
}

// lineMax is how many characters of a message are shown.
const lineMax = 160

// drawPhoto makes a JPEG that no other start of the demo has made before: a
// sunset whose sun stands where the seconds hand does.
func drawPhoto(at time.Time) []byte {
	const width, height = 640, 400
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	sunX := (at.Second()*1000 + at.Nanosecond()/1e6) * width / 60000
	for y := range height {
		for x := range width {
			c := color.RGBA{R: uint8(255 - y/4), G: uint8(170 - y/3), B: uint8(80 + y/4), A: 255}
			if dx, dy := x-sunX, y-height*2/3; dx*dx+dy*dy < 45*45 && y < height*3/4 {
				c = color.RGBA{R: 255, G: 240, B: 190, A: 255}
			} else if y >= height*3/4 {
				c = color.RGBA{R: 30, G: uint8(40 + (x+y*7)%24), B: 80, A: 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, nil) // a buffer takes everything
	return b.Bytes()
}
