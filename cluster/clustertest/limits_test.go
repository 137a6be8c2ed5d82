package clustertest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/store/engine"
)

func random(size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{}), size)
}

// When the account has no room, new uploads are refused; what is queued waits, and goes on once there is room.
func TestFull(t *testing.T) {
	s := Start(t, 1, "accounts { A { jetstream: {max_file: 8MB}, users: [{user: bridge, password: hush}] } }")
	cfg := config(t, s.URLs(), 1)
	cfg.User, cfg.Password = "bridge", "hush"
	log, hook := test.NewNullLogger()
	cfg.Log = logrus.NewEntry(log)
	e := connect(t, cfg).Engine()
	own := *s
	own.clients = []string{strings.Replace(s.URL(0), "nats://", "nats://bridge:hush@", 1)}
	takeOver(t, e, cfg, &own, "home")
	st := openStore(t, e)
	queued := job("01A")
	must(t, st.AddJob(t.Context(), queued))
	var err error
	for size := int64(1 << 20); size > 500; size /= 8 { // to the last corner
		err = nil
		for i := 0; err == nil; i++ {
			_, _, err = st.PutPayload(t.Context(), fmt.Sprint(size, "-", i), random(size))
		}
	}
	if !errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrEngine) || !strings.Contains(err.Error(), "the NATS cluster has no room") {
		t.Fatalf("put = %v", err)
	}
	more := job("01B")
	more.Files[0].Description = strings.Repeat("x", 2000)
	if err := st.AddJob(t.Context(), more); !errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrEngine) {
		t.Errorf("add = %v", err)
	}
	long, err := io.ReadAll(random(100_000))
	must(t, err)
	queued.Files[0].Description = hex.EncodeToString(long)
	saved := make(chan error)
	go func() { saved <- st.SaveJob(context.Background(), queued) }()
	await(t, hook, "waiting for the cluster", "the NATS cluster has no room")
	must(t, st.RemovePayload(t.Context(), "1048576-0"))
	must(t, <-saved)
}

// A right that is missing is named, and holds up nothing but what needs it.
func TestNoRight(t *testing.T) {
	s := Start(t, 1, `accounts { A { jetstream: enabled, users: [{user: all, password: hush},
		{user: bridge, password: hush, permissions: {publish: {deny: ["$KV.gphotos-records.e.*.links"]}}}] } }`)
	cfg := config(t, s.URLs(), 1)
	cfg.User, cfg.Password = "bridge", "hush"
	log, hook := test.NewNullLogger()
	cfg.Log = logrus.NewEntry(log)
	e := connect(t, cfg).Engine()
	own := *s
	own.clients = []string{strings.Replace(s.URL(0), "nats://", "nats://all:hush@", 1)}
	takeOver(t, e, cfg, &own, "home")
	takeOver(t, e, cfg, &own, "other")
	st := openStore(t, e)
	saved := make(chan error)
	go func() { saved <- st.Links().Save(context.Background(), "home", []byte("x")) }()
	await(t, hook, "waiting for the cluster", "lacks a right")
	must(t, st.SaveState(t.Context(), "other", "x", 1))
	e.Release("home")
	if err := <-saved; !errors.Is(err, store.ErrLost) {
		t.Errorf("save = %v", err)
	}
}

// A record that the servers do not take fails at once, and says why.
func TestTooLarge(t *testing.T) {
	s := Start(t, 1, "")
	cfg := config(t, s.URLs(), 1)
	e := claimed(t, cfg, s, "home")
	value, err := io.ReadAll(random(2 << 20))
	must(t, err)
	_, err = e.Change(t.Context(), engine.Change{Key: "state.home.x", Value: value, Revision: engine.Any})
	if err == nil || errors.Is(err, engine.ErrEngine) || !strings.Contains(err.Error(), "raise max_payload") {
		t.Errorf("error = %v", err)
	}
	value = bytes.Repeat([]byte("pictures"), 1<<20)
	_, err = e.Change(t.Context(), engine.Change{Key: "state.home.x", Value: value, Revision: engine.Any})
	must(t, err)
	if r, err := e.Get(t.Context(), "state.home.x"); !bytes.Equal(r.Value, value) {
		t.Errorf("%d bytes, %v", len(r.Value), err)
	}
}

// While no server is there a write waits; it is lost with its entry.
func TestLostWhileAway(t *testing.T) {
	s := Start(t, 1, "")
	e := claimed(t, config(t, s.URLs(), 1), s, "home", "other")
	s.Kill(0)
	saved, other := make(chan error), make(chan error)
	change := func(entry string) error {
		_, err := e.Change(context.Background(), engine.Change{Key: "state." + entry + ".x", Value: []byte("x"), Revision: engine.Any})
		return err
	}
	go func() { saved <- change("home") }()
	go func() { other <- change("other") }()
	time.Sleep(100 * time.Millisecond) // both are on their way
	e.Release("home")
	if err := <-saved; !errors.Is(err, engine.ErrLost) {
		t.Errorf("write = %v", err)
	}
	s.Run(0)
	must(t, <-other)
}

func await(t *testing.T, hook *test.Hook, message, text string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, e := range hook.AllEntries() {
			if err, ok := e.Data[logrus.ErrorKey].(error); ok && e.Message == message && strings.Contains(err.Error(), text) {
				return
			}
		}
	}
	t.Errorf("%s: %q was not said", message, text)
}

// That many wait is said once, whatever holds up each of them, and so is that they go on.
func TestSaidOnce(t *testing.T) {
	s := Start(t, 1, "")
	cfg := config(t, s.URLs(), 1)
	log, hook := test.NewNullLogger()
	cfg.Log = logrus.NewEntry(log)
	e := connect(t, cfg).Engine()
	done := make(chan error)
	begin := func(key string) {
		go func() {
			_, err := e.Change(context.Background(), engine.Change{Key: "state.bridge." + key, Value: []byte("x"), Revision: engine.Any})
			done <- err
		}()
		go func() {
			_, _, err := e.PutBlob(context.Background(), key, strings.NewReader("x"))
			done <- err
		}()
	}
	const many = 25
	s.Freeze(0)
	for i := range many {
		begin(fmt.Sprint("a", i))
	}
	await(t, hook, "waiting for the cluster", "does not answer")
	s.Kill(0)
	for i := range many {
		begin(fmt.Sprint("b", i))
	}
	s.Run(0)
	for range 4 * many {
		must(t, <-done)
	}
	said := map[string]int{}
	for _, e := range hook.AllEntries() {
		said[e.Message]++
	}
	if said["waiting for the cluster"] != 1 || said["the cluster answers"] != 1 {
		t.Errorf("%v", said)
		for _, e := range hook.AllEntries() {
			t.Log(e.Message, e.Data)
		}
	}
}
