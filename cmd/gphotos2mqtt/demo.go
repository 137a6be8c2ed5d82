package main

import (
	"context"
	_ "embed" // the first photo
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

const demoEntry = "demo" // the only one

// demoSettings are the settings that the demo takes over from the environment; the others are its own.
var demoSettings = []string{
	"MQTT_URL", "MQTT_LISTEN", "MQTT_USER", "MQTT_PASSWORD", "MQTT_PASSWORD_FILE", "MQTT_CA", "MQTT_CERT", "MQTT_KEY",
	"DATA_DIR", "MEDIA_DIRS", "LOG_LEVEL", "LOG_FORMAT",
}

// demo shows the whole job on this machine until ctx ends: a simulated Google, the bridge with a linked entry, and a first photo.
func demo(ctx context.Context, environ []string, stdout, stderr io.Writer) (err error) {
	google, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer google.Close() //nolint:errcheck // the simulator has closed it, if it came to that
	// A free port for the linking pages, which Google's redirect must name.
	free, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	pages := free.Addr().(*net.TCPAddr) // it is one
	if err := free.Close(); err != nil {
		return err
	}
	sim := photosim.New(photosim.Config{Clients: []photosim.Client{{
		ID: photosim.DefaultClientID, Secret: photosim.DefaultClientSecret, Project: photosim.DefaultProject,
		RedirectURIs: []string{fmt.Sprintf("http://localhost:%d%s", pages.Port, auth.CallbackPath)},
	}}})
	defer func() { err = errors.Join(err, sim.Close()) }()
	const dataDir = config.Prefix + "DATA_DIR="
	if !slices.ContainsFunc(environ, func(line string) bool { return strings.HasPrefix(line, dataDir) && line != dataDir }) {
		var folder string
		if folder, err = os.MkdirTemp("", "gphotos2mqtt-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
		environ = append(slices.Clip(environ), dataDir+folder)
	}
	address := "http://" + google.Addr().String()
	c, _, err := config.Read(demoEnviron(environ, pages.String(), sim.Endpoints(address)))
	if err != nil {
		return usageError{err}
	}
	return task.Run(ctx,
		task.Task{Name: "simulated google", Run: func(ctx context.Context) error { return sim.Serve(ctx, google, nil) }},
		task.Task{Name: "demo", Run: func(ctx context.Context) error { return demoBridge(ctx, c, sim, address, stdout, stderr) }})
}

func demoEnviron(environ []string, pages string, google photosim.Endpoints) (settings []string) {
	for name, value := range map[string]string{
		"ENTRIES": demoEntry, "CLIENT_ID": photosim.DefaultClientID, "CLIENT_SECRET": photosim.DefaultClientSecret,
		"HTTP_LISTEN": pages, "LOG_LEVEL": "warn",
		"GOOGLE_AUTH_URL": google.AuthURL, "GOOGLE_TOKEN_URL": google.TokenURL, "GOOGLE_REVOKE_URL": google.RevokeURL,
		"GOOGLE_USERINFO_URL": google.UserInfoURL, "GOOGLE_LIBRARY_URL": google.Library,
	} {
		settings = append(settings, config.Prefix+name+"="+value)
	}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if name, ours := strings.CutPrefix(name, config.Prefix); !ours || value != "" && slices.Contains(demoSettings, name) {
			settings = append(settings, line) // of one name the last line counts
		}
	}
	return settings
}

func demoBridge(ctx context.Context, c config.Config, sim *photosim.Server, google string, stdout, stderr io.Writer) error {
	c.LinkURL = "" // links lead straight to the consent page, without the page in between
	d, err := openDaemon(ctx, c, newLog(c, stderr))
	if err != nil {
		return err
	}
	// Also an entry that an earlier demo linked: that simulated Google is gone.
	back, err := sim.Allow(ctx, d.links[0].Start().URL, photosim.DefaultAccountID)
	if err == nil {
		_, err = d.links[0].FinishAddress(ctx, back)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("link the simulated account: %w", err), d.close())
	}
	return d.run(ctx, task.Task{Name: "watch", Run: func(ctx context.Context) error {
		if err := watch(ctx, d.config, google, stdout); ctx.Err() == nil {
			return err
		}
		return nil // a stop is no failure
	}})
}

// watch is the demo's view: it subscribes to everything, prints one line for each message, and sends the first photo.
func watch(ctx context.Context, c config.Config, google string, stdout io.Writer) error {
	broker, err := dial(ctx, c, "demo", c.Topic+"/#")
	if err != nil {
		return err
	}
	defer broker.close()
	topics := mqttapi.Topics{Root: c.Topic, Entry: demoEntry}
	for ready := false; ; {
		m, err := broker.next(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s  %-28s %s\n", time.Now().Format("15:04:05.000"), m.Topic, line(m))
		if ready || m.Topic != topics.Availability() || string(m.Payload) != mqttapi.Online {
			continue
		}
		ready = true
		at := "" // where mosquitto's programs look by themselves
		if u, err := url.Parse(c.BrokerURL()); err == nil && u.Host != "127.0.0.1:1883" && u.Host != "localhost:1883" {
			at = " -h " + u.Hostname() + " -p " + u.Port()
		}
		fmt.Fprintf(stdout, explanation, google, at, topics.Upload(), at, c.Topic, at, topics.Request(mqttapi.VerbAlbumCreate))
		if err := broker.publish(ctx, topics.Upload(), demoPhoto(time.Now())); err != nil {
			return err
		}
	}
}

const explanation = `ready

The bridge is online, with a simulated Google at %s. Try, in another terminal:

  mosquitto_pub%s -t %s -f photo.jpg
  mosquitto_sub%s -t '%s/#' -v
  mosquitto_pub%s -t %s -m '{"title": "Front door"}'

Control-C ends it. What happens on the topics:

`

//go:embed photo.jpg
var photo []byte

// demoPhoto is a JPEG that no other start of the demo has sent: the time is in a comment behind its first marker.
func demoPhoto(at time.Time) []byte {
	comment := at.Format(time.RFC3339Nano)
	mark := []byte{0xff, 0xfe, 0, byte(2 + len(comment))} //nolint:gosec // G115: it is short
	return slices.Concat(photo[:2], mark, []byte(comment), photo[2:])
}

func line(m broker.Delivery) string {
	text := strings.Join(strings.Fields(summary(m.Topic, m.Payload)), " ")
	if runes := []rune(text); len(runes) > 160 {
		return string(runes[:160]) + "…"
	}
	return text
}

// A digest is what the demo shows of the bridge's documents; each has some of it.
type digest struct {
	Status, Job   string
	Error         *struct{ Code, Message string }
	Album         *struct{ Title string }
	Items         []struct{ Name, FileName string }
	Albums        []struct{ Title, Items any }
	Count         *int
	Link          *struct{ Status string }
	Queue, Totals struct{ Waiting, Active, Uploaded, Failed int }
	Hold          *struct{ Reason, Message string }
}

var summaries = template.Must(template.New("").Parse(`
{{- define "items"}}{{range $i, $_ := .Items}}{{if $i}}, {{end}}{{.Name}}{{.FileName}}{{end}}{{end}}
{{- define "result"}}{{.Status}}  {{template "items" .}}
	{{- with .Album}}  in album {{printf "%q" .Title}}{{end}}{{with .Error}}  {{.Code}}: {{.Message}}{{end}}  job {{.Job}}{{end}}
{{- define "state"}}{{.Link.Status}}, {{.Queue.Waiting}} waiting, {{.Queue.Active}} active,
	{{- printf " %d uploaded, %d failed" .Totals.Uploaded .Totals.Failed}}{{with .Hold}}, held ({{.Reason}}): {{.Message}}{{end}}{{end}}
{{- define "listing"}}{{.Count}}: {{template "items" .}}
	{{- range $i, $_ := .Albums}}{{if $i}}, {{end}}{{.Title}} ({{.Items}}){{end}}{{end}}`))

func summary(topic string, payload []byte) string {
	var d digest
	kind := "listing"
	switch {
	case len(payload) == 0:
		return "(cleared)"
	case !utf8.Valid(payload):
		return fmt.Sprintf("(%d bytes)", len(payload))
	case payload[0] != '{' || json.Unmarshal(payload, &d) != nil:
		return string(payload)
	case strings.HasSuffix(topic, "/upload/result"):
		kind = "result"
	case d.Link != nil:
		kind = "state"
	case d.Count == nil:
		return string(payload)
	}
	var text strings.Builder
	_ = summaries.ExecuteTemplate(&text, kind, d) // what it lacks is left out
	return text.String()
}
