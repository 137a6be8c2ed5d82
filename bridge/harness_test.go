package bridge

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/authtest"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/store/engine/disk"
	"gphotos2mqtt/bridge/upload"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/photosim"
)

// Times of the packages below, which tests in virtual time wait for.
const (
	retainFor = 24 * time.Hour  // bridge/upload: a failed job can be tried again
	tokenLife = 23 * time.Hour  // bridge/upload: an upload token is used
	listLife  = 5 * time.Minute // bridge/albums: a list of albums answers that a title is not there
)

// A harness is one entry "home", linked to a simulated Google, with a broker that
// only remembers.
type harness struct {
	t      *testing.T
	dir    string // of the store
	media  string // the media folder
	sim    *photosim.Server
	vault  *authtest.Vault
	key    secret.Key
	broker *fakeBroker
	config func(*EntryConfig)
	limits capacity.Config
	engine func() store.Engine // in place of the disk

	autoLink bool // start links an entry that is not linked

	entry *Entry
	store *store.Store
	ended func(error) // gets the error of Run
	stop  func()
	acked sync.WaitGroup
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	r := &harness{
		t: t, dir: t.TempDir(), media: t.TempDir(), sim: photosim.New(photosim.Config{}), vault: new(authtest.Vault), key: secret.Key{1}, autoLink: true,
		broker: newBroker(), config: func(*EntryConfig) {}, limits: capacity.Config{CopyUpTo: 1 << 20},
		ended: func(err error) { t.Errorf("run: %v", err) }, engine: func() store.Engine { return nil },
	}
	t.Cleanup(func() {
		if r.stop != nil {
			r.stop()
		}
		if err := r.sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// onDisk opens the engine that the harness has when it is given none, for one that stands before it.
func (r *harness) onDisk() *disk.Disk {
	r.t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	files, err := disk.Open(r.dir, logrus.NewEntry(log))
	r.must(err)
	return files
}

// start opens the entry and lets it run until stop.
func (r *harness) start() {
	r.t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	if testing.Verbose() {
		log.SetOutput(r.t.Output())
		log.SetLevel(logrus.DebugLevel)
	}
	entryLog := log.WithField("entry", "home")
	ctx := context.Background() // the store outlives the test's context until cleanup
	s, err := store.Open(ctx, store.Config{Dir: r.dir, Engine: r.engine(), Key: &r.key, Log: entryLog})
	r.must(err)
	link, err := auth.Open(ctx, r.authConfig(), r.key, r.vault)
	r.must(err)
	if r.autoLink && link.State().Status == auth.Unlinked {
		r.linkAccount(link)
	}
	folders, err := media.Open(ctx, []string{r.media})
	r.must(err)
	project, err := account.OpenProject(ctx, s, "requests-test")
	r.must(err)
	api := link.Client()
	api.Transport = counting{api.Transport, project}
	cfg := EntryConfig{
		Name: "home", Root: "gphotos", Listings: library.Listings{All: true}, ListItems: 100, Renew: 45 * time.Minute,
		MaxPublish: func() int { return 1_000_000 }, MaxAge: 7 * 24 * time.Hour, Uploads: 8, DiscoveryPrefix: "homeassistant",
		Patience: media.Patience{Quiet: 2 * time.Second, Limit: 5 * time.Minute},
		Store:    s, Media: folders, Capacity: capacity.New(r.limits), Link: link, Project: project, Out: r.broker, Log: entryLog,
		Google: photos.New(photos.Config{HTTP: api, Bytes: &http.Client{Transport: r.sim.Transport()}}),
	}
	r.config(&cfg)
	r.entry, err = OpenEntry(ctx, cfg)
	r.must(err)
	r.must(upload.Sweep(ctx, s))
	r.store = s
	run, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.entry.Run(run); err != nil {
			r.ended(err)
		}
	})
	r.stop = func() {
		cancel()
		running.Wait()
		r.acked.Wait()
		r.entry.Close()
		r.must(s.Close())
		r.stop = nil
	}
}

// restart stops in order and starts again on what the store kept.
func (r *harness) restart() {
	r.t.Helper()
	r.stop()
	r.start()
}

func (r *harness) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *harness) authConfig() auth.Config {
	return auth.Config{
		Entry: "home", ClientID: photosim.DefaultClientID, ClientSecret: photosim.DefaultClientSecret,
		RedirectURL: "http://localhost:8099/oauth/callback", Base: r.sim.Transport(),
	}
}

// linkAccount is the person who allows everything.
func (r *harness) linkAccount(link *auth.Link) {
	r.t.Helper()
	r.linkAs(link, photosim.DefaultAccountID)
}

func (r *harness) linkAs(link *auth.Link, account string) {
	r.t.Helper()
	r.allow(link, link.Start().URL, account)
}

// finish is the person who opens an address that was given, and allows everything.
func (r *harness) finish(address string) {
	r.t.Helper()
	r.allow(r.entry.cfg.Link, address, photosim.DefaultAccountID)
}

func (r *harness) allow(link *auth.Link, address, account string) {
	r.t.Helper()
	page, err := url.Parse(address)
	r.must(err)
	form := url.Values{
		"decision": {"allow"}, "account": {account}, "scope": strings.Fields(page.Query().Get("scope")),
	}
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	r.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := r.sim.Transport().RoundTrip(req)
	r.must(err)
	r.must(resp.Body.Close())
	_, err = link.FinishAddress(r.t.Context(), resp.Header.Get("Location"))
	r.must(err)
}

// queued reports whether the job is there for users; one that is not has left nothing.
func (r *harness) queued(id string) bool {
	return slices.ContainsFunc(r.entry.uploads.List(), func(j mqttapi.Job) bool { return j.Job == id })
}

// stored reports whether the store has the job in that state.
func (r *harness) stored(id string, state store.JobState) bool {
	jobs, err := r.store.Jobs(context.Background(), "home")
	r.must(err)
	return slices.ContainsFunc(jobs, func(j *store.Job) bool { return j.ID == id && j.State == state })
}

// command delivers a message as a broker would, and returns whether it was
// acknowledged.
func (r *harness) command(d broker.Delivery) bool {
	acked := false
	r.entry.Handle(r.t.Context(), d.WithAck(func() { acked = true }))
	return acked
}

// upload delivers an upload command and returns its job's last result.
func (r *harness) upload(payload string) map[string]any {
	r.t.Helper()
	n := r.broker.count("gphotos/home/upload/result")
	r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: []byte(payload), QoS: 1})
	return r.broker.final(r.t, n)
}

// write puts a file into the media folder and returns its path.
func (r *harness) write(name string, data []byte) string {
	r.t.Helper()
	path := filepath.Join(r.media, name)
	r.must(os.MkdirAll(filepath.Dir(path), 0o755))
	r.must(os.WriteFile(path, data, 0o600))
	return path
}

// items are all items that the simulated account holds.
func (r *harness) items() []photosim.ItemRecord {
	return r.sim.Library()[0].Items
}

// counting counts requests as cmd does.
type counting struct {
	http.RoundTripper
	project *account.Project
}

func (c counting) RoundTrip(req *http.Request) (*http.Response, error) {
	c.project.Count()
	return c.RoundTripper.RoundTrip(req)
}

// jpegOf makes a small picture that differs for each seed.
func jpegOf(seed int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for x := range 64 {
		for y := range 48 {
			img.SetRGBA(x, y, color.RGBA{uint8(x * seed), uint8(y + seed), uint8(seed >> 8), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}
