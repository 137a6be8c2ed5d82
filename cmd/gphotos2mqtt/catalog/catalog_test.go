package catalog

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A house runs what the catalog has: each entry is online as soon as it is followed.
type house struct {
	t        *testing.T
	settings config.Config
	dir      string
	key      secret.Key
	catalog  *Catalog

	mu      sync.Mutex // guards all below
	waiting int
	noted   []string
}

func newHouse(t *testing.T, lines ...string) *house {
	t.Helper()
	environ := []string{"HOME=/home/ada", "GPHOTOS_CLIENT_ID=id", "GPHOTOS_CLIENT_SECRET=hush"}
	for _, line := range lines {
		environ = append(environ, config.Prefix+line)
	}
	c, _, err := config.Read(environ)
	if err != nil {
		t.Fatal(err)
	}
	return &house{t: t, settings: c, dir: t.TempDir(), key: secret.Key{1}}
}

// open opens the catalog of the store, until the returned function is called.
func (h *house) open() (closeAll func()) {
	h.t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := store.Open(h.t.Context(), store.Config{Dir: h.dir, Key: &h.key, Log: logrus.NewEntry(log)})
	if err != nil {
		h.t.Fatal(err)
	}
	h.catalog, err = Open(h.t.Context(), Config{
		Settings: h.settings, Store: s, Most: h.settings.MaxEntries, Log: logrus.NewEntry(log),
		Follow: func(context.Context) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.noted = h.catalog.Staying()
			return nil
		},
		Waiting: func(context.Context, string) (int, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.waiting, nil
		},
		Standing: func(_ context.Context, entries []string) map[string]Standing {
			all := map[string]Standing{}
			for _, name := range entries {
				e, _ := h.catalog.Get(name)
				all[name] = Standing{Online: true, Link: "unlinked", Revision: e.Added.Revision()}
			}
			return all
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return func() {
		if err := s.Close(); err != nil {
			h.t.Error(err)
		}
	}
}

// ask carries a request out and returns the code of its refusal, "" for none.
func (h *house) ask(params any) (data any, code mqttapi.Code, says string) {
	h.t.Helper()
	data, err := h.catalog.Request(h.t.Context(), params)
	if refused, ok := errors.AsType[*mqttapi.Error](err); ok {
		return nil, refused.Code, refused.Message
	} else if err != nil {
		h.t.Fatal(err)
	}
	return data, "", ""
}

func add(entry string, settings ...string) mqttapi.AddEntry {
	a := mqttapi.AddEntry{Entry: entry, Settings: map[string]string{}}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		a.Settings[key] = value
	}
	return a
}

func TestAdd(t *testing.T) {
	h := newHouse(t, "ENTRIES=home", "MAX_ENTRIES=3")
	closeAll := h.open()
	own := add("office", "client_id=own")
	own.ClientSecret = "whisper"
	for _, tt := range []struct {
		add    mqttapi.AddEntry
		change mqttapi.EntryChange
		code   mqttapi.Code
	}{
		{add("garden", "album=Beds"), mqttapi.EntryAdded, ""},
		{add("garden", "album=Beds"), mqttapi.EntrySame, ""},
		{add("garden", "album=Beds", "listings=all", "mirror="), mqttapi.EntrySame, ""}, // defaults that are written out
		{add("garden"), mqttapi.EntryChanged, ""},
		{add("home"), "", mqttapi.CodeEntryInSettings},
		{own, mqttapi.EntryAdded, ""},
		{add("office", "client_id=own"), mqttapi.EntrySame, ""}, // its secret is known
		{add("office", "client_id=own", "album=Desk"), mqttapi.EntryChanged, ""},
		{add("office", "client_id=other"), "", mqttapi.CodeBadPayload},
		{add("attic"), "", mqttapi.CodeTooManyEntries},
		{add("garden", "project=two"), "", mqttapi.CodeBadPayload},
	} {
		data, code, says := h.ask(tt.add)
		if added, _ := data.(mqttapi.AddedData); code != tt.code || added.Change != tt.change {
			t.Errorf("%+v: %+v %s %s", tt.add, data, code, says)
		}
	}
	closeAll()
	defer h.open()()
	if e, _ := h.catalog.Get("office"); e.ClientID != "own" || e.ClientSecret != "whisper" || e.Album != "Desk" || e.Problem != "" {
		t.Errorf("after a restart: %+v", e)
	}
	data, _, _ := h.ask(mqttapi.ListEntries{After: "garden"})
	list, _ := data.(mqttapi.EntriesData)
	if len(list.Entries) != 2 || list.Count != 3 || list.Entries[1].Settings["client_id"] != "own" || list.Entries[0].Source != mqttapi.FromSettings {
		t.Errorf("%+v", list)
	}
	text, err := mqttapi.Response{Data: list}.Encode(0)
	if err != nil || strings.Contains(string(text), "whisper") || strings.Contains(string(text), "hush") {
		t.Errorf("%s %v", text, err)
	}
	if _, code, _ := h.ask(mqttapi.ListEntries{Entry: "attic"}); code != mqttapi.CodeUnknownEntry {
		t.Error(code)
	}
	if diff := cmp.Diff([]string{"garden", "home", "office"}, h.catalog.Names()); diff != "" {
		t.Error(diff)
	}
}

// What stands in a list can be sent back, and changes nothing.
func TestListedSettingsCanBeSent(t *testing.T) {
	h := newHouse(t, "ENTRIES=none", "PROJECTS=two", "PROJECT_TWO_CLIENT_ID=2", "PROJECT_TWO_CLIENT_SECRET=b", "MEDIA_DIRS=/media")
	defer h.open()()
	h.ask(add("garden", "name=The garden", `listings=Birds,"Summer, 2026"`, "album_images=0", "mirror=Birds", "mirror_folder=/media/g", "mirror_max=20MB", "project=two"))
	h.ask(add("attic", "listings=none", `album_images="A, b",c`))
	for _, entry := range []string{"garden", "attic"} {
		data, _, _ := h.ask(mqttapi.ListEntries{Entry: entry})
		settings := data.(mqttapi.EntriesData).Entries[0].Settings
		settings["entry"] = entry
		payload, err := mqttapi.Encode(settings)
		if err != nil {
			t.Fatal(err)
		}
		req, err := mqttapi.ParseBridgeRequest(mqttapi.VerbEntryAdd, payload)
		if err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		data, code, says := h.ask(req.Params)
		if added, _ := data.(mqttapi.AddedData); added.Change != mqttapi.EntrySame {
			t.Errorf("%s: %+v %s %s", payload, data, code, says)
		}
	}
}

func TestRemove(t *testing.T) {
	h := newHouse(t, "ENTRIES=home")
	defer h.open()()
	h.ask(add("garden"))
	for entry, want := range map[string]mqttapi.Code{"home": mqttapi.CodeEntryInSettings, "attic": mqttapi.CodeUnknownEntry} {
		if _, code, _ := h.ask(mqttapi.RemoveEntry{Entry: entry}); code != want {
			t.Errorf("%s: %s", entry, code)
		}
	}
	h.waiting = 2
	if _, code, says := h.ask(mqttapi.RemoveEntry{Entry: "garden"}); code != mqttapi.CodeUploadsWaiting || !strings.Contains(says, "2 uploads of garden") {
		t.Errorf("%s %s", code, says)
	}
	h.waiting = 0
	// Who runs the entry finds uploads that came in between, and then none.
	data, code, says := h.removed(func(e Entry) error { return h.catalog.Refuse(t.Context(), e, 3) })
	if code != mqttapi.CodeUploadsWaiting || !strings.Contains(says, "3 uploads") {
		t.Errorf("refused: %+v %s %s", data, code, says)
	}
	data, code, says = h.removed(func(e Entry) error {
		h.mu.Lock()
		if len(h.noted) != 1 {
			t.Errorf("%q are noted", h.noted)
		}
		h.mu.Unlock()
		if _, code, _ := h.ask(add("garden")); code != mqttapi.CodeBusy {
			t.Errorf("added while it is removed: %q", code)
		}
		return h.catalog.Removed(t.Context(), e)
	})
	if removed, _ := data.(mqttapi.RemovedData); removed.Status != mqttapi.EntryRemoved {
		t.Errorf("removed: %+v %s %s", data, code, says)
	}
	if _, there := h.catalog.Get("garden"); there {
		t.Error("it is still there")
	}
	h.ask(add("garden"))
}

// removed asks for the removal of garden, which who runs it goes on with.
func (h *house) removed(holder func(e Entry) error) (data any, code mqttapi.Code, says string) {
	h.t.Helper()
	stopped := make(chan struct{})
	e, _ := h.catalog.Get("garden")
	leave := h.catalog.OnChange("garden", e, sync.OnceFunc(func() { close(stopped) }))
	defer leave()
	var running sync.WaitGroup
	running.Go(func() {
		<-stopped
		e, _ := h.catalog.Get("garden")
		if e.Removal() == nil {
			h.t.Errorf("it is stopped, and not to be removed: %+v", e.Added)
		} else if err := holder(e); err != nil {
			h.t.Error(err)
		}
	})
	defer running.Wait()
	return h.ask(mqttapi.RemoveEntry{Entry: "garden"})
}

// An entry that the settings name by now belongs to them; one whose secret cannot be opened, or whose settings are no longer good, says so.
func TestOpen(t *testing.T) {
	h := newHouse(t, "ENTRIES=none", "PROJECTS=two", "PROJECT_TWO_CLIENT_ID=2", "PROJECT_TWO_CLIENT_SECRET=b")
	own := add("office", "client_id=own")
	own.ClientSecret = "whisper"
	closeAll := h.open()
	h.ask(own)
	h.ask(add("garden", "project=two"))
	h.ask(add("attic"))
	closeAll()
	h.settings = newHouse(t, "ENTRIES=attic").settings
	h.key = secret.Key{2}
	closeAll = h.open()
	for name, want := range map[string]string{"office": "cannot be opened", "garden": `"project" is "two": write one of the names`, "attic": ""} {
		e, there := h.catalog.Get(name)
		if !there || (want == "") != (e.Problem == "") || !strings.Contains(e.Problem, want) || (e.Added == nil) != (name == "attic") {
			t.Errorf("%s: %t %q %v", name, there, e.Problem, e.Added)
		}
	}
	closeAll()
	h.settings = newHouse(t, "ENTRIES=none").settings
	defer h.open()()
	if _, there := h.catalog.Get("attic"); there {
		t.Error("an entry of the settings comes back when it has left them")
	}
	h.key = secret.Key{1}
	if data, code, _ := h.ask(own); code != "" || data.(mqttapi.AddedData).Change != mqttapi.EntryChanged {
		t.Errorf("sent again with its secret: %s %+v", code, data)
	}
}

// Requests that come at the same time are carried out one after another.
func TestTogether(t *testing.T) {
	h := newHouse(t, "ENTRIES=none")
	defer h.open()()
	var mu sync.Mutex
	changes := map[mqttapi.EntryChange]int{}
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			data, _, _ := h.ask(add("garden", "album=Beds"))
			mu.Lock()
			defer mu.Unlock()
			changes[data.(mqttapi.AddedData).Change]++
		})
	}
	asking.Wait()
	if changes[mqttapi.EntryAdded] != 1 || changes[mqttapi.EntrySame] != 19 {
		t.Errorf("%v", changes)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := h.catalog.Request(ctx, mqttapi.RemoveEntry{Entry: "garden"}); err == nil {
		t.Error("nobody removes it, and it is answered as removed before its time")
	}
}
