package main

import (
	"strings"
	"testing"

	"github.com/sirupsen/logrus/hooks/test"

	"gphotos2mqtt/cluster"
	"gphotos2mqtt/cluster/clustertest"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// What a cluster's user may not do shows before a bridge needs it.
func TestCheckWritesInCluster(t *testing.T) {
	const account = `accounts { A { jetstream: enabled, users: [{user: all, password: hush}, {user: bridge, password: hush,
		permissions: {publish: {deny: ["%"]}}}] } }`
	for name, tt := range map[string]struct{ deny, want string }{
		"well":       {"nothing", "ok    buckets       records and payloads can be written, read and removed"},
		"no records": {"$KV.gphotos-records.e.>", "records: the user of the NATS cluster lacks a right"},
		"no chunks":  {"$O.gphotos-payloads.C.>", "payloads: the user of the NATS cluster lacks a right"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := clustertest.Start(t, 1, strings.Replace(account, "%", tt.deny, 1))
			log, _ := test.NewNullLogger()
			cfg := cluster.Config{
				Servers: []string{s.URL(0)}, User: "all", Password: "hush", Prefix: "gphotos", Replicas: 1, Log: log.WithField("", ""),
			}
			conn, err := cluster.Connect(t.Context(), cfg) // the first process makes the buckets
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			var out strings.Builder
			cfg.User = "bridge"
			k := &check{out: &out, config: config.Config{Cluster: cfg}}
			k.cluster(t.Context())
			if text := out.String(); !strings.Contains(text, tt.want) || (k.failed == 0) != (name == "well") {
				t.Errorf("%d failed: %s", k.failed, text)
			}
		})
	}
}
