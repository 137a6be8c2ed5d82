package homeassistant_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
)

// A hass is a Home Assistant with a folder of its own, in which it can be started again.
type hass struct {
	*client
	process *e2etest.Process
	root    testing.TB // ends what was started
	debian  string
	folder  string // as Home Assistant sees it
	env     []string
}

// configuration is what every Home Assistant of the tests has. "default_config" is left
// out, which would look for devices; the recorder is in, because it minds the size of
// attributes.
const configuration = `
homeassistant:
  name: Home
  time_zone: UTC
  allowlist_external_dirs: [/media]
  media_dirs: {media: /media}
logger: {default: warning}
recorder: {commit_interval: 0}
my:
`

// newHass starts a Home Assistant and makes its owner.
func newHass(tb testing.TB, debian string, env ...string) *hass {
	tb.Helper()
	h := &hass{client: &client{t: tb}, root: tb, debian: debian, folder: "/config/" + filepath.Base(tb.Name()), env: env}
	e2etest.Must(tb, os.Mkdir(filepath.Join(debian, h.folder), 0o755))
	h.write("configuration.yaml", configuration)
	h.launch()
	e2etest.Until(tb, "Home Assistant to answer", func() bool {
		status, _ := h.try(http.MethodGet, "/api/onboarding", nil)
		return status == http.StatusOK
	})
	h.onboard()
	h.running()
	return h
}

// write writes a file of its folder.
func (h *hass) write(name, text string) {
	h.t.Helper()
	e2etest.Must(h.t, os.WriteFile(filepath.Join(h.debian, h.folder, name), []byte(text), 0o644))
}

func (h *hass) launch() {
	h.t.Helper()
	h.process = e2etest.Start(h.root, e2etest.Command{
		Name: "Home Assistant", Path: "chroot",
		Args: []string{h.debian, "/venv/bin/hass", "--config", h.folder, "--log-no-color", "--skip-pip"},
		Env:  h.env,
	})
}

// start starts it again in its folder and waits until it is up.
func (h *hass) start() {
	h.t.Helper()
	h.launch()
	h.running()
}

func (h *hass) running() {
	h.t.Helper()
	e2etest.Until(h.t, "Home Assistant to run", func() bool {
		var config struct{ State string }
		if h.process.Over() {
			h.t.Fatal("Home Assistant has ended")
		}
		if status, _ := h.try(http.MethodGet, "/api/config", nil); status == http.StatusOK {
			h.call(http.MethodGet, "/api/config", nil, &config)
		}
		return config.State == "RUNNING"
	})
}

// onboard goes through the first steps of a new Home Assistant and keeps the owner's token.
// Source: https://github.com/home-assistant/core/blob/dev/homeassistant/components/onboarding/views.py
func (h *hass) onboard() {
	h.t.Helper()
	const id = origin + "/"
	var user struct {
		Code string `json:"auth_code"`
	}
	h.call(http.MethodPost, "/api/onboarding/users",
		fields{"client_id": id, "name": "Owner", "username": "owner", "password": "owner", "language": "en"}, &user)
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	h.call(http.MethodPost, "/auth/token", url.Values{"grant_type": {"authorization_code"}, "code": {user.Code}, "client_id": {id}}, &tokens)
	h.token, h.refresh = tokens.Access, tokens.Refresh
	for _, step := range []string{"core_config", "analytics"} {
		h.call(http.MethodPost, "/api/onboarding/"+step, fields{}, nil)
	}
	h.call(http.MethodPost, "/api/onboarding/integration", fields{"client_id": id, "redirect_uri": id + "?auth_callback=1"}, nil)
}

// addMQTT sets up Home Assistant's MQTT as its form asks for it.
func (h *hass) addMQTT(port string) {
	h.t.Helper()
	number, err := strconv.Atoi(port)
	e2etest.Must(h.t, err)
	h.flow("mqtt", fields{
		"broker": "127.0.0.1", "port": number, "protocol": "5",
		"other_settings": fields{"set_client_cert": false, "set_ca_cert": "off", "transport": "tcp"},
	})
	h.loaded("mqtt")
}
