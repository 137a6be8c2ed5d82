package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// An app is this program under Home Assistant's Supervisor, which starts it with a form that a person has filled in, and tells of its
// broker: https://developers.home-assistant.io/docs/apps/communication. Its fields are Supervisor's; a test has its own.
type app struct {
	options    string // path of the form, as JSON
	data       string // folder that is kept, and in backups
	supervisor string // address of Supervisor's API
}

var homeAssistant = app{options: "/data/options.json", data: "/data/gphotos2mqtt", supervisor: "http://supervisor"}

// form is what addon/config.yaml asks for; an empty value is the default of its setting.
type form struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Entries      []struct {
		Name        string `json:"name"`
		Title       string `json:"title"`
		Album       string `json:"album"`
		Listings    string `json:"listings"`
		AlbumImages string `json:"album_images"`
	} `json:"entries"`
	MediaDirs []string `json:"media_dirs"`
	Topic     string   `json:"topic"`
	PublicURL string   `json:"public_url"`
	LinkURL   string   `json:"link_url"`
	LogLevel  string   `json:"log_level"`
	Settings  []string `json:"settings"`
}

func runApp(ctx context.Context, c call) error {
	environ, err := homeAssistant.environ(ctx, c.environ)
	if err != nil {
		return err
	}
	c.environ = environ
	return runServe(ctx, c)
}

// environ adds the settings of the form and the broker to an environment; of one name the last line counts.
func (a app) environ(ctx context.Context, environ []string) ([]string, error) {
	text, err := os.ReadFile(a.options)
	if err != nil {
		return nil, usageError{fmt.Errorf("this command is for the app of Home Assistant, and its Supervisor is not here: %w", err)}
	}
	var f form
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, usageError{fmt.Errorf("the form cannot be read; save it again below Configuration: %w", err)}
	}
	token := ""
	for _, line := range environ {
		if value, ok := strings.CutPrefix(line, "SUPERVISOR_TOKEN="); ok {
			token = value
		}
	}
	broker, err := a.broker(ctx, token)
	if err != nil {
		return nil, err
	}
	set := func(name, value string) {
		if value != "" {
			environ = append(environ, config.Prefix+name+"="+value)
		}
	}
	set("DATA_DIR", a.data)
	set("HTTP_LISTEN", "0.0.0.0:8099") // the ports of addon/config.yaml
	set("PANEL_LISTEN", "0.0.0.0:8098")
	scheme := "mqtt"
	if broker.SSL {
		scheme = "mqtts"
	}
	set("MQTT_URL", scheme+"://"+net.JoinHostPort(broker.Host, strconv.Itoa(broker.Port)))
	set("MQTT_USER", broker.Username)
	set("MQTT_PASSWORD", broker.Password)
	f.settings(set)
	return append(environ, f.Settings...), nil
}

func (f form) settings(set func(name, value string)) {
	var names []string
	for _, e := range f.Entries {
		names = append(names, e.Name)
		own := "ENTRY_" + strings.ToUpper(strings.ReplaceAll(e.Name, "-", "_")) + "_"
		set(own+"NAME", e.Title)
		set(own+"ALBUM", e.Album)
		set(own+"LISTINGS", e.Listings)
		set(own+"ALBUM_IMAGES", e.AlbumImages)
	}
	set("ENTRIES", strings.Join(names, ","))
	set("CLIENT_ID", strings.TrimSpace(f.ClientID))
	set("CLIENT_SECRET", strings.TrimSpace(f.ClientSecret))
	set("MEDIA_DIRS", strings.Join(f.MediaDirs, ","))
	set("TOPIC", f.Topic)
	set("PUBLIC_URL", f.PublicURL)
	set("LINK_URL", f.LinkURL)
	set("LOG_LEVEL", f.LogLevel)
}

// A service is how Supervisor describes the broker that the app asked for with `services`.
type service struct {
	Host               string
	Port               int
	SSL                bool
	Username, Password string
}

// broker asks Supervisor: https://developers.home-assistant.io/docs/api/supervisor/endpoints/#service.
func (a app) broker(ctx context.Context, token string) (service, error) {
	const cure = "install and start the Mosquitto broker app, then start this one again"
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	address, err := url.JoinPath(a.supervisor, "services", "mqtt")
	if err != nil {
		return service{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return service{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{}} // without a proxy: Supervisor is next door
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return service{}, fmt.Errorf("ask Supervisor for the broker: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	var answer struct {
		Result, Message string
		Data            service
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err = errors.Join(err, json.Unmarshal(body, &answer)); err != nil {
		return service{}, fmt.Errorf("supervisor's answer about the broker (%s) cannot be read: %w", resp.Status, err)
	}
	if answer.Result != "ok" || answer.Data.Host == "" {
		return service{}, fmt.Errorf("home assistant has no broker for this app (%s): %s", cmp.Or(answer.Message, resp.Status), cure)
	}
	answer.Data.Port = cmp.Or(answer.Data.Port, 1883)
	return answer.Data, nil
}
