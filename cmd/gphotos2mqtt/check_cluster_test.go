package main

import (
	"strings"
	"testing"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/cluster"
	"gphotos2mqtt/cluster/clustertest"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

func TestCheckCluster(t *testing.T) {
	const account = `accounts { A { jetstream: enabled, users: [{user: bridge, password: hush, permissions: {publish: {deny: ["%"]}}}] } }`
	for name, tt := range map[string]struct {
		more, want      string
		replicas, lines int
	}{
		"well":     {want: "ok    kept there    records and payloads can be written, read and removed", replicas: 1, lines: 4},
		"alone":    {want: "3 are to be kept (GPHOTOS_NATS_REPLICAS), and 1 server is known", replicas: 3, lines: 3},
		"no right": {more: strings.Replace(account, "%", "$O.gphotos-payloads.C.>", 1), want: "payloads: the user of the NATS cluster lacks a right", replicas: 1, lines: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := clustertest.Start(t, 1, tt.more)
			var out strings.Builder
			k := &check{out: &out, config: config.Config{SecretKey: secret.Text(strings.Repeat("ab", 32)), Cluster: cluster.Config{
				Servers: []string{s.URL(0)}, User: "bridge", Password: "hush", Prefix: "gphotos", Replicas: tt.replicas,
			}}}
			if tt.more == "" {
				k.config.Cluster.User = ""
			}
			if tt.replicas == 1 { // as the first process has left it
				settings := k.config.Cluster
				settings.Log = noLog()
				conn, err := cluster.Connect(t.Context(), settings)
				if err != nil {
					t.Fatal(err)
				}
				conn.Close()
			}
			k.cluster(t.Context())
			if text := out.String(); !strings.Contains(text, tt.want) || (k.failed == 0) != (name == "well") || strings.Count(text, "\n") != tt.lines {
				t.Errorf("%d failed: %s", k.failed, text)
			}
		})
	}
}
