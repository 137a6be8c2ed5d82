package clustertest

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"go.uber.org/goleak"

	"gphotos2mqtt/cluster"
)

func TestMain(m *testing.M) {
	Serve()
	goleak.VerifyTestMain(m)
}

func config(tb testing.TB, servers string, replicas int) cluster.Config {
	tb.Helper()
	list, err := cluster.ParseServers(servers)
	must(tb, err)
	log := logrus.New()
	log.SetOutput(io.Discard)
	return cluster.Config{Servers: list, Prefix: "gphotos", Replicas: replicas, Log: logrus.NewEntry(log)}
}

func connect(t *testing.T, cfg cluster.Config) *cluster.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := cluster.Connect(ctx, cfg)
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// The buckets are made once, and a second process finds them.
func TestConnect(t *testing.T) {
	s := Start(t, 1, "")
	connect(t, config(t, s.URLs(), 1))
	if failing := connect(t, config(t, s.URLs(), 1)).Failing(); failing != "" {
		t.Error(failing)
	}
	for _, name := range []string{"KV_gphotos-records", "KV_gphotos-processes", "OBJ_gphotos-payloads"} {
		if _, err := s.JetStream().Stream(t.Context(), name); err != nil {
			t.Error(name, err)
		}
	}
}

// Three processes that come to a new cluster at the same time make the buckets together.
func TestConnectTogether(t *testing.T) {
	s := Start(t, 3, "")
	errs := make(chan error)
	for range 3 {
		cfg := config(t, s.URLs(), 3)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			c, err := cluster.Connect(ctx, cfg)
			if err == nil {
				c.Close()
			}
			errs <- err
		}()
	}
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// A bucket that is there already and is another is said at once, with what differs and what to do.
func TestOtherBucket(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   string
	}{
		"replicas": {func(*jetstream.StreamConfig) {}, "is on 1 servers where GPHOTOS_NATS_REPLICAS asks for 3"},
		"memory":   {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "is in memory, not in files"},
		"history":  {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 }, "keeps 5 values of a key"},
		"age":      {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "keeps values for 1h0m0s"},
		"markers":  {func(c *jetstream.StreamConfig) { c.SubjectDeleteMarkerTTL = 0 }, "keeps markers of removed keys for 0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Start(t, 1, "")
			connect(t, config(t, s.URLs(), 1))
			js := s.JetStream()
			stream, err := js.Stream(t.Context(), "KV_gphotos-records")
			must(t, err)
			cfg, replicas := stream.CachedInfo().Config, 1
			must(t, js.DeleteStream(t.Context(), cfg.Name))
			tc.change(&cfg)
			_, err = js.CreateStream(t.Context(), cfg)
			must(t, err)
			if name == "replicas" {
				replicas = 3
			}
			_, err = cluster.Connect(t.Context(), config(t, s.URLs(), replicas))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

// What holds up the start is logged as a sentence to act on, and waited for.
func TestConnectWaits(t *testing.T) {
	const account = "accounts { A { jetstream: %s, users: [{user: bridge, password: hush%s}] } }"
	for name, tc := range map[string]struct {
		servers  int
		more     string
		password string
		replicas int
		want     string
	}{
		"nobody":         {servers: 0, want: "no NATS server answers at nats://127.0.0.1:"},
		"login":          {servers: 1, more: strings.NewReplacer("%s}", "}", "%s", "enabled").Replace(account), password: "wrong", want: "refuse the login: check GPHOTOS_NATS_USER"},
		"too few":        {servers: 1, replicas: 3, want: "fewer than the 3 servers that GPHOTOS_NATS_REPLICAS asks for"},
		"no JetStream":   {servers: 1, more: strings.NewReplacer("%s}", "}", "%s", "disabled").Replace(account), password: "hush", want: "JetStream is not enabled for this account"},
		"few streams":    {servers: 1, more: strings.NewReplacer("%s}", "}", "%s", "{max_streams: 1}").Replace(account), password: "hush", want: "may have no more streams"},
		"no right":       {servers: 1, more: strings.NewReplacer("%s}", `, permissions: {publish: {deny: ["$JS.API.STREAM.CREATE.>"]}}}`, "%s", "enabled").Replace(account), password: "hush", want: "lacks a right"},
		"half a cluster": {servers: 2, want: "more than half of its servers must run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Start(t, max(tc.servers, 1), tc.more)
			if tc.servers != 1 {
				s.Kill(0)
			}
			cfg := config(t, s.URLs(), max(tc.replicas, 1))
			if tc.password != "" {
				cfg.User, cfg.Password = "bridge", "hush"
				if name == "login" {
					cfg.Password = "wrong"
				}
			}
			log, hook := test.NewNullLogger()
			cfg.Log = logrus.NewEntry(log)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() {
				_, err := cluster.Connect(ctx, cfg)
				done <- err
			}()
			found := func() bool {
				for _, e := range hook.AllEntries() {
					if err, ok := e.Data[logrus.ErrorKey].(error); ok && strings.Contains(err.Error(), tc.want) {
						return true
					}
				}
				return false
			}
			for end := time.Now().Add(time.Minute); !found(); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Errorf("%q was not said", tc.want)
					for _, e := range hook.AllEntries() {
						t.Log(e.Message, e.Data)
					}
					break
				}
			}
			cancel()
			if err := <-done; err == nil {
				t.Error("connected")
			}
		})
	}
}

// A server that answers nothing, as one that the others have lost, does not keep a process away from the cluster.
func TestServerOnItsOwn(t *testing.T) {
	whole, alone := Start(t, 1, ""), Start(t, 2, "")
	alone.Kill(1)
	for range 6 { // which server is the first is chosen by chance
		connect(t, config(t, whole.URLs()+","+alone.URL(0), 1))
	}
}
