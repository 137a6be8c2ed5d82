package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/photos/photosim"
)

// demoEntry is the demo's only entry.
const demoEntry = "demo"

// demoSettings are the settings that the demo takes over from the environment;
// the others are its own.
var demoSettings = []string{
	"MQTT_URL", "MQTT_LISTEN", "MQTT_USER", "MQTT_PASSWORD", "MQTT_PASSWORD_FILE", "MQTT_CA", "MQTT_CERT", "MQTT_KEY",
	"DATA_DIR", "MEDIA_DIRS", "LOG_LEVEL", "LOG_FORMAT",
}

// demo shows the whole job on this machine: a simulated Google, the bridge with
// an entry that is already linked, and a first photo. It runs until ctx ends.
func demo(ctx context.Context, environ map[string]string, stdout, stderr io.Writer) int {
	err := runDemo(ctx, environ, stdout, stderr)
	switch {
	case errors.Is(err, errSettings):
		fmt.Fprintln(stderr, err)
		return exitUsage
	case err != nil:
		fmt.Fprintln(stderr, "demo:", err)
		return exitFailed
	}
	return exitDone
}

var errSettings = errors.New("settings")

func runDemo(ctx context.Context, environ map[string]string, stdout, stderr io.Writer) (err error) {
	google, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	pages, err := freePort(ctx)
	if err != nil {
		return errors.Join(err, google.Close())
	}
	redirect := fmt.Sprintf("http://localhost:%d/oauth/callback", pages)
	sim := photosim.New(photosim.Config{Clients: []photosim.Client{{
		ID: photosim.DefaultClientID, Secret: photosim.DefaultClientSecret, Project: photosim.DefaultProject,
		RedirectURIs: []string{redirect},
	}}})
	base := "http://" + google.Addr().String()
	settings, cleanUp, err := demoEnviron(environ, sim.Endpoints(base), pages)
	if err != nil {
		return errors.Join(err, google.Close(), sim.Close())
	}
	defer func() { err = errors.Join(err, sim.Close(), cleanUp()) }()
	config, _, err := ReadConfig(settings)
	if err != nil {
		return fmt.Errorf("%w:\n%w", errSettings, errors.Join(err, google.Close()))
	}
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return sim.Serve(ctx, google, nil) })
	parts.Go(func() error { return runDemoBridge(ctx, config, base, stdout, stderr) })
	return parts.Wait()
}

// runDemoBridge links the entry, runs the bridge, and shows what happens.
func runDemoBridge(ctx context.Context, config Config, google string, stdout, stderr io.Writer) error {
	log := newLog(config, stderr)
	config.LinkURL = "" // links lead straight to the consent page, without the page in between
	d, err := openDaemon(ctx, config, log)
	if err != nil {
		return err
	}
	// Also an entry that an earlier demo linked: that simulated Google is gone.
	if err := demoLink(ctx, d.links[0]); err != nil {
		return errors.Join(fmt.Errorf("link the simulated account: %w", err), d.close())
	}
	config.MQTTURL = cmp.Or(config.MQTTURL, "tcp://"+d.store.MQTTAddr())
	show := &show{config: config, google: google, out: stdout}
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return d.run(ctx) })
	parts.Go(func() error { return show.run(ctx) })
	return errors.Join(parts.Wait(), d.close())
}

// demoEnviron makes the demo's settings out of the user's and its own.
func demoEnviron(environ map[string]string, google photosim.Endpoints, pages int) (settings map[string]string, cleanUp func() error, err error) {
	settings = maps.Clone(environ)
	maps.DeleteFunc(settings, func(key, _ string) bool { return strings.HasPrefix(key, prefix) })
	for _, name := range demoSettings {
		if value := environ[prefix+name]; value != "" {
			settings[prefix+name] = value
		}
	}
	cleanUp = func() error { return nil }
	if settings[prefix+"DATA_DIR"] == "" {
		dir, err := os.MkdirTemp("", "gphotos2mqtt-demo-")
		if err != nil {
			return nil, nil, err
		}
		settings[prefix+"DATA_DIR"] = dir
		cleanUp = func() error { return os.RemoveAll(dir) }
	}
	for name, value := range map[string]string{
		"ENTRIES": demoEntry, "CLIENT_ID": photosim.DefaultClientID, "CLIENT_SECRET": photosim.DefaultClientSecret,
		"HTTP_LISTEN": fmt.Sprintf("127.0.0.1:%d", pages), "LOG_LEVEL": cmp.Or(settings[prefix+"LOG_LEVEL"], logrus.WarnLevel.String()[:4]),
		"GOOGLE_AUTH_URL": google.AuthURL, "GOOGLE_TOKEN_URL": google.TokenURL, "GOOGLE_REVOKE_URL": google.RevokeURL,
		"GOOGLE_USERINFO_URL": google.UserInfoURL, "GOOGLE_LIBRARY_URL": google.Library,
	} {
		settings[prefix+name] = value
	}
	return settings, cleanUp, nil
}

// demoLink does what a person does in a browser: it opens the consent page of
// the simulated Google, ticks every box and presses Continue.
func demoLink(ctx context.Context, link *auth.Link) error {
	consent := link.Start().URL
	page, err := url.Parse(consent)
	if err != nil {
		return err
	}
	form := url.Values{
		"decision": {"allow"}, "account": {photosim.DefaultAccountID},
		"scope": strings.Fields(page.Query().Get("scope")),
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, consent, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	_, err = link.FinishAddress(ctx, resp.Header.Get("Location"))
	return err
}

// freePort finds a port for the linking pages, which Google's redirect must name.
func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close() // it is one
}
