package cluster

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus/hooks/test"

	"gphotos2mqtt/cluster/clustertest"
)

// A key has one subject, and no two have the same; no record is an owner record.
func FuzzSubject(f *testing.F) {
	c := &Conn{cfg: Config{Prefix: "gphotos"}}
	for _, key := range []string{"jobs.home.01A", "links.home", "links.owner", "state.owner.links", "state.bridge.ran", "owner.owner", "e.e.e", "a.b.c.d"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		subject := c.subject(key)
		names := strings.Split(key, ".")
		if len(names) > 1 && c.key(subject) != key {
			t.Errorf("%q is at %q, which is of %q", key, subject, c.key(subject))
		}
		if subject == c.ownerSubject("home") || c.key(c.ownerSubject(key)) != "" {
			t.Errorf("%q is at an owner record", key)
		}
		if len(names) > 1 && !strings.HasPrefix(subject, "$KV.gphotos-records.e."+names[1]+".") {
			t.Errorf("%q is at %q, not below its entry", key, subject)
		}
	})
}

// A value comes back as it was; only a removal has none.
func FuzzValue(f *testing.F) {
	f.Add([]byte{}, 1)
	f.Add([]byte(`{"title":"Front door"}`), 5000)
	f.Fuzz(func(t *testing.T, part []byte, times int) {
		value := append([]byte{}, bytes.Repeat(part, max(times, 1)%10_000)...)
		m := valueMessage("x", value)
		got, err := valueOf(m.Header, m.Data)
		if diff := cmp.Diff(value, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if len(value) > squeezeFrom && len(part) < 100 && len(m.Data) > len(value)/4 {
			t.Errorf("%d bytes are stored as %d", len(value), len(m.Data))
		}
	})
}

// What no job names is swept once it is old enough, also what was never complete; the rest stays.
func TestSweep(t *testing.T) {
	s := clustertest.Start(t, 1, "")
	log, _ := test.NewNullLogger()
	c, err := Connect(t.Context(), Config{Servers: []string{s.URL(0)}, Prefix: "gphotos", Replicas: 1, Log: log.WithField("", "")})
	must(t, err)
	defer c.Close()
	e := c.Engine()
	for _, name := range []string{"01A.0.aa", "01A.1.aa", "01B.0.aa"} {
		_, _, err := e.PutBlob(t.Context(), name, strings.NewReader(strings.Repeat(name, 100_000)))
		must(t, err)
	}
	failure := errors.New("it is gone")
	_, _, err = e.PutBlob(t.Context(), "01C.0.aa", io.MultiReader(strings.NewReader(strings.Repeat("x", 600<<10)), iotest.ErrReader(failure)))
	if !errors.Is(err, failure) {
		t.Fatal(err)
	}
	_, err = c.js.Publish(t.Context(), c.chunkSubject(blobID("01D.0.aa")+".x"), []byte("of a process that was killed"))
	must(t, err)
	keep := func(name string) bool { return name == "01A.0.aa" }
	stream, err := c.js.Stream(t.Context(), c.blobs())
	must(t, err)
	left := func() uint64 {
		t.Helper()
		info, err := stream.Info(t.Context())
		must(t, err)
		return info.State.Msgs
	}
	if n := left(); n != 3*(1+2)+1 { // nothing of the one that failed
		t.Errorf("%d messages are there", n)
	}
	if n, err := e.SweepBlobs(t.Context(), keep); n != 0 || err != nil {
		t.Errorf("swept %d that are just being put, %v", n, err)
	}
	if n, err := e.sweep(t.Context(), keep, 0); n != 3 || err != nil {
		t.Errorf("swept %d, want 3, %v", n, err)
	}
	if n := left(); n != 1+2 {
		t.Errorf("%d messages are left, want those of one blob", n)
	}
}

// A process that gives up waits for nothing.
func TestContextEnds(t *testing.T) {
	s := clustertest.Start(t, 1, "")
	log, _ := test.NewNullLogger()
	c, err := Connect(t.Context(), Config{Servers: []string{s.URL(0)}, Prefix: "gphotos", Replicas: 1, Log: log.WithField("", "")})
	must(t, err)
	defer c.Close()
	s.Kill(0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := c.Engine()
	_, _, put := e.PutBlob(ctx, "x", strings.NewReader("x"))
	_, get := e.Get(ctx, "state.bridge.x")
	for _, err := range []error{put, get, e.RemoveBlob(ctx, "x"), e.Claim(ctx, "home", 1)} {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	for end := time.Now().Add(time.Minute); c.Failing() == "" && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if text := c.Failing(); !strings.Contains(text, "No server of the NATS cluster can be reached") {
		t.Errorf("failing = %q", text)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
