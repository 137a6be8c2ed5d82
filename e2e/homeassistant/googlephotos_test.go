package homeassistant_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// TestHomeAssistantGooglePhotos lets Home Assistant's own integration, as it is, work
// with the simulator under Google's names: another client than ours finds it to be
// Google, and what docs/home-assistant.md compares with is what it does.
func TestHomeAssistantGooglePhotos(t *testing.T) {
	debian := house(t)
	google, authority := serveGoogle(t)
	e2etest.Must(t, authority.WriteFile(filepath.Join(debian, "config/google")))
	h := newHass(t, debian, "REQUESTS_CA_BUNDLE=/config/google/ca.pem", "SSL_CERT_FILE=/config/google/ca.pem")
	h.ask("application_credentials/create", fields{
		"domain": "google_photos", "client_id": photosim.DefaultClientID, "client_secret": photosim.DefaultClientSecret,
	}, nil)
	entry := h.consent(google, "google_photos")
	h.loaded("google_photos")

	file := photo(t, "door.jpg", 1)
	var uploaded struct {
		Response struct {
			Items []struct {
				ID string `json:"media_item_id"`
			} `json:"media_items"`
			Album string `json:"album_id"`
		} `json:"service_response"`
	}
	h.call(http.MethodPost, "/api/services/google_photos/upload?return_response",
		fields{"config_entry_id": entry, "filename": []string{file}, "album": "Front door"}, &uploaded)
	library := google.Library()[0]
	if r := uploaded.Response; len(r.Items) != 1 || len(library.Items) != 1 || r.Items[0].ID != library.Items[0].ID ||
		r.Album != library.Albums[0].ID || library.Albums[0].Title != "Front door" {
		t.Fatalf("Home Assistant answers %+v, Google has %+v", uploaded.Response, library)
	}

	account := h.browse("media-source://google_photos").child(t, "Sam Example")
	album := h.browse(account.ID).child(t, "Front door")
	item := h.browse(album.ID).Children[0]
	var media struct {
		URL  string
		MIME string `json:"mime_type"`
	}
	h.ask("media_source/resolve_media", fields{"media_content_id": item.ID}, &media)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool()}, DisableKeepAlives: true}}
	for _, address := range []string{media.URL, item.Thumbnail} {
		res, err := client.Get(address)
		e2etest.Must(t, err)
		picture, err := io.ReadAll(res.Body)
		e2etest.Must(t, err)
		e2etest.Must(t, res.Body.Close())
		if res.StatusCode != http.StatusOK || len(picture) == 0 || !strings.HasPrefix(res.Header.Get("Content-Type"), "image/") {
			t.Errorf("%s: %s, %d bytes", address, res.Status, len(picture))
		}
	}

	// Of access that Google has ended the integration learns when it is loaded again.
	google.Revoke(photosim.DefaultAccountID)
	h.call(http.MethodPost, "/api/config/config_entries/entry/"+entry+"/reload", nil, nil)
	e2etest.Until(t, "the integration to ask for access again", func() bool {
		type flow struct {
			Handler string
			Context struct{ Source string }
		}
		var flows []flow
		h.ask("config_entries/flow/progress", nil, &flows)
		asks := flow{Handler: "google_photos"}
		asks.Context.Source = "reauth"
		return slices.Contains(flows, asks)
	})
}

// serveGoogle serves a Google under its own names, and returns who vouches for it. Home
// Assistant's two addresses to come back to are registered.
func serveGoogle(t *testing.T) (*photosim.Server, *photosim.CA) {
	t.Helper()
	names(t, photosim.Hosts()...)
	authority, err := photosim.NewCA()
	e2etest.Must(t, err)
	// Home Assistant asks for a new access token when the one it has ends within 20 s.
	google := photosim.New(photosim.Config{Dir: t.TempDir(), AccessTokenLife: 15 * time.Second, Clients: []photosim.Client{{
		ID: photosim.DefaultClientID, Secret: photosim.DefaultClientSecret, Project: photosim.DefaultProject,
		RedirectURIs: []string{"https://my.home-assistant.io/redirect/oauth", origin + "/auth/external/callback"},
	}}})
	listener, err := net.Listen("tcp", "127.0.0.1:443")
	e2etest.Must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- google.Serve(ctx, listener, authority) }()
	t.Cleanup(func() {
		stop()
		e2etest.Must(t, <-ended)
		e2etest.Must(t, google.Close())
	})
	return google, authority
}

// consent adds an integration that needs a person's consent, as that person.
func (h *hass) consent(google *photosim.Server, integration string) (entry string) {
	h.t.Helper()
	const flows = "/api/config/config_entries/flow"
	var at struct {
		ID     string `json:"flow_id"`
		Type   string
		URL    string
		Reason string
		Result struct {
			ID string `json:"entry_id"`
		}
	}
	h.call(http.MethodPost, flows, fields{"handler": integration}, &at)
	if at.Type != "external" {
		h.t.Fatalf("%s shows %+v", integration, at)
	}
	back, err := google.Allow(h.t.Context(), at.URL, photosim.DefaultAccountID)
	e2etest.Must(h.t, err)
	address, err := url.Parse(back)
	e2etest.Must(h.t, err)
	// my.home-assistant.io would lead the browser to this address of the own Home Assistant.
	h.call(http.MethodGet, "/auth/external/callback?"+address.RawQuery, nil, nil)
	e2etest.Until(h.t, "the end of the flow", func() bool {
		h.call(http.MethodPost, flows+"/"+at.ID, fields{}, &at)
		return at.Type == "create_entry" || at.Type == "abort"
	})
	if at.Type != "create_entry" {
		h.t.Fatalf("%s is not added: %+v", integration, at)
	}
	return at.Result.ID
}

// media is a folder or an item of Home Assistant's media browser.
type media struct {
	Title, Thumbnail string
	ID               string `json:"media_content_id"`
	Type             string `json:"media_content_type"`
	Playable         bool   `json:"can_play"`
	Children         []media
}

func (c *client) browse(id string) (m media) {
	c.t.Helper()
	c.ask("media_source/browse_media", fields{"media_content_id": id}, &m)
	return m
}

func (m media) child(tb testing.TB, title string) media {
	tb.Helper()
	for _, c := range m.Children {
		if c.Title == title {
			return c
		}
	}
	tb.Fatalf("%s has no %q but %+v", m.Title, title, m.Children)
	return media{}
}
