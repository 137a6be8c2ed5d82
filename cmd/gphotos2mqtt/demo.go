package main

import (
	"context"
	_ "embed" // the first photo
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/cmd/gphotos2mqtt/daemon"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/photosim"
)

const demoEntry = "demo" // the only one

// demoSettings are the settings that the demo takes over from the environment; the others are its own. It has folders, a client id and, at
// a broker of the person's, a topic of its own, so that a bridge in use, its queue and its topics are never touched.
var demoSettings = []string{
	"MQTT_URL", "MQTT_LISTEN", "MQTT_USER", "MQTT_PASSWORD", "MQTT_PASSWORD_FILE", "MQTT_CA", "MQTT_CERT", "MQTT_KEY",
	"LOG_LEVEL", "LOG_FORMAT",
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
	folder, err := demoFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	address := "http://" + google.Addr().String()
	c, _, err := config.Read(demoEnviron(environ, folder, pages.String(), sim.Endpoints(address)))
	if err != nil {
		return usageError{err}
	}
	defer func() {
		if err == nil {
			fmt.Fprintf(stdout, epilogue, projectURL)
			if c.MQTTURL != "" {
				fmt.Fprintf(stdout, leftovers, mosquitto(c), c.Topic)
			}
		}
	}()
	return task.Run(ctx,
		task.Task{Name: "simulated google", Run: func(ctx context.Context) error { return sim.Serve(ctx, google, nil) }},
		task.Task{Name: "demo", Run: func(ctx context.Context) error { return demoBridge(ctx, c, sim, address, stdout, stderr) }})
}

// demoFolder makes the folders of the demo, with a picture to upload by its path.
func demoFolder() (string, error) {
	folder, err := os.MkdirTemp("", "gphotos2mqtt-demo-")
	if err == nil {
		err = os.Mkdir(filepath.Join(folder, "media"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, demoPicture), demoPhoto(time.Now()), 0o600)
	}
	return folder, err
}

const demoPicture = "media/door.jpg" // below the demo's folder

func demoEnviron(environ []string, folder, pages string, google photosim.Endpoints) (settings []string) {
	topic := "gphotos"
	if slices.ContainsFunc(environ, func(line string) bool {
		return strings.HasPrefix(line, config.Prefix+"MQTT_URL=") && line != config.Prefix+"MQTT_URL="
	}) {
		topic = "gphotos-demo" // a bridge may be there
	}
	for name, value := range map[string]string{
		"TOPIC": topic, "MQTT_CLIENT_ID": topic, "DISCOVERY": "false", // or Home Assistant would keep the device
		"DATA_DIR": filepath.Join(folder, "data"), "MEDIA_DIRS": filepath.Join(folder, "media"),
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
	d, err := daemon.Open(ctx, c, version(), newLog(c, stderr))
	if err != nil {
		return err
	}
	link, err := d.OpenLink(ctx, c.Entries[0])
	if err == nil {
		var back string // also of an entry that an earlier demo linked: that simulated Google is gone
		if back, err = sim.Allow(ctx, link.Start().URL, photosim.DefaultAccountID); err == nil {
			_, err = link.FinishAddress(ctx, back)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("link the simulated account: %w", err), d.Close())
	}
	return d.Run(ctx, task.Task{Name: "watch", Run: func(ctx context.Context) error {
		if err := watch(ctx, d.Settings(), google, stdout); ctx.Err() == nil {
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
	seen := view{}
	for ready := false; ; {
		m, err := broker.next(ctx)
		if err != nil {
			return err
		}
		fmt.Fprint(stdout, seen.line(m))
		if ready || m.Topic != topics.Availability() || string(m.Payload) != mqttapi.Online {
			continue
		}
		ready = true
		fmt.Fprintf(stdout, explanation, google, mosquitto(c), topics.Upload(), filepath.ToSlash(filepath.Join(c.MediaDirs[0], filepath.Base(demoPicture))),
			c.Topic, topics.Request(mqttapi.VerbAlbumCreate))
		if err := broker.publish(ctx, topics.Upload(), demoPhoto(time.Now())); err != nil {
			return err
		}
	}
}

// mosquitto is what the programs of Mosquitto need to be told to find the broker; nothing when it is where they look by themselves.
func mosquitto(c config.Config) string {
	u, err := url.Parse(c.BrokerURL())
	if err != nil || u.Host == "127.0.0.1:1883" || u.Host == "localhost:1883" {
		return ""
	}
	return " -h " + u.Hostname() + " -p " + u.Port()
}

const explanation = `ready

The bridge is online, with a simulated Google at %[1]s. Try, in another terminal:

  mosquitto_pub%[2]s -q 1 -t %[3]s -m %[4]s
  mosquitto_pub%[2]s -q 1 -t %[3]s -m '{"path": "%[4]s", "album": "Front door"}'
  mosquitto_pub%[2]s -q 1 -t %[3]s -f photo.jpg     # one of yours
  mosquitto_pub%[2]s -q 1 -t %[6]s -m '{"title": "Holidays"}'
  mosquitto_sub%[2]s -v -t '%[5]s/#' -T '%[5]s/+/image' -T '%[5]s/+/upload'     # all but pictures

Control-C ends it. What happens on the topics:

`

const (
	epilogue = `
That was the demo; it has left nothing on this machine. Next, with your own account:

  1. Make an OAuth client in Google's console: %[1]s/blob/main/docs/google.md
  2. Set GPHOTOS_CLIENT_ID, GPHOTOS_CLIENT_SECRET and, for a broker of yours, GPHOTOS_MQTT_URL; gphotos2mqtt check looks at them.
  3. Start gphotos2mqtt, and link the account: gphotos2mqtt link
`
	leftovers = `
To clear what is left at your broker: mosquitto_sub%s -t '%s/#' --retained-only --remove-retained -W 3
`
)

//go:embed photo.jpg
var photo []byte

// demoPhoto is a JPEG that no other start of the demo has sent: the time is in a comment behind its first marker.
func demoPhoto(at time.Time) []byte {
	comment := at.Format(time.RFC3339Nano)
	mark := []byte{0xff, 0xfe, 0, byte(2 + len(comment))} //nolint:gosec // G115: it is short
	return slices.Concat(photo[:2], mark, []byte(comment), photo[2:])
}
